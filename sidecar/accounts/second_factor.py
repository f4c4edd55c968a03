"""The second factor: one-time codes of an authenticator, printed backup codes, and the lock after too many wrong ones.

Every function works inside the person's organisation, also before they are signed in:
``Actor(user_id, organisation_id, None, None)``.
"""

from datetime import datetime
from typing import cast
from uuid import UUID

import pyotp
from redis import Redis
from sqlalchemy import CursorResult, delete, func, select, update

from sidecar.accounts import addresses, ending, events, rules
from sidecar.accounts.factor_tables import BackupCode
from sidecar.accounts.stepup import need_fresh
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.mail import service as mail
from sidecar.notifications.service import notify
from sidecar.vault import service as vault

CODES_IN_A_SET = 10
UNFIT = "The code does not fit. Check the clock of your authenticator and enter the current code."


def begin_totp(scope: Scope, seal: Seal) -> tuple[str, str]:
    """Return a new base32 secret of 160 bits (RFC 4226 §4 R6) and its otpauth:// link, for the acting person, shown once.

    Nothing is stored: it counts once ``enable_totp`` has seen a code of it.
    """
    secret = pyotp.random_base32()
    return secret, provisioning_uri(addresses.of(scope, seal, _own(scope)), secret)


def provisioning_uri(address: str, secret: str) -> str:
    """Return the otpauth:// link an authenticator reads; ``address`` names the account there."""
    return pyotp.TOTP(secret).provisioning_uri(name=address, issuer_name="Reading Room")


def enable_totp(scope: Scope, seal: Seal, redis: Redis, *, secret: str, code: str) -> None:
    """Let the acting person's new authenticator take the place of the old one; every other session of theirs ends.

    Raises StepUp unless the old one (or a passkey) was used moments ago, Invalid when the code is not of this secret.
    """
    need_fresh(scope)
    user = _own(scope)
    keep_totp(scope, seal, user, secret=secret, code=code)
    scope.emit(events.AuthenticatorChanged(organisation_id=user.organisation_id, user_id=user.id))
    ending.end_everywhere(scope, redis, user.id, keep=scope.actor.session)
    tell(scope, seal, user, "Your authenticator was replaced. If that was not you, tell your administrator at once.")


def keep_totp(scope: Scope, seal: Seal, user: User, *, secret: str, code: str) -> None:
    """Store a secret, sealed, whose code proves that the authenticator works; that code is used up. Invalid otherwise."""
    try:
        step = rules.matching_step(secret, "".join(code.split()), at=scope.now.timestamp(), last_step=0)
    except ValueError as fault:  # not base32: made by nobody here
        raise Invalid(UNFIT) from fault
    if step is None:
        raise Invalid(UNFIT)
    user.totp_sealed = vault.close(scope, seal, user.organisation_id, secret.encode(), place=_place(user))
    user.totp_last_step = step
    user.factor_failures, user.factor_locked_until = 0, None


def backup_codes(scope: Scope) -> list[str]:
    """Return a new set of codes for the acting person, shown once; all earlier ones are void. Raises StepUp."""
    need_fresh(scope)
    user = _own(scope)
    scope.session.execute(delete(BackupCode).where(BackupCode.user_id == user.id))
    made = [rules.new_backup_code() for _ in range(CODES_IN_A_SET)]
    for code in made:
        stored = rules.backup_code_hash(code)
        scope.session.add(
            BackupCode(organisation_id=user.organisation_id, user_id=user.id, code_hash=stored, created_at=scope.now)
        )
    scope.emit(events.BackupCodesMade(organisation_id=user.organisation_id, user_id=user.id))
    return made


def codes_left(scope: Scope, user_id: UUID) -> int:
    """Return how many unused backup codes a person has."""
    unused = select(func.count()).select_from(BackupCode).where(BackupCode.user_id == user_id, BackupCode.used_at.is_(None))
    return int(scope.session.scalar(unused) or 0)


def verify(scope: Scope, seal: Seal, user: User, *, code: str) -> bool:
    """Use up a code of the authenticator or of the printed set: True exactly once for each, also when asked fifty times at once.

    The person's row is locked until the scope ends, so guesses wait for each other and each is counted, refused or not. After
    ten wrong ones in a row every code is refused for a while, and the person is told.
    """
    current = lock(scope, user)
    if locked_until(current, now=scope.now) is not None:
        _refuse(scope, current, "locked")
        return False
    typed = "".join(code.split())
    totp = typed.isascii() and typed.isdigit() and len(typed) == rules.CODE_DIGITS
    good = _use_totp(scope, seal, current, typed) if totp else _use_backup_code(scope, seal, current, typed)
    if good:
        current.factor_failures, current.factor_locked_until = 0, None
        scope.session.flush()
    else:
        count_failure(scope, seal, current, "totp" if totp else "backup code")
    return good


def lock(scope: Scope, user: User) -> User:
    """Return the person's row as it is now, locked until the scope ends."""
    row = select(User).where(User.organisation_id == user.organisation_id, User.id == user.id).with_for_update()
    current: User = scope.one(row.execution_options(populate_existing=True))
    return current


def locked_until(user: User, *, now: datetime) -> datetime | None:
    """Return until when codes of this person are refused, or None."""
    until = user.factor_locked_until
    return until if until is not None and until > now else None


def count_failure(scope: Scope, seal: Seal, user: User, factor: str) -> None:
    """Put a wrong code on record; the tenth in a row locks. It counts also when the transaction is refused."""
    _refuse(scope, user, factor)
    organisation_id, user_id = user.organisation_id, user.id

    def count() -> None:
        current: User = scope.one(
            select(User).where(User.organisation_id == organisation_id, User.id == user_id).with_for_update()
        )
        current.factor_failures += 1
        pause = rules.lock_for(current.factor_failures)
        if pause is None:
            scope.session.flush()
            return
        current.factor_locked_until = scope.now + pause
        scope.session.flush()
        until = current.factor_locked_until.isoformat(timespec="seconds")
        scope.emit_refusal(
            events.SecondFactorLocked(
                organisation_id=organisation_id, user_id=user_id, failures=current.factor_failures, until=until
            )
        )
        words = f"{current.factor_failures} wrong codes in a row were entered for your account: codes are refused until {until}."
        tell(scope, seal, current, f"{words} If that was not you, somebody knows your password: change it.")

    scope.insist(count)


def unlock(scope: Scope, user: User) -> None:
    """Let codes be tried again."""
    user.factor_failures, user.factor_locked_until = 0, None
    scope.emit(events.SecondFactorUnlocked(organisation_id=user.organisation_id, user_id=user.id))


def tell(scope: Scope, seal: Seal, user: User, text: str) -> None:
    """Tell a person what happened to their account, in the house and by mail."""
    notify(scope, organisation_id=user.organisation_id, user_id=user.id, kind="account", text=text, href="/account")
    house, address = user.organisation_id, addresses.of(scope, seal, user)
    mail.post(scope, seal, organisation_id=house, to=address, subject="Your account", text=text, path="/account")


def _use_totp(scope: Scope, seal: Seal, user: User, code: str) -> bool:
    if user.totp_sealed is None:
        return False
    secret = vault.open_sealed(scope, seal, user.organisation_id, user.totp_sealed, place=_place(user)).decode()
    step = rules.matching_step(secret, code, at=scope.now.timestamp(), last_step=user.totp_last_step)
    if step is None:
        return False
    user.totp_last_step = step
    return True


def _use_backup_code(scope: Scope, seal: Seal, user: User, code: str) -> bool:
    spend = (
        update(BackupCode)
        .where(
            BackupCode.organisation_id == user.organisation_id,
            BackupCode.user_id == user.id,
            BackupCode.code_hash == rules.backup_code_hash(code),
            BackupCode.used_at.is_(None),
        )
        .values(used_at=scope.now)
    )
    if cast("CursorResult[None]", scope.session.execute(spend)).rowcount != 1:
        return False
    left = codes_left(scope, user.id)
    scope.emit(events.BackupCodeUsed(organisation_id=user.organisation_id, user_id=user.id, left=left))
    tell(scope, seal, user, f"A backup code was used to prove that it is you; {left} are left.")
    return True


def _refuse(scope: Scope, user: User, factor: str) -> None:
    scope.emit_refusal(events.SignInFailed(organisation_id=user.organisation_id, user_id=user.id, factor=factor))


def _own(scope: Scope) -> User:
    user: User = scope.one(select(User).where(User.id == scope.user_id))
    return user


def _place(user: User) -> str:
    return f"users|{user.id}|totp"
