"""Those who are in: shutting, opening and deleting accounts."""

from uuid import UUID

from sqlalchemy import select

from sidecar.accounts import addresses, links, member_events, service
from sidecar.accounts.ending import end_everywhere
from sidecar.accounts.office import Office
from sidecar.accounts.tables import User
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh_person
from sidecar.kernel.errors import Conflict


def present(scope: Scope, user_id: UUID) -> User:
    """Return a person who was not deleted, or Missing."""
    user: User = scope.one(select(User).where(User.id == user_id, User.deleted_at.is_(None)))
    return user


def disable(scope: Scope, office: Office, user_id: UUID) -> User:
    """Shut an account, and with it every door that is open in its name."""
    present(scope, user_id)
    user = service.disable_user(scope, user_id)
    end_everywhere(scope, office.redis, user_id)
    return user


def enable(scope: Scope, user_id: UUID) -> User:
    """Open a shut account again; a deleted one is gone. Letting somebody in asks who does it: raises StepUp."""
    need_fresh_person(scope)
    present(scope, user_id)
    return service.enable_user(scope, user_id)


def delete_user(scope: Scope, office: Office, user_id: UUID) -> User:
    """Take an account away for good. What the person did keeps their name and id; the address is free for a new account.

    Raises Conflict for one's own account.
    """
    user = present(scope, user_id)
    if user.id == scope.actor.user_id:
        raise Conflict("You cannot delete your own account; ask another administrator.")
    end_everywhere(scope, office.redis, user_id)
    links.withdraw(scope, user_id)
    user.deleted_at = scope.now
    user.disabled_at = user.disabled_at or scope.now
    addresses.forget(user)
    user.password_hash = user.totp_sealed = user.invitation_hash = user.invitation_expires_at = None
    scope.session.flush()
    scope.emit(member_events.UserDeleted(organisation_id=user.organisation_id, user_id=user.id))
    return user
