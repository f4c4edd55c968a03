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
