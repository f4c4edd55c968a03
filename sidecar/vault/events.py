"""What happens to keys."""

from dataclasses import dataclass
from typing import ClassVar

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated(Event):
    """Every sealed value of the organisation was closed anew under a new data key; the older ones are destroyed."""

    kind: ClassVar[str] = "vault.key.rotated"
    generation: int
    closed_anew: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysDestroyed(Event):
    """The organisation was shredded: all its keys are destroyed. ``erased`` rows that lay open were deleted."""

    kind: ClassVar[str] = "vault.keys.destroyed"
    keys: int
    erased: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyMade(Event):
    """A backup of the organisation was written, closed under its key for copies."""

    kind: ClassVar[str] = "vault.copy.made"
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRestored(Event):
    """The organisation was brought back from a backup."""

    kind: ClassVar[str] = "vault.copy.restored"
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHandedOut(Event):
    """The organisation's key for copies was written to a file, closed by a passphrase."""

    kind: ClassVar[str] = "vault.key.handed-out"
