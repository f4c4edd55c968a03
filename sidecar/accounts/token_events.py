"""What happens to the tokens and keys of programs."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.accounts.events import UserEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReused(UserEvent):
    """A refresh token was used that had been exchanged before: somebody else may have it. Its family ended (RFC 9700, 4.14)."""

    kind: ClassVar[str] = "accounts.token.reused"
    outcome: ClassVar[int] = 8
    family_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMade(UserEvent):
    """A person made a key for a machine. ``scopes`` are the permissions it carries."""

    kind: ClassVar[str] = "accounts.key.made"
    key_id: UUID
    scopes: tuple[str, ...]
    expires_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked(UserEvent):
    """A key was taken back, by its owner or by an administrator."""

    kind: ClassVar[str] = "accounts.key.revoked"
    key_id: UUID
