"""What happens around an account: how somebody comes in, changes what identifies them, changes role, leaves."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.accounts.events import UserEvent
from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationEvent(Event):
    """Something about a request for an account."""

    kind: ClassVar[str] = "accounts.registration"
    registration_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationAsked(RegistrationEvent):
    """Somebody with the organisation's code asks for an account."""

    kind: ClassVar[str] = "accounts.registration.asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationVerified(RegistrationEvent):
    """The address is theirs: they opened the link that was sent there."""

    kind: ClassVar[str] = "accounts.registration.verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationApproved(RegistrationEvent):
    """A manager or administrator let them in."""

    kind: ClassVar[str] = "accounts.registration.approved"
    user_id: UUID
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationDeclined(RegistrationEvent):
    """A manager or administrator did not."""

    kind: ClassVar[str] = "accounts.registration.declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownSignIn(Event):
    """Somebody tried to sign in with an address that has no account; in the platform's chain, since it is nobody's."""

    kind: ClassVar[str] = "accounts.unknown.sign-in-failed"
    outcome: ClassVar[int] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMade(Event):
    """The organisation has a code to register with, and any earlier one is void."""

    kind: ClassVar[str] = "accounts.code.made"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeWithdrawn(Event):
    """Nobody registers with this organisation any more."""

    kind: ClassVar[str] = "accounts.code.withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetAsked(UserEvent):
    """A link to choose a new password was made. ``by`` is "owner" or "administrator"."""

    kind: ClassVar[str] = "accounts.user.reset-asked"
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(UserEvent):
    """A new password. ``by`` is "password" (knew the old one) or "link"."""

    kind: ClassVar[str] = "accounts.user.password-changed"
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChangeAsked(UserEvent):
    """A new e-mail address was named and waits to be confirmed."""

    kind: ClassVar[str] = "accounts.user.address-change-asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChanged(UserEvent):
    """The person signs in with another e-mail address from now on."""

    kind: ClassVar[str] = "accounts.user.address-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameChanged(UserEvent):
    """The person has another name from now on; signed reports keep the name they were signed with."""

    kind: ClassVar[str] = "accounts.user.name-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted(UserEvent):
    """The account is gone for good; its id is nobody else's, ever."""

    kind: ClassVar[str] = "accounts.user.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEvent(UserEvent):
    """Something about a person's role."""

    kind: ClassVar[str] = "accounts.role"
    role_before: str
    role_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChangeAsked(RoleEvent):
    """One person asks for it; a second one decides."""

    kind: ClassVar[str] = "accounts.role.change-asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged(RoleEvent):
    """The person holds another role from now on."""

    kind: ClassVar[str] = "accounts.role.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChangeRefused(RoleEvent):
    """The second person said no."""

    kind: ClassVar[str] = "accounts.role.change-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainsForgotten(Event):
    """Rows of what ended long ago were deleted: how many of each kind, and of nobody in particular."""

    kind: ClassVar[str] = "accounts.remains.forgotten"
    families: int
    links: int
    keys: int
    registrations: int
