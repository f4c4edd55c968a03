"""Running cells on this machine: files for supervisord, its XML-RPC for the rest."""

import os
import shutil
import time
from pathlib import Path
from uuid import UUID

from sidecar.adapters import supervisor_rpc
from sidecar.adapters.cell_program import CellHousing, CellSpec, door_name, program_name, render, render_door
from sidecar.adapters.cell_status import CellState, CellStatus, disk_use, from_infos

DISK_LOOK_SECONDS = 60.0
"""Walking a large archive costs seconds of I/O; its size is news once a minute."""

__all__ = ["CellHost", "CellHousing", "CellSpec", "CellState", "CellStatus"]


class CellHost:
    """Brings cells, each with its door, up and down.

    Every verb is idempotent; all raise ``SUPERVISOR_GONE`` when supervisord is away.
    """

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
        """Make the cell and its door exist and run as specified; return whether anything had to change."""
        self.prepare(spec)
        entries = {spec.program: render(self.housing, spec), spec.door: render_door(self.housing, spec)}
        changed = [_write_if_new(self._include(name), text, 0o600) for name, text in entries.items()]
        rpc = supervisor_rpc.connect(self.housing.supervisor_socket)
        for name in entries:
            changed.append(supervisor_rpc.apply_group(rpc, name))
            state = CellState(rpc.getProcessInfo(name)["statename"].lower())
            if state in {CellState.STOPPED, CellState.EXITED, CellState.FATAL}:
                rpc.startProcess(name, False)  # noqa: FBT003 - XML-RPC knows no keywords; do not wait
                changed.append(True)
        return any(changed)

    def stop(self, cell_id: UUID) -> None:
        """Stop the cell until the next ``ensure``, ``restart`` or start of supervisord; return when it is down."""
        rpc = supervisor_rpc.connect(self.housing.supervisor_socket)
        for name in _programs(cell_id):
            supervisor_rpc.stop(rpc, name)

    def restart(self, cell_id: UUID) -> None:
        """Stop the cell in peace and start it again; return when it has been up for a second."""
        self.stop(cell_id)
        rpc = supervisor_rpc.connect(self.housing.supervisor_socket)
        for name in _programs(cell_id):
            supervisor_rpc.start(rpc, name)

    def remove(self, cell_id: UUID, *, erase: bool = False) -> None:
        """Take the cell out of service; its images stay on disk unless ``erase``, which cannot be undone."""
        rpc = supervisor_rpc.connect(self.housing.supervisor_socket)
        for name in _programs(cell_id):
            self._include(name).unlink(missing_ok=True)
            supervisor_rpc.apply_group(rpc, name)
        directory = self.directory(cell_id)
        if erase and directory.exists():
            shutil.rmtree(directory)

    def status(self) -> dict[UUID, CellStatus]:
        """Return what runs here. A cell that was never placed on this machine has no entry."""
        rpc = supervisor_rpc.connect(self.housing.supervisor_socket)
        infos = {info["name"]: info for info in rpc.getAllProcessInfo()}
        cells = [UUID(name.removeprefix("cell-")) for name in infos if name.startswith("cell-")]
        return {
            cell: from_infos(infos[program_name(cell)], infos.get(door_name(cell)), self.directory(cell), self._disk_use(cell))
            for cell in cells
        }

    def directory(self, cell_id: UUID) -> Path:
        """Return the cell's own directory: ``storage/ index/ log/ secret policy.json``."""
        return self.housing.cells_dir / str(cell_id)

    def _include(self, program: str) -> Path:
        return self.housing.include_dir / f"{program}.conf"

    def _disk_use(self, cell_id: UUID) -> int:
        looked, size = self._disk.get(cell_id, (float("-inf"), 0))
        if time.monotonic() - looked > DISK_LOOK_SECONDS:
            size = disk_use(self.directory(cell_id))
            self._disk[cell_id] = (time.monotonic(), size)
        return size


def _programs(cell_id: UUID) -> tuple[str, str]:
    """Return a cell's programs in the order in which they stop: the door first, so that nobody is cut by a dying cell."""
    return door_name(cell_id), program_name(cell_id)


def _write_if_new(path: Path, text: str, mode: int) -> bool:
    """Write the file in one step if its content differs; return whether it did."""
    if path.exists() and path.read_text() == text:
        return False
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as handle:
        handle.write(text)
    temporary.replace(path)
    return True
