"""Sample contexts of sharing: who opened an earlier version of a report."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sidecar.sharing.readings import Reader, Told

HOUSE, OWLS = UUID(int=31), UUID(int=32)


def fragments(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    def reader(number: int, name: str, house: UUID | None, *, seen: bool = False) -> Reader:
        read = now - timedelta(minutes=50 * number)
        return Reader(UUID(int=number), house, name, 1, read, now - timedelta(minutes=3) if seen else None)

    readers = [
        reader(1, "Tess Technician", HOUSE, seen=True),
        reader(2, "Dr. Rosa House", HOUSE),
        reader(3, "Dr. Sam Second", OWLS),
        reader(4, "Dr. Kim, Lakeside practice, kim@lakeside.example", None),
        reader(5, "Dr. Wilhelmina Papadopoulos-Featherstonehaugh, surgery", None),
        reader(6, "Gil Gone", HOUSE),
    ]
    told = Told(now - timedelta(minutes=12), frozenset(UUID(int=number) for number in (2, 3, 4)))
    shown = {"readers": readers, "newest": 2, "told": told, "houses": {OWLS: "Nightwatch Teleradiology"}}
    return {"/reports/7a6e1c52-8f0e-4a5b-9d2a-0c3f1f6f2b11/readers": ("_report_readers.html", shown)}
