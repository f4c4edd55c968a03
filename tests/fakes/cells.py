"""A cell that answers what it was told to and shouts otherwise."""

from typing import Any, BinaryIO
from uuid import UUID

from sidecar.adapters.cell_client import CellAddress, Kept


class FakeCells:
    """Plan answers per series or cell; an unplanned question is a failed test. An exception as answer is raised."""

    def __init__(self) -> None:
        self.metadata: dict[tuple[str, str], bytes | Exception] = {}
        self.changed: dict[int, dict[str, Any] | Exception] = {}
        self.counted: dict[UUID, dict[str, Any] | Exception] = {}
        self.keeps: dict[int, Kept | Exception] = {}
        self.taken: list[bytes] = []
        self.full = False
        self.files: dict[str, bytes | Exception] = {}
        self.pictures: dict[str, bytes | Exception] = {}
        self.asked: list[tuple[CellAddress, str]] = []

    def series_metadata(self, cell: CellAddress, study_uid: str, series_uid: str) -> bytes:
        self.asked.append((cell, series_uid))
        return self._answer(self.metadata, (study_uid, series_uid), "series_metadata")

    def store(self, cell: CellAddress, file: BinaryIO, size: int) -> tuple[Kept, str]:
        body = file.read()
        assert len(body) == size
        self.asked.append((cell, f"store {size}"))
        self.taken.append(body)
        return self._answer(self.keeps, len(self.taken), "store"), f"instance {len(self.taken)}"

    def instance(self, cell: CellAddress, orthanc_id: str, target: BinaryIO) -> None:
        self.asked.append((cell, f"instance {orthanc_id}"))
        target.write(self._answer(self.files, orthanc_id, "instance"))

    def file(self, cell: CellAddress, orthanc_id: str) -> bytes:
        self.asked.append((cell, f"file {orthanc_id}"))
        return self._answer(self.files, orthanc_id, "file")

    def rendered(self, cell: CellAddress, orthanc_id: str, *, size: int) -> bytes:
        self.asked.append((cell, f"rendered {orthanc_id} {size}"))
        return self._answer(self.pictures, orthanc_id, "rendered")

    def changes(self, cell: CellAddress, *, since: int, limit: int = 500) -> dict[str, Any]:
        self.asked.append((cell, f"changes {since} limit {limit}"))
        return self._answer(self.changed, since, "changes")

    def has_room(self, cell: CellAddress) -> bool:
        del cell
        return not self.full

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
