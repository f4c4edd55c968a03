"""What the API of this room takes and answers. Answers hold no patient data."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from sidecar.gate.requests import Asked, Shown, Told
from sidecar.studies.model import Priority, Status, TakeBackReason

Chosen = Literal[
    TakeBackReason.ANOTHER_READER,
    TakeBackReason.TOO_LONG,
    TakeBackReason.SENT_IN_ERROR,
    TakeBackReason.NOT_NEEDED,
    TakeBackReason.OTHER,
]
"""Why a person takes a study back."""
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class AssignTo(Asked):
    """To whom."""

    user_id: UUID


class NewPriority(Asked):
    """How urgent."""

    priority: Priority


class TakingBack(Asked):
    """Why a study is taken back from its readers. ``confirmed``: known that one of them has begun to read it."""

    reason: Chosen
    explanation: Annotated[Words, Field(validate_default=True, description="Stays with you; needed where reason is other.")] = ""
    confirmed: Annotated[bool, Field(description="True once you know that it is being read.")] = False

    @field_validator("explanation")
    @classmethod
    def _say_why(cls, text: str, form: ValidationInfo) -> str:
        if form.data.get("reason") is TakeBackReason.OTHER and not text:
            raise ValueError("Say which reason it is.")
        return text


class TakenBack(Shown):
    """A study that was taken back: from whom, when, why."""

    id: UUID
    study_id: UUID
    reading_organization_id: UUID
    reason: TakeBackReason
    taken_at: datetime


class TakenBackAnswer(Told):
    """One taking back."""

    take_back: TakenBack


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
