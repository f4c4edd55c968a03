"""What is on record about looking: at lists and records of patients, and at the journal itself."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ListShown(Event):
    """A list or search of patient data was shown (PS3.15 A.5.3.10, Query).

    ``place`` is which list, ``filters`` the names of what narrowed it, ``asked`` a keyed digest of their values (``reads``):
    nobody reads a patient's name from it or tries names on it; who holds the house's key can say whether one was searched
    for. ``shown`` counts rows.
    """

    kind: ClassVar[str] = "audit.list.shown"
    place: str
    filters: list[str]
    asked: str
    shown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordShown(Event):
    """One study's or order's patient data were shown on a page about something else: ``place`` says which."""

    kind: ClassVar[str] = "audit.record.shown"
    place: str
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalShown(Event):
    """Somebody looked into the journal (PS3.15 A.5.3.2, Audit Log Used)."""

    kind: ClassVar[str] = "audit.journal.shown"
    place: str
    filters: list[str]
    asked: str = ""
    shown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalExported(Event):
    """Entries of the journal were taken along. ``form``: csv, json, atna, or chain (whole, to be verified elsewhere)."""

    kind: ClassVar[str] = "audit.journal.exported"
    form: str
    place: str
    filters: list[str]
    rows: int
    asked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalForgotten(Event):
    """Rows whose time was over are gone; the chain begins after ``until`` now."""

    kind: ClassVar[str] = "audit.journal.forgotten"
    rows: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalBroken(Event):
    """The worker found that the journal does not verify. ``verdict`` says where, without anybody's data."""

    kind: ClassVar[str] = "audit.journal.checked"
    outcome: ClassVar[int] = 12
    rows: int
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingChanged(Event):
    """The organisation keeps its journal for another number of years."""

    kind: ClassVar[str] = "audit.keeping.changed"
    years: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHeld(Event):
    """Nothing is removed from the journal until the hold is lifted; why stays in its row."""

    kind: ClassVar[str] = "audit.hold.set"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalReleased(Event):
    """The hold on the journal ended."""

    kind: ClassVar[str] = "audit.hold.lifted"
