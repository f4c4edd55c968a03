"""API keys: a person's own, for their machines. Fewer permissions than the person has, for a time, shown once.

A key acts as its owner as they are at each use: disabled or demoted, the key opens no more than they could. It proves no
second factor, so whatever asks for one anew stays shut to it, and so does the account itself.
"""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update

from sidecar.accounts import opaque
from sidecar.accounts.stepup import need_fresh
from sidecar.accounts.tables import User
from sidecar.accounts.token_events import KeyMade, KeyRevoked
from sidecar.accounts.token_tables import ApiKey
from sidecar.gate.permissions import permissions_of
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid, Missing

PREFIX = "rrk_"
LONGEST_DAYS = 365
MOST_KEYS = 20
NOTED_EVERY = timedelta(minutes=1)


def make_key(scope: Scope, *, name: str, scopes: list[str], days: int) -> tuple[ApiKey, str]:
    """Make a key for the acting person; return it with its text, which is shown this once.

    Raises:
        StepUp: the second factor was proved too long ago, or never (a key makes no keys).
        Invalid: permissions the person does not hold, or none; a life of more than a year.
        Conflict: this person has as many keys as one may have.
    """
    need_fresh(scope)
    held = {each.value for each in permissions_of(scope.actor)}
    wanted = sorted(set(scopes))
    if not wanted or not held.issuperset(wanted):
        raise Invalid("Choose what the key may do, from what you may do yourself.")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"A key lives for 1 to {LONGEST_DAYS} days.")
    if len(keys_in_force(scope, scope.user_id)) >= MOST_KEYS:
        raise Conflict(f"You have {MOST_KEYS} keys. Revoke one that is no longer used.")
    secret = opaque.make(PREFIX, scope.organisation_id)
    key = ApiKey(
        organisation_id=scope.organisation_id, id=uuid4(), user_id=scope.user_id, name=name, hint=secret.hint, hash=secret.hash,
        scopes=wanted, created_at=scope.now, expires_at=scope.now + timedelta(days=days), address="",
    )  # fmt: skip
    scope.session.add(key)
    scope.session.flush()
    scope.emit(
        KeyMade(
            organisation_id=key.organisation_id,
            user_id=key.user_id,
            key_id=key.id,
            scopes=tuple(wanted),
            expires_at=key.expires_at.isoformat(),
        )
    )
    return key, secret.text


def keys_in_force(scope: Scope, user_id: UUID) -> list[ApiKey]:
    """Return a person's keys that open anything, the newest first."""
    return list(
        scope.session.scalars(
            select(ApiKey)
            .where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None), ApiKey.expires_at > scope.now)
            .order_by(ApiKey.created_at.desc())
        )
    )


def all_keys(scope: Scope) -> list[tuple[ApiKey, User]]:
    """Return the organisation's keys that open anything, with their owners: for its administrators."""
    found = scope.session.execute(
        select(ApiKey, User)
        .join(User, (User.organisation_id == ApiKey.organisation_id) & (User.id == ApiKey.user_id))
        .where(ApiKey.organisation_id == scope.organisation_id, ApiKey.revoked_at.is_(None), ApiKey.expires_at > scope.now)
        .order_by(User.name, ApiKey.created_at.desc())
    )
    return [(key, user) for key, user in found]


def revoke_own(scope: Scope, key_id: UUID) -> ApiKey:
    """Take one of the acting person's keys back; another's is Missing."""
    return _revoke(scope, key_id, owner=scope.user_id)


def revoke_any(scope: Scope, key_id: UUID) -> ApiKey:
    """Take a key of the organisation back, as its administrator."""
    return _revoke(scope, key_id, owner=None)


def revoke_all(scope: Scope, user_id: UUID) -> tuple[str, ...]:
    """Take all of a person's keys back; return what their sessions are called in tokens, for the cells to refuse."""
    gone = scope.session.scalars(
        update(ApiKey)
        .where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None), ApiKey.expires_at > scope.now)
        .values(revoked_at=scope.now)
        .returning(ApiKey)
    ).all()
    for key in gone:
        scope.emit(KeyRevoked(organisation_id=key.organisation_id, user_id=key.user_id, key_id=key.id))
    return tuple(key.id.hex for key in gone)


def _revoke(scope: Scope, key_id: UUID, *, owner: UUID | None) -> ApiKey:
    """Take a key back. It opens nothing from the commit on; what was opened in a cell is shut by the caller."""
    key: ApiKey = scope.one(select(ApiKey).where(ApiKey.organisation_id == scope.organisation_id, ApiKey.id == key_id))
    if owner is not None and key.user_id != owner:
        raise Missing
    if key.revoked_at is None:
        key.revoked_at = scope.now
        scope.emit(KeyRevoked(organisation_id=key.organisation_id, user_id=key.user_id, key_id=key.id))
    return key


def note_use(scope: Scope, key: ApiKey, *, address: str) -> None:
    """Write down that a key was used, once a minute at most."""
    if key.used_at is None or scope.now - key.used_at >= NOTED_EVERY:
        key.used_at, key.address = scope.now, address
