"""What the API of this room takes and answers. Answers hold no patient data."""

from datetime import datetime
from uuid import UUID

from sidecar.gate.requests import Asked, Shown, Told
from sidecar.studies.model import Priority, Status


class AssignTo(Asked):
    """To whom."""

    user_id: UUID


class NewPriority(Asked):
    """How urgent."""

    priority: Priority


class Standing(Shown):
    """Where a study stands, and who has it."""

    id: UUID
    status: Status
    priority: Priority
    due_at: datetime | None
    assignee_id: UUID | None
    assignee_name: str
    lock_until: datetime | None


class StandingAnswer(Told):
    """One study, as it stands now."""

    study: Standing


class CandidateShown(Shown):
    """Somebody who could be given it, and how many unsigned studies they have."""

    id: UUID
    name: str
    open: int


class CandidatesAnswer(Told):
    """Who could be given it, who has least first."""

    candidates: list[CandidateShown]
