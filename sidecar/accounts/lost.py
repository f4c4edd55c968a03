"""What an administrator does about another person's proofs: a lost device, a lock, who they are (21 CFR 11.100(b), 11.300(c)).

None of it lets the administrator sign as them: a new authenticator is set by a link that asks the person's own password, and
the identity has to be confirmed anew before the next signature, by nobody who had a link to that password in hand.
"""

import secrets
from uuid import UUID

from sqlalchemy import delete, func, select

from sidecar.accounts import events, keys, second_factor
from sidecar.accounts.ending import LONGEST_CELL_TOKEN, end_everywhere
from sidecar.accounts.factor_tables import BackupCode, Passkey
from sidecar.accounts.member_events import ResetAsked
from sidecar.accounts.members import present
from sidecar.accounts.office import Office
from sidecar.accounts.service import INVITATION_LIFE, invitation_hash
from sidecar.accounts.stepup import need_fresh
from sidecar.accounts.tables import User
from sidecar.adapters.redis import revoke_session
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict
from sidecar.kernel.journal import JournalRow

OWN = "This is your own account: somebody else does this for you."


def device_lost(scope: Scope, office: Office, user_id: UUID) -> tuple[User, str]:
    """Revoke a person's authenticator, passkeys, backup codes and API keys at once; every session ends.

    Returns them with the token of the single-use link for a new authenticator. Raises StepUp, Missing, Conflict for oneself.
    """
    user = _other(scope, user_id)
    for table in (BackupCode, Passkey):
        scope.session.execute(delete(table).where(table.user_id == user.id))
    user.totp_sealed = None
    user.factor_failures, user.factor_locked_until = 0, None
    user.identity_verified_at = user.identity_verified_by = None
    token = secrets.token_urlsafe(32)
    user.invitation_hash, user.invitation_expires_at = invitation_hash(token), scope.now + INVITATION_LIFE
    scope.session.flush()
    scope.emit(events.DeviceLost(organisation_id=user.organisation_id, user_id=user.id))
    end_everywhere(scope, office.redis, user.id)
    for session in keys.revoke_all(scope, user.id):
        revoke_session(office.redis, session, until=scope.now + LONGEST_CELL_TOKEN)
    text = (
        f"Hello {user.name},\n\nyour authenticator, passkeys, backup codes and API keys were revoked because a device was"
        " reported lost. Add a new authenticator; you need your password for it.\n\nThe link works once, for seven days:"
    )
    office.write_to(scope, user, ("Add a new authenticator", text), path=f"/invitation/{token}")
    return user, token


def unlock(scope: Scope, user_id: UUID) -> User:
    """Let a person try codes again. Raises StepUp, Missing, Conflict for oneself."""
    user = _other(scope, user_id)
    second_factor.unlock(scope, user)
    return user


def verify_identity(scope: Scope, user_id: UUID) -> User:
    """Put on record that the actor checked who this is: from now on they may sign.

    Raises StepUp, Missing, Conflict for oneself, or for whoever held a link in hand that chooses this person's password.
    """
    user = _other(scope, user_id)
    if _held_a_link(scope, user):
        raise Conflict("You handed over a link to this person's password: another administrator confirms who they are.")
    user.identity_verified_at, user.identity_verified_by = scope.now, scope.user_id
    scope.emit(events.IdentityVerified(organisation_id=user.organisation_id, user_id=user.id))
    return user


def _held_a_link(scope: Scope, user: User) -> bool:
    """Say whether the actor made a link to the person's password since somebody else confirmed who they are.

    Such a link, with that of a lost device, opens the account: who could sign as somebody must not say that it is them.
    """
    about = (JournalRow.organisation_id == user.organisation_id, JournalRow.subject_id == user.id)
    made = select(func.max(JournalRow.sequence)).where(
        *about, JournalRow.kind == ResetAsked.kind, JournalRow.actor_id == scope.user_id
    )
    since = select(func.max(JournalRow.sequence)).where(*about, JournalRow.kind == events.IdentityVerified.kind)
    return (scope.session.scalar(made) or 0) > (scope.session.scalar(since) or 0)


def _other(scope: Scope, user_id: UUID) -> User:
    need_fresh(scope)
    user = present(scope, user_id)
    if user.id == scope.actor.user_id:
        raise Conflict(OWN)
    return user
