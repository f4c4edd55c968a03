"""A cell host that keeps cells in memory and shouts at what nobody planned."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sidecar.adapters.supervisor import CellSpec, CellState, CellStatus


class FakeCellHost:
    """Same verbs as ``CellHost``. ``plan`` names the verbs a test expects; any other one fails it."""

    def __init__(self, directory: Path, *plan: str) -> None:
        self.cells_dir = directory
        self.plan = set(plan)
        self.calls: list[tuple[str, UUID | None]] = []
        self.cells: dict[UUID, CellStatus] = {}

    def prepare(self, spec: CellSpec) -> Path:
        self._planned("prepare", spec.cell_id)
        self.directory(spec.cell_id).mkdir(parents=True, exist_ok=True)
        return self.directory(spec.cell_id) / "policy.json"

    def ensure(self, spec: CellSpec) -> bool:
        self._planned("ensure", spec.cell_id)
        was = self.cells.get(spec.cell_id)
        self.set(spec.cell_id, CellState.RUNNING)
        return was is None or was.state != CellState.RUNNING

    def stop(self, cell_id: UUID) -> None:
        self._planned("stop", cell_id)
        self.set(cell_id, CellState.STOPPED)

    def restart(self, cell_id: UUID) -> None:
        self._planned("restart", cell_id)
        self.set(cell_id, CellState.RUNNING)

    def remove(self, cell_id: UUID, *, erase: bool = False) -> None:
        self._planned("erase" if erase else "remove", cell_id)
        del self.cells[cell_id]

    def status(self) -> dict[UUID, CellStatus]:
        self._planned("status", None)
        return dict(self.cells)

    def directory(self, cell_id: UUID) -> Path:
        return self.cells_dir / str(cell_id)

    def set(self, cell_id: UUID, state: CellState, *, last_error: tuple[str, ...] = (), disk_bytes: int = 0) -> None:
        """Plan what ``status`` says of a cell."""
        up = state == CellState.RUNNING
        self.cells[cell_id] = CellStatus(state, 1 if up else None, datetime.now(UTC) if up else None, last_error, disk_bytes)

    def _planned(self, verb: str, cell_id: UUID | None) -> None:
        if verb not in self.plan:
            raise AssertionError(f"nobody planned CellHost.{verb}({cell_id})")
        self.calls.append((verb, cell_id))
