"""Accounts: invite, enrol, sign in, prove oneself again for a signature."""

import hashlib
import secrets
from datetime import timedelta
from typing import cast
from uuid import UUID, uuid4

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import CursorResult, select, update

from sidecar.accounts import events, rules
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid, Missing, Unauthenticated

INVITATION_LIFE = timedelta(days=7)
LONGEST_CELL_TOKEN = timedelta(seconds=300)
"""After this no cell token of an ended session is still in force (see adapters.cell_tokens)."""
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""argon2id, about 30 ms on the two cores this is sized for (OWASP's second recommended setting)."""
UNKNOWN = HASHER.hash(secrets.token_urlsafe(16))
"""Verified against when there is no account, so that both answers take the same time."""


def invitation_hash(token: str) -> str:
    """Return what is stored of an invitation: its hash."""
    return "invitation:" + hashlib.sha256(token.encode()).hexdigest()


def list_users(scope: Scope, organisation_id: UUID) -> list[User]:
    """Return the people of one organisation, by name: the actor's own, for the platform any."""
    people = select(User).where(User.organisation_id == organisation_id).order_by(User.name)
    return list(scope.session.scalars(people))


def invite_user(scope: Scope, *, organisation_id: UUID, email: str, name: str, role: Role) -> tuple[User, str]:
    """Create an account without password; return it with the token of its single-use link, shown once.

    Whoever was invited and never came is invited anew: links get lost. The earlier link opens nothing any more.
    """
    address = email.strip().lower()
    user = scope.session.scalar(select(User).where(User.organisation_id == organisation_id, User.email == address))
    if user and (user.password_hash or user.disabled_at):
        raise Conflict("Somebody with this e-mail address is already in the organisation.")
    if user is None:
        user = User(organisation_id=organisation_id, id=uuid4(), email=address, zone="", totp_last_step=0, created_at=scope.now)
        scope.session.add(user)
    token = secrets.token_urlsafe(32)
    user.name, user.role = name.strip(), role.value
    user.invitation_hash, user.invitation_expires_at = invitation_hash(token), scope.now + INVITATION_LIFE
    scope.session.flush()
    scope.emit(events.UserInvited(organisation_id=organisation_id, user_id=user.id, role=role.value))
    return user, token


def invited(scope: Scope, token: str) -> User:
    """Return whose invitation this is; Missing when unknown, used or expired. The scope was opened with its hash."""
    user: User = scope.one(select(User).where(User.invitation_hash == invitation_hash(token)))
    if user.invitation_expires_at is None or user.invitation_expires_at <= scope.now or user.disabled_at:
        raise Missing
    return user


def new_totp_secret() -> str:
    """Return a fresh base32 secret of 160 bits (RFC 4226 §4 R6)."""
    return pyotp.random_base32()


def provisioning_uri(user: User, secret: str) -> str:
    """Return the otpauth:// link an authenticator reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name="Reading Room")


def enrol(  # noqa: PLR0913 - what a person enters
    scope: Scope, user: User, *, password: str, totp_secret: str, code: str, seal: Seal
) -> None:
    """Set password and second factor; the code proves that the authenticator works. The invitation is spent."""
    if fault := rules.password_fault(password, context=(user.email.split("@")[0], *user.name.split())):
        raise Invalid(fault)
    step = rules.matching_step(totp_secret, code, at=scope.now.timestamp(), last_step=0)
    if step is None:
        raise Invalid("The code does not fit. Check the clock of your authenticator and enter the current code.")
    user.password_hash = HASHER.hash(password)
    user.totp_sealed = seal.close(totp_secret.encode(), place=_place(user))
    user.totp_last_step = step
    user.invitation_hash = None
    user.invitation_expires_at = None
    scope.emit(events.UserEnrolled(organisation_id=user.organisation_id, user_id=user.id))


def check_password(scope: Scope, *, email: str, password: str) -> User | None:
    """Return the account that e-mail and password open, or None. Takes as long for unknown addresses.

    The scope was opened with ``login=email``. The caller commits also on None, so that the failure is on record.
    """
    address = email.strip().lower()
    candidates = list(scope.session.scalars(select(User).where(User.email == address)))
    for user in candidates:
        if _verifies(user.password_hash or UNKNOWN, password) and user.password_hash and not user.disabled_at:
            if HASHER.check_needs_rehash(user.password_hash):
                user.password_hash = HASHER.hash(password)
            return user
    if not candidates:
        _verifies(UNKNOWN, password)
    for user in candidates:
        scope.emit_refusal(events.SignInFailed(organisation_id=user.organisation_id, user_id=user.id, factor="password"))
    return None


def take_code(scope: Scope, user: User, *, code: str, seal: Seal) -> bool:
    """Use up a one-time code: True exactly once per time step, also when asked fifty times at once."""
    if user.totp_sealed is None:
        return False
    secret = seal.open(user.totp_sealed, place=_place(user)).decode()
    clean = "".join(code.split())
    step = rules.matching_step(secret, clean, at=scope.now.timestamp(), last_step=user.totp_last_step)
    if step is None:
        scope.emit_refusal(events.SignInFailed(organisation_id=user.organisation_id, user_id=user.id, factor="totp"))
        return False
    advance = (
        update(User)
        .where(User.organisation_id == user.organisation_id, User.id == user.id, User.totp_last_step < step)
        .values(totp_last_step=step)
    )
    return cast("CursorResult[None]", scope.session.execute(advance)).rowcount == 1


def get_user(scope: Scope, user_id: UUID) -> User:
    """Return a person of the actor's organisation (for the platform: of any), or Missing."""
    user: User = scope.one(select(User).where(User.id == user_id))
    return user


def verify_signature(scope: Scope, *, password: str, code: str, seal: Seal) -> User:
    """Ask both components of an electronic signature of the acting person (21 CFR 11.200(a)(1)); raise if either fails.

    Raises Unauthenticated in words for the signer. Nothing but the failed attempt is lost: the draft stands.
    """
    user = get_user(scope, scope.user_id)
    if user.disabled_at or not user.password_hash or not _verifies(user.password_hash, password):
        scope.emit_refusal(events.SignInFailed(organisation_id=user.organisation_id, user_id=user.id, factor="password"))
        raise Unauthenticated("The password is not right. Your draft is kept.")
    if not take_code(scope, user, code=code, seal=seal):
        raise Unauthenticated("The code is wrong or was already used. Wait for the next one. Your draft is kept.")
    return user


def disable_user(scope: Scope, user_id: UUID) -> User:
    """Shut the account: no sign-in, and running sessions end at their next request."""
    user = get_user(scope, user_id)
    if user.id == scope.actor.user_id:
        raise Conflict("You cannot disable your own account; ask another administrator.")
    if user.disabled_at is None:
        user.disabled_at = scope.now
        scope.emit(events.UserDisabled(organisation_id=user.organisation_id, user_id=user.id))
    return user


def enable_user(scope: Scope, user_id: UUID) -> User:
    """Open the account again."""
    user = get_user(scope, user_id)
    if user.disabled_at is not None:
        user.disabled_at = None
        scope.emit(events.UserEnabled(organisation_id=user.organisation_id, user_id=user.id))
    return user


def _place(user: User) -> str:
    return f"users|{user.id}|totp"


def _verifies(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
