"""What is asked of the list, and what a line of it holds."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement

from sidecar.studies.model import Priority, Status
from sidecar.studies.tables import Study


class View(StrEnum):
    """The saved views, in the order they are shown."""

    OPEN = "open"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    STAT = "stat"
    SOON = "soon"
    ARRIVING = "arriving"
    SIGNED = "signed"


class Sort(StrEnum):
    """Columns that order the list."""

    URGENCY = "urgency"
    DUE = "due"
    PATIENT = "patient"
    STUDY = "study"
    IMAGES = "images"
    SITE = "site"
    ASSIGNED = "assigned"
    STATUS = "status"


class Direction(StrEnum):
    """Of the order."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader wants to see. Every field narrows; the walls have narrowed before."""

    view: View = View.OPEN
    q: str = ""
    modality: str = ""
    site: UUID | None = None
    status: Status | None = None
    priority: Priority | None = None
    assignee: UUID | None = None
    hours: int | None = None
    sort: Sort = Sort.URGENCY
    direction: Direction = Direction.ASC

    def asked(self) -> dict[str, Any]:
        """Return what narrows the list, for the record of who was shown it: its order is no question about patients."""
        return {name: value for name, value in asdict(self).items() if name not in {"sort", "direction"}}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose list it is: the person, now, when their day began, and what of the studies they see is work (``worked_on``).

    ``unseen``: fields their search does not look at.
    """

    user_id: UUID | None
    now: datetime
    midnight: datetime
    work: ColumnElement[bool]
    unseen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """A study as the query found it. ``sort`` orders the list by plain comparison of text; ``gone``: no longer in this list."""

    study: Study
    site: str
    priors: int
    sort: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A study as the list shows it."""

    study: Study
    site: str
    priors: int
    sort: str
    gone: bool
    mine: bool
    locked_by: str
    href: str
    may: frozenset[str]
    why: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list. ``cursor`` is what a later question for changes takes as ``since``."""

    rows: list[Found]
    total: int
    cursor: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed since a cursor; ``more`` when there is more to ask for at once."""

    rows: list[Found] = field(default_factory=list)
    cursor: int = 0
    more: bool = False
