"""Decisions about claims and locks: facts and a moment in, words or a moment out. No clock, no database, no web."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sidecar.studies.model import Status, TakeBackReason
from sidecar.studies.rules import predecessors

LOCK = timedelta(seconds=60)
"""How long a reader's lock holds without a sign of life; the reading page renews it every 20 s."""
OPEN = predecessors(Status.UNREAD) | {Status.UNREAD}
"""Statuses from which the study may still go back to everybody, and so to anybody."""
READABLE = predecessors(Status.READING) | {Status.READING}
"""Statuses in which somebody may begin or go on reading."""

TAKE_BACK_REASONS = {
    TakeBackReason.ANOTHER_READER: "Somebody else is to read it",
    TakeBackReason.TOO_LONG: "It takes too long",
    TakeBackReason.SENT_IN_ERROR: "It should not have gone to this group",
    TakeBackReason.NOT_NEEDED: "No report is needed any more",
    TakeBackReason.OTHER: "Another reason",
}
"""Those that a person chooses from, in words."""


@dataclass(frozen=True, slots=True)
class Held:
    """Who has a study at a moment: its assignee, and who holds its lock until when."""

    status: Status
    assignee_id: UUID | None
    assignee_name: str
    lock_user_id: UUID | None
    lock_user_name: str
    lock_until: datetime | None

    def locked_by_other(self, user_id: UUID | None, now: datetime) -> bool:
        """Say whether somebody else is reading it right now."""
        alive = self.lock_until is not None and self.lock_until > now
        return alive and self.lock_user_id is not None and self.lock_user_id != user_id


def why_not_claim(held: Held, user_id: UUID | None, now: datetime) -> str:
    """Return why the study cannot be claimed, in words for the reader, or ""."""
    if held.status not in OPEN:
        return "The report is signed." if held.status is Status.FINAL else "A preliminary report exists."
    if held.assignee_id == user_id and user_id is not None:
        return "It is yours already."
    if held.assignee_id is not None:
        return f"{held.assignee_name} has it."
    if held.locked_by_other(user_id, now):
        return f"{held.lock_user_name} is reading it right now."
    return ""


def why_not_assign(held: Held, now: datetime) -> str:
    """Return why the study cannot be given to anybody (else), or ""."""
    if held.status not in OPEN:
        return "The report is signed." if held.status is Status.FINAL else "A preliminary report exists."
    if held.locked_by_other(None, now):
        return f"{held.lock_user_name} is reading it right now."
    return ""


def why_not_take_back(held: Held, elsewhere: bool) -> str:  # noqa: FBT001 - a fact, not a switch
    """Return why the owner cannot take the study from the group that reads it, or ""."""
    if held.status is Status.FINAL:
        return "The report is signed. Its readers' access ends as the contract says."
    return "" if elsewhere else "No reading group has this study."


def begun(held: Held, now: datetime, *, written: bool) -> str:
    """Return what was begun with the study, for whoever would take it away, or ""."""
    if held.locked_by_other(None, now):
        return f"{held.lock_user_name} is reading it right now."
    if held.status in {Status.READING, Status.PRELIMINARY}:
        return f"{held.assignee_name or 'Somebody'} has begun to read it."
    return "A report on it was begun." if written else ""


def why_not_lock(held: Held, user_id: UUID, now: datetime) -> str:
    """Return why this reader cannot begin to read, or ""."""
    if held.status is Status.FINAL:
        return "The report is signed."
    if held.locked_by_other(user_id, now):
        return f"{held.lock_user_name} is reading it right now."
    if held.assignee_id not in (None, user_id):
        return f"{held.assignee_name} has it. Ask for it, or have it assigned to you."
    return ""
