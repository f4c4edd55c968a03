"""Words of the vault."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

MARK = b"RRv1"
GENERATION_BYTES = 4


class Purpose(StrEnum):
    """What a data key is for."""

    ROWS = "rows"
    COPIES = "copies"


@dataclass(frozen=True, slots=True)
class KeyName:
    """Which key: whose, for what, and the how manieth (from 1)."""

    organisation_id: UUID
    purpose: Purpose
    generation: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed value as stored: which generation of the organisation's key closed it, and what that key made.

    Generation 0 is the form of the first house: closed by the master key itself. It is opened, and never made.
    """

    generation: int
    body: bytes

    def pack(self) -> bytes:
        """Return the stored form: ``RRv1``, the generation (4 bytes, big endian), nonce and ciphertext."""
        return MARK + self.generation.to_bytes(GENERATION_BYTES, "big") + self.body

    @classmethod
    def unpack(cls, stored: bytes) -> "Envelope":
        """Read the stored form. A nonce of the first house begins like the mark once in 2^32 values; it has no other sign."""
        if not stored.startswith(MARK):
            return cls(0, stored)
        start = len(MARK) + GENERATION_BYTES
        return cls(int.from_bytes(stored[len(MARK) : start], "big"), stored[start:])


def sealed_at(place: str, *, open_mark: bytes = b"") -> dict[str, Any]:
    """Return the ``info`` of a column that holds sealed bytes: where a value belongs, e.g. ``users|{id}|totp``.

    The names in braces are columns of the same row. By this mark the vault finds every sealed value when keys are rotated.
    ``open_mark``: values that begin so were written before the column was sealed; the first rotation closes them.
    """
    return {"sealed_at": place, "open_mark": open_mark}
