"""Who counts as the second person for a change of role: not an account that the first one could have made for this very purpose.

Whoever may invite could invite an address of their own, and answer themselves from it. So two people count as two only when
neither of them let the other in, also by a chain of invitations. After 92 days an invitation no longer counts: by then the
quarterly review of who may do what (control B13) has had the account before somebody else's eyes. Approving a registration is
letting in somebody nobody else has seen, and counts for good. The platform's administrator is always independent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from sidecar.accounts.member_tables import RoleChange
from sidecar.accounts.tables import User
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.scope import Scope

NEW_FOR = timedelta(days=92)
"""The longest quarter."""
DECIDING = (Role.ADMIN.value, Role.MANAGER.value)


@dataclass(frozen=True, slots=True)
class Entry:
    """How somebody came into the organisation."""

    invited_by: UUID | None
    approved_by: UUID | None
    created_at: datetime

    def let_in_by(self, now: datetime) -> set[UUID]:
        """Return who let them in, as far as it still counts."""
        by = {self.approved_by} if self.approved_by else set()
        if self.invited_by and now - self.created_at < NEW_FOR:
            by.add(self.invited_by)
        return by


def let_in(entries: Mapping[UUID, Entry], person: UUID, *, by: UUID, now: datetime) -> bool:
    """Say whether somebody let a person in, or let in whoever did, and so on. Pure."""
    seen: set[UUID] = set()
    todo = {person}
    while todo:
        seen |= todo
        todo = {each for one in todo if one in entries for each in entries[one].let_in_by(now)} - seen
    return by in seen - {person}


def dependence(scope: Scope, change: RoleChange) -> str:
    """Return why the actor is not the second person for this change, in words; "" when they are."""
    if scope.actor.kind is OrganisationKind.PLATFORM:
        return ""
    return _why(_entries(scope, change.organisation_id), change, scope.user_id, scope.now)


def deciders(scope: Scope, change: RoleChange) -> Sequence[UUID]:
    """Return who of the organisation may decide on a change."""
    entries = _entries(scope, change.organisation_id)
    others = select(User.id).where(User.organisation_id == change.organisation_id, User.disabled_at.is_(None))
    may = others.where(User.role.in_(DECIDING), User.id.not_in([change.user_id, change.asked_by]))
    return [each for each in scope.session.scalars(may) if not _why(entries, change, each, scope.now)]


def _why(entries: Mapping[UUID, Entry], change: RoleChange, decider: UUID, now: datetime) -> str:
    if let_in(entries, decider, by=change.asked_by, now=now):
        return f"You came in through whoever asks for this{_UNTIL}."
    if let_in(entries, change.asked_by, by=decider, now=now):
        return f"Whoever asks for this came in through you{_UNTIL}."
    return ""


_UNTIL = ", so it takes somebody else as the second person: another administrator or manager, or the platform's administrator"


def _entries(scope: Scope, organisation_id: UUID) -> dict[UUID, Entry]:
    asked = select(User.id, User.invited_by, User.approved_by, User.created_at).where(User.organisation_id == organisation_id)
    return {row.id: Entry(row.invited_by, row.approved_by, row.created_at) for row in scope.session.execute(asked)}
