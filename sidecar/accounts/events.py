"""What happens to accounts."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent(Event):
    """Something about one person's account."""

    kind: ClassVar[str] = "accounts.user"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(UserEvent):
    """DICOM PS3.15 A.5.3.11 User Authentication: Login."""

    kind: ClassVar[str] = "accounts.user.signed-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFailed(UserEvent):
    """A wrong password or code for a known account. ``factor`` is "password" or "totp"."""

    kind: ClassVar[str] = "accounts.user.sign-in-failed"
    outcome: ClassVar[int] = 4
    factor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut(UserEvent):
    """DICOM PS3.15 A.5.3.11 User Authentication: Logout."""

    kind: ClassVar[str] = "accounts.user.signed-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInvited(UserEvent):
    """An account was created; its owner sets password and second factor by a single-use link."""

    kind: ClassVar[str] = "accounts.user.invited"
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEnrolled(UserEvent):
    """Password and second factor were set."""

    kind: ClassVar[str] = "accounts.user.enrolled"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDisabled(UserEvent):
    """The account can no longer be used; its sessions end at their next request."""

    kind: ClassVar[str] = "accounts.user.disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEnabled(UserEvent):
    """The account may be used again."""

    kind: ClassVar[str] = "accounts.user.enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsEnded(UserEvent):
    """Sessions of a person were shut by themselves or by what happened to the account. ``sessions`` are their ids in tokens."""

    kind: ClassVar[str] = "accounts.user.sessions-ended"
    sessions: tuple[str, ...]
    kept: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(UserEvent):
    """A second factor was proved again within a session. ``factor`` is "code" or "passkey"."""

    kind: ClassVar[str] = "accounts.user.confirmed"
    factor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorLocked(UserEvent):
    """Too many wrong codes: codes of this account are refused until then, right ones too."""

    kind: ClassVar[str] = "accounts.user.second-factor-locked"
    outcome: ClassVar[int] = 8
    failures: int
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorUnlocked(UserEvent):
    """An administrator lets codes be tried again."""

    kind: ClassVar[str] = "accounts.user.second-factor-unlocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorChanged(UserEvent):
    """Another authenticator took the place of the one before."""

    kind: ClassVar[str] = "accounts.user.authenticator-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLost(UserEvent):
    """Authenticator, passkeys and backup codes were revoked; a new authenticator is set by a single-use link."""

    kind: ClassVar[str] = "accounts.user.device-lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupCodesMade(UserEvent):
    """A new set of backup codes; every earlier one is void."""

    kind: ClassVar[str] = "accounts.user.backup-codes-made"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupCodeUsed(UserEvent):
    """A backup code took the place of the authenticator. ``left``: how many remain."""

    kind: ClassVar[str] = "accounts.user.backup-code-used"
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyAdded(UserEvent):
    """A passkey was registered (W3C Web Authentication)."""

    kind: ClassVar[str] = "accounts.user.passkey-added"
    passkey_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRemoved(UserEvent):
    """A passkey is accepted no more."""

    kind: ClassVar[str] = "accounts.user.passkey-removed"
    passkey_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityVerified(UserEvent):
    """An administrator checked who this is; from now on the person may sign (21 CFR 11.100(b))."""

    kind: ClassVar[str] = "accounts.user.identity-verified"
