"""Changing somebody's role: one asks, a second one decides; the platform's administrator needs nobody (21 CFR 11.10(g)).

Nobody changes their own role, nor decides on it, nor on what they asked for themselves. Two people are two when neither let the
other in (see ``seconds``); the platform's administrator is always somebody else.
"""

from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.accounts import letters, member_events, policy, seconds
from sidecar.accounts.ending import end_everywhere
from sidecar.accounts.member_events import RoleEvent
from sidecar.accounts.member_tables import RoleChange
from sidecar.accounts.members import present
from sidecar.accounts.office import Office
from sidecar.accounts.stepup import need_fresh
from sidecar.accounts.tables import User
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied, Invalid
from sidecar.notifications.service import notify
from sidecar.organisations.tables import Organisation


def ask(scope: Scope, office: Office, user_id: UUID, *, role: Role) -> RoleChange:
    """Ask for another role; return the change: waiting for a second person, or already decided when the platform asks.

    Raises:
        StepUp: the second factor was not proved moments ago. Denied: one's own role. Invalid: no such role there.
        Conflict: the person has it already, or a change waits.
    """
    need_fresh(scope)
    user = present(scope, user_id)
    _need_another(scope, user.id)
    kind: str = scope.one(select(Organisation.kind).where(Organisation.id == user.organisation_id))
    if not policy.exists(role, kind):
        raise Invalid("Choose one from the list.")
    if user.role == role.value:
        raise Conflict(f"{user.name} has this role already.")
    if _waiting_for(scope, user.id) is not None:
        raise Conflict("Another change of this role waits for a second person. Let it be decided first.")
    change = RoleChange(
        organisation_id=user.organisation_id,
        id=uuid4(),
        user_id=user.id,
        role_before=user.role,
        role_after=role.value,
        asked_by=scope.user_id,
        asked_at=scope.now,
    )
    scope.session.add(change)
    scope.session.flush()
    scope.emit(_said(member_events.RoleChangeAsked, change))
    if scope.actor.kind is OrganisationKind.PLATFORM:
        _apply(scope, office, change, user)
    else:
        _tell_deciders(scope, change, user)
    return change


def decide(scope: Scope, office: Office, change_id: UUID, *, accept: bool) -> RoleChange:
    """Accept or refuse, as the second person.

    Raises:
        StepUp: see ``ask``. Denied: one's own role, one's own request, or that of somebody one is not independent of.
        Conflict: decided meanwhile, or the role is another.
    """
    need_fresh(scope)
    change: RoleChange = scope.one(select(RoleChange).where(RoleChange.id == change_id).with_for_update())
    if change.decided_at is not None:
        raise Conflict("Somebody decided on this meanwhile.")
    _need_another(scope, change.user_id)
    if change.asked_by == scope.user_id and accept:
        raise Denied("A second person decides on this: not whoever asked for it.")
    if accept and (why := seconds.dependence(scope, change)):
        raise Denied(why)
    if not accept:
        change.decided_by, change.decided_at, change.accepted = scope.user_id, scope.now, False
        scope.emit(_said(member_events.RoleChangeRefused, change))
        return change
    user = present(scope, change.user_id)
    if user.role != change.role_before:
        raise Conflict("The person has another role meanwhile. Refuse this change, and ask anew.")
    _apply(scope, office, change, user)
    return change


def waiting(scope: Scope, organisation_id: UUID) -> list[RoleChange]:
    """Return the changes that wait for a second person, the first one first."""
    undecided = select(RoleChange).where(RoleChange.organisation_id == organisation_id, RoleChange.decided_at.is_(None))
    return list(scope.session.scalars(undecided.order_by(RoleChange.asked_at)))


def _apply(scope: Scope, office: Office, change: RoleChange, user: User) -> None:
    change.decided_by, change.decided_at, change.accepted = scope.user_id, scope.now, True
    user.role = change.role_after
    scope.session.flush()
    scope.emit(_said(member_events.RoleChanged, change))
    end_everywhere(scope, office.redis, user.id)
    office.write_to(scope, user, letters.role_changed(user.name, change.role_after))


def _need_another(scope: Scope, user_id: UUID) -> None:
    if user_id == scope.user_id:
        raise Denied("Nobody changes their own role; ask another administrator.")


def _waiting_for(scope: Scope, user_id: UUID) -> RoleChange | None:
    return scope.session.scalar(select(RoleChange).where(RoleChange.user_id == user_id, RoleChange.decided_at.is_(None)))


def _said(kind: type[RoleEvent], change: RoleChange) -> RoleEvent:
    return kind(
        organisation_id=change.organisation_id,
        user_id=change.user_id,
        role_before=change.role_before,
        role_after=change.role_after,
    )


def _tell_deciders(scope: Scope, change: RoleChange, user: User) -> None:
    for decider in seconds.deciders(scope, change):
        notify(
            scope,
            organisation_id=change.organisation_id,
            user_id=decider,
            kind="accounts.role",
            text=f"{user.name} shall become {change.role_after}. A second person decides.",
            href="/admin/users",
        )
