"""The same again, and nobody can tell from what: pseudonyms, UIDs and date shifts made with a project's secret key."""

import hashlib
import hmac
from dataclasses import dataclass

SHORTEST_SHIFT, LONGEST_SHIFT = 100, 3_000
"""Days back. Never forward: no image of the future, and never by nothing."""
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0, 1: pseudonyms are read aloud."""


@dataclass(frozen=True, slots=True, repr=False)
class Pseudonyms:
    """HMAC-SHA-256 (RFC 2104) under one project's key: equal under the same key, unlinkable under another."""

    key: bytes

    def uid(self, original: str) -> str:
        """Return the UID that stands for another: "2.25." and a UUID of version 8 (PS3.5 B.2, RFC 9562)."""
        digits = bytearray(self._mac("uid", original)[:16])
        digits[6] = digits[6] & 0x0F | 0x80
        digits[8] = digits[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(digits, 'big')}"

    def patient(self, identity: str) -> str:
        """Return the pseudonym of a patient such as ``P-7KQ2M9XA4T``: 50 bits, so that no two of a million are alike."""
        number = int.from_bytes(self._mac("patient", identity), "big")
        return "P-" + "".join(ALPHABET[number >> 5 * place & 31] for place in range(10))

    def days(self, identity: str) -> int:
        """Return by how many days all dates of a patient move back."""
        number = int.from_bytes(self._mac("days", identity)[:8], "big")
        return SHORTEST_SHIFT + number % (LONGEST_SHIFT - SHORTEST_SHIFT)

    def _mac(self, purpose: str, text: str) -> bytes:
        return hmac.new(self.key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
