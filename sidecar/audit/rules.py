"""When rows of the journal may go: pure, so that six years are tested in microseconds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

LEAST_YEARS = 6
"""45 CFR 164.316(b)(2)(i) and 164.528(a)(3): six years."""


@dataclass(frozen=True, slots=True)
class Row:
    """What decides about one row."""

    sequence: int
    at: datetime
    study_id: UUID | None
    hash: bytes


def years_before(now: datetime, years: int) -> datetime:
    """Return the same day and time so many years earlier; 29 February becomes the 28th, as Postgres has it."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:
        return now.replace(year=now.year - years, day=28)


def last_to_go(rows: Iterable[Row], *, before: datetime, held: Collection[UUID]) -> Row | None:
    """Return the last row of the oldest stretch that may go, or None. ``rows`` in order from the chain's beginning.

    A chain is cut only at its beginning, so one row that must stay keeps all that follow it.
    """
    last = None
    for row in rows:
        if row.at >= before or row.study_id in held:
            return last
        last = row
    return last
