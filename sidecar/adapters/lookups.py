"""Lookups: what an e-mail address is found by where it is only kept sealed. HMAC-SHA-256 (RFC 2104) under a secret file.

A copy of the database alone does not say whether an address is in it. Whoever holds the key too can ask for one address after
the other: hence a lookup goes with its row, and is emptied when its organisation is shredded.
"""

import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Lookup:
    """Makes lookups with one key; without a key none: nobody may be looked up by a guessable one."""

    key: bytes = field(repr=False)

    def of(self, address: str) -> str:
        """Return the lookup of an address however it was typed: case and surrounding space do not matter."""
        return "address:" + hmac.digest(self._key, normal(address).encode(errors="surrogatepass"), hashlib.sha256).hex()

    def mark(self, text: str) -> str:
        """Return what the journal keeps of a question: the same for the same text, and nobody without the key tries others."""
        own = hmac.digest(self._key, b"journal", hashlib.sha256)
        return hmac.digest(own, text.encode(errors="surrogatepass"), hashlib.sha256).hex()[:32]

    @property
    def _key(self) -> bytes:
        if not self.key:
            raise RuntimeError("no lookup key: a composition root gives it with Lookup(settings.secret('lookup_key'))")
        return self.key


def normal(address: str) -> str:
    """Return an address as it is kept."""
    return address.strip().lower()


NO_LOOKUP = Lookup(b"")
