"""What happens by single sign-on. No addresses, no names: a provider's ``sub`` stays in its row."""

from dataclasses import dataclass
from typing import ClassVar

from sidecar.accounts.events import UserEvent
from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoSet(Event):
    """An organisation's provider was set. ``required``: passwords open nothing any more."""

    kind: ClassVar[str] = "accounts.sso.set"
    issuer: str
    required: bool
    trusted_proofs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoRemoved(Event):
    """The organisation's people sign in with passwords again."""

    kind: ClassVar[str] = "accounts.sso.removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoLinked(UserEvent):
    """A person came by the provider for the first time: from now on its ``sub`` is this account."""

    kind: ClassVar[str] = "accounts.sso.linked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoRefused(Event):
    """The provider sent somebody who was not let in. ``reason`` is one of ours."""

    kind: ClassVar[str] = "accounts.sso.refused"
    outcome: ClassVar[int] = 4
    reason: str
