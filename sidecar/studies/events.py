"""What happens to a study. Ids, numbers and enums only."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event
from sidecar.studies.model import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyArrived(Event):
    """The first images of a study are in the index."""

    kind: ClassVar[str] = "studies.study.arrived"
    instances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCameBack(Event):
    """A study that had been erased here was sent again: it is a new one, with a note."""

    kind: ClassVar[str] = "studies.study.came-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancesArrived(Event):
    """More images of a known study; ``reopened`` when it had been complete."""

    kind: ClassVar[str] = "studies.study.grew"
    instances: int
    reopened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCompleted(Event):
    """No image came for the quiet time. ``completed_at`` is the end of that time, not the moment of the sweep."""

    kind: ClassVar[str] = "studies.study.completed"
    completed_at: datetime
    instances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRouted(Event):
    """A contract says who reads it (``reading_organisation_id``), and until when."""

    kind: ClassVar[str] = "studies.study.routed"
    contract_id: UUID
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityChanged(Event):
    """Somebody made it more or less urgent."""

    kind: ClassVar[str] = "studies.study.prioritised"
    priority: Priority
    previous: Priority
    due_at: datetime | None
