"""Accounts: invite, enrol, sign in, prove oneself again for a signature."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select

from sidecar.accounts import addresses, events, member_events, passwords, second_factor
from sidecar.accounts.passwords import KEEPER, Kept
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid, Missing
from sidecar.organisations.tables import Organisation

INVITATION_LIFE = timedelta(days=7)


def invitation_hash(token: str) -> str:
    """Return what is stored of an invitation: its hash."""
    return "invitation:" + hashlib.sha256(token.encode()).hexdigest()


def list_users(scope: Scope, organisation_id: UUID) -> list[User]:
    """Return the people of one organisation, by name: the actor's own, for the platform any."""
    people = select(User).where(User.organisation_id == organisation_id, User.deleted_at.is_(None)).order_by(User.name)
    return list(scope.session.scalars(people))


def invite_user(  # noqa: PLR0913 - who is invited, where, as what
    scope: Scope, seal: Seal, *, organisation_id: UUID, email: str, name: str, role: Role
) -> tuple[User, str]:
    """Create an account without password; return it with the token of its single-use link, shown once.

    Whoever was invited and never came is invited anew: links get lost. The earlier link opens nothing any more.
    """
    user = at_address(scope, organisation_id, email)
    if user and (user.password_hash or user.disabled_at):
        raise Conflict("Somebody with this e-mail address is already in the organisation.")
    if user is None:
        user = User(organisation_id=organisation_id, id=uuid4(), zone="", totp_last_step=0, created_at=scope.now)
        addresses.keep(scope, seal, user, email)
        scope.session.add(user)
    token = secrets.token_urlsafe(32)
    user.name, user.role, user.invited_by = name.strip(), role.value, scope.actor.user_id
    user.invitation_hash, user.invitation_expires_at = invitation_hash(token), scope.now + INVITATION_LIFE
    scope.session.flush()
    scope.emit(events.UserInvited(organisation_id=organisation_id, user_id=user.id, role=role.value))
    return user, token


def at_address(scope: Scope, organisation_id: UUID, email: str) -> User | None:
    """Return who of an organisation has this address, shut accounts included, or None."""
    mine = (User.organisation_id == organisation_id, User.deleted_at.is_(None))
    return scope.session.scalar(select(User).where(*mine, User.email_lookup == scope.lookup.of(email)))


def invited(scope: Scope, token: str) -> User:
    """Return whose invitation this is; Missing when unknown, used or expired. The scope was opened with its hash."""
    user: User = scope.one(select(User).where(User.invitation_hash == invitation_hash(token)))
    if user.invitation_expires_at is None or user.invitation_expires_at <= scope.now or user.disabled_at:
        raise Missing
    return user


def enrol(  # noqa: PLR0913 - what a person enters
    scope: Scope, user: User, *, password: str, totp_secret: str, code: str, seal: Seal
) -> None:
    """Set password and second factor; the code proves that the authenticator works. The invitation is spent.

    Who registered has a password already, and shows it: the link alone, in a foreign letter box, does not make an account.
    """
    if user.password_hash is None:
        set_password(scope, seal, user, password)
    elif not right_password(user, password):
        scope.emit_refusal(events.SignInFailed(organisation_id=user.organisation_id, user_id=user.id, factor="password"))
        raise Invalid("Enter the password that you chose when you registered.")
    second_factor.keep_totp(scope, seal, user, secret=totp_secret, code=code)
    user.invitation_hash = None
    user.invitation_expires_at = None
    scope.emit(events.UserEnrolled(organisation_id=user.organisation_id, user_id=user.id))


def check_password(scope: Scope, *, email: str, password: str) -> User | None:
    """Return the account that e-mail and password open, or None. Takes as long for unknown addresses.

    The scope was opened with ``login=`` the address's lookup. The caller commits also on None, so that the failure is on record.
    """
    candidates = list(scope.session.scalars(select(User).where(User.email_lookup == scope.lookup.of(email))))
    for user in candidates:
        if right_password(user, password) and not user.disabled_at:
            return user
    if not candidates:
        KEEPER.verifies(None, password)
    tried = [user for user in candidates if user.password_hash]  # who never came back from an invitation has nothing to try
    if not tried:
        _note_unknown(scope)
    for user in tried:
        scope.emit_refusal(events.SignInFailed(organisation_id=user.organisation_id, user_id=user.id, factor="password"))
    return None


def _note_unknown(scope: Scope) -> None:
    """Put the attempt on record with the platform, without the address: as much work as for a known one."""
    platform = scope.session.scalar(select(func.platform_organisation()))
    if platform is not None:
        scope.emit_refusal(member_events.UnknownSignIn(organisation_id=platform))


def right_password(user: User, password: str) -> bool:
    """Say whether this is the person's password; takes as long for somebody without one. A good one is kept anew if outdated."""
    kept = Kept(user.password_hash, user.password_pepper) if user.password_hash else None
    good = KEEPER.verifies(kept, password)
    if good and kept is not None and KEEPER.outdated(kept):
        _keep(user, password)
    return good


def password_mark(user: User) -> str:
    """Return what tells one password of a person from the next, and nothing else."""
    return hashlib.sha256((user.password_hash or "").encode()).hexdigest()[:32]


def set_password(scope: Scope, seal: Seal, user: User, password: str) -> None:
    """Give a person a new password; raise Invalid, in words for them, when it is easily guessed or built from what is known."""
    house = scope.session.scalar(select(Organisation.name).where(Organisation.id == user.organisation_id)) or ""
    context = passwords.context_of(addresses.of(scope, seal, user), user.name, house)
    if fault := passwords.fault(password, context=context):
        raise Invalid(fault)
    _keep(user, password)


def _keep(user: User, password: str) -> None:
    kept = KEEPER.keep(password)
    user.password_hash, user.password_pepper = kept.hash, kept.pepper


def get_user(scope: Scope, user_id: UUID) -> User:
    """Return a person of the actor's organisation (for the platform: of any), or Missing."""
    user: User = scope.one(select(User).where(User.id == user_id))
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
