"""Running cells on this machine: files for supervisord, its XML-RPC for the rest."""

import os
import shutil
import time
from pathlib import Path
from uuid import UUID

from sidecar.adapters import supervisor_rpc
from sidecar.adapters.cell_program import CellHousing, CellSpec, program_name, render
from sidecar.adapters.cell_status import CellState, CellStatus, disk_use, from_info

DISK_LOOK_SECONDS = 60.0
"""Walking a large archive costs seconds of I/O; its size is news once a minute."""

__all__ = ["CellHost", "CellHousing", "CellSpec", "CellState", "CellStatus"]


class CellHost:
    """Brings cells up and down. Every verb is idempotent; all raise ``SUPERVISOR_GONE`` when supervisord is away."""

    def __init__(self, housing: CellHousing) -> None:
        self.housing = housing
        self._disk: dict[UUID, tuple[float, int]] = {}

    def prepare(self, spec: CellSpec) -> Path:
        """Make the cell's directory and secret without starting it; return where ``policy.json`` belongs."""
        home = self.directory(spec.cell_id)
        for path in (home, home / "storage", home / "index", home / "log"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_if_new(home / "secret", spec.secret, 0o600)
        return home / "policy.json"

    def ensure(self, spec: CellSpec) -> bool:
        """Make the cell exist and run as specified; return whether anything had to change."""
        self.prepare(spec)
        changed = _write_if_new(self._include(spec.cell_id), render(self.housing, spec), 0o600)
        rpc = supervisor_rpc.connect(self.housing.supervisor_socket)
        applied = supervisor_rpc.apply_group(rpc, spec.program)
        state = CellState(rpc.getProcessInfo(spec.program)["statename"].lower())
        if state in {CellState.STOPPED, CellState.EXITED, CellState.FATAL}:
            rpc.startProcess(spec.program, False)  # noqa: FBT003 - XML-RPC knows no keywords; do not wait
            applied = True
        return changed or applied

    def stop(self, cell_id: UUID) -> None:
        """Stop the cell until the next ``ensure``, ``restart`` or start of supervisord; return when it is down."""
        supervisor_rpc.stop(supervisor_rpc.connect(self.housing.supervisor_socket), program_name(cell_id))

    def restart(self, cell_id: UUID) -> None:
        """Stop the cell in peace and start it again; return when it has been up for a second."""
        rpc = supervisor_rpc.connect(self.housing.supervisor_socket)
        supervisor_rpc.stop(rpc, program_name(cell_id))
        supervisor_rpc.start(rpc, program_name(cell_id))

    def remove(self, cell_id: UUID, *, erase: bool = False) -> None:
        """Take the cell out of service; its images stay on disk unless ``erase``, which cannot be undone."""
        self._include(cell_id).unlink(missing_ok=True)
        supervisor_rpc.apply_group(supervisor_rpc.connect(self.housing.supervisor_socket), program_name(cell_id))
        directory = self.directory(cell_id)
        if erase and directory.exists():
            shutil.rmtree(directory)

    def status(self) -> dict[UUID, CellStatus]:
        """Return what runs here. A cell that was never placed on this machine has no entry."""
        rpc = supervisor_rpc.connect(self.housing.supervisor_socket)
        infos = [info for info in rpc.getAllProcessInfo() if info["name"].startswith("cell-")]
        cells = {UUID(info["name"].removeprefix("cell-")): info for info in infos}
        return {cell: from_info(info, self.directory(cell), self._disk_use(cell)) for cell, info in cells.items()}

    def directory(self, cell_id: UUID) -> Path:
        """Return the cell's own directory: ``storage/ index/ log/ secret policy.json``."""
        return self.housing.cells_dir / str(cell_id)

    def _include(self, cell_id: UUID) -> Path:
        return self.housing.include_dir / f"{program_name(cell_id)}.conf"

    def _disk_use(self, cell_id: UUID) -> int:
        looked, size = self._disk.get(cell_id, (float("-inf"), 0))
        if time.monotonic() - looked > DISK_LOOK_SECONDS:
            size = disk_use(self.directory(cell_id))
            self._disk[cell_id] = (time.monotonic(), size)
        return size


def _write_if_new(path: Path, text: str, mode: int) -> bool:
    """Write the file in one step if its content differs; return whether it did."""
    if path.exists() and path.read_text() == text:
        return False
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as handle:
        handle.write(text)
    temporary.replace(path)
    return True
