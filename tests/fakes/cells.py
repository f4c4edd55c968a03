"""A cell that answers what it was told to and shouts otherwise."""

from typing import Any
from uuid import UUID

from sidecar.adapters.cell_client import CellAddress


class FakeCells:
    """Plan answers per series or cell; an unplanned question is a failed test. An exception as answer is raised."""

    def __init__(self) -> None:
        self.metadata: dict[tuple[str, str], bytes | Exception] = {}
        self.changed: dict[int, dict[str, Any] | Exception] = {}
        self.counted: dict[UUID, dict[str, Any] | Exception] = {}
        self.asked: list[tuple[CellAddress, str]] = []

    def series_metadata(self, cell: CellAddress, study_uid: str, series_uid: str) -> bytes:
        self.asked.append((cell, series_uid))
        return self._answer(self.metadata, (study_uid, series_uid), "series_metadata")

    def changes(self, cell: CellAddress, *, since: int, limit: int = 500) -> dict[str, Any]:
        self.asked.append((cell, f"changes {since} limit {limit}"))
        return self._answer(self.changed, since, "changes")

    def statistics(self, cell: CellAddress) -> dict[str, Any]:
        self.asked.append((cell, "statistics"))
        return self._answer(self.counted, cell.cell_id, "statistics")

    def _answer(self, plan: dict[Any, Any], key: Any, call: str) -> Any:
        if key not in plan:
            raise AssertionError(f"nobody planned {call}({key})")
        answer = plan[key]
        if isinstance(answer, Exception):
            raise answer
        return answer
