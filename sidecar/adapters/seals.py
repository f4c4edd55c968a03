"""Seals: AES-256-GCM over small secrets at rest. The associated data ties a sealed value to its row and column."""

import base64
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals and opens with one 32-byte key."""

    key: bytes

    @classmethod
    def from_text(cls, text: bytes) -> "Seal":
        """Read a urlsafe-base64 key of 32 bytes; raise ValueError otherwise."""
        key = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        if len(key) != 32:  # noqa: PLR2004
            raise ValueError("a seal's key has 32 bytes")
        return cls(key)

    def close(self, plain: bytes, *, place: str) -> bytes:
        """Return nonce || ciphertext, openable only with the same ``place`` (``table|row|column``)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Return the plain bytes; raise cryptography's InvalidTag if moved or altered."""
        return AESGCM(self.key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
