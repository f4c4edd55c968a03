"""What happens between a study and its readers."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event
from sidecar.studies.model import TakeBackReason


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyClaimed(Event):
    """A radiologist took it."""

    kind: ClassVar[str] = "assignment.study.claimed"
    assignee_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyAssigned(Event):
    """Somebody gave it to a radiologist; ``previous_id`` had it before."""

    kind: ClassVar[str] = "assignment.study.assigned"
    assignee_id: UUID
    previous_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReleased(Event):
    """It went back to everybody."""

    kind: ClassVar[str] = "assignment.study.released"
    previous_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTakenBack(Event):
    """Its owner took it from the group that read it; ``contract_id``: because that contract ended, None when a person did."""

    kind: ClassVar[str] = "assignment.study.taken-back"
    take_back_id: UUID
    reason: TakeBackReason
    contract_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOfferedAgain(Event):
    """Contracts may give it again to whom it was taken back from."""

    kind: ClassVar[str] = "assignment.study.offered-again"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingStarted(Event):
    """Somebody opened it to read and holds the lock."""

    kind: ClassVar[str] = "assignment.reading.started"
    reader_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPaused(Event):
    """The reader closed it unsigned."""

    kind: ClassVar[str] = "assignment.reading.paused"
    reader_id: UUID
