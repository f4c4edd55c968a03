"""Opaque secrets of programs: refresh tokens and API keys. Each names the organisation inside whose walls it is looked up."""

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

ID_BYTES = 16
SECRET_BYTES = 32
SHAPE = re.compile(r"[A-Za-z0-9_-]{64}")
"""48 bytes in base64url: the organisation's id, then 256 random bits."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A secret as its bearer holds it. What is stored of it is ``hash``."""

    organisation_id: UUID
    text: str

    @property
    def hash(self) -> str:
        """What is stored: nobody who reads the table can use it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def hint(self) -> str:
        """The last letters, by which its owner knows it."""
        return self.text[-4:]


def make(prefix: str, organisation_id: UUID) -> Opaque:
    """Return a new secret; ``prefix`` lets people and scanners for leaked secrets see what it is."""
    body = base64.urlsafe_b64encode(organisation_id.bytes + secrets.token_bytes(SECRET_BYTES)).decode()
    return Opaque(organisation_id, prefix + body)


def read(prefix: str, text: str) -> Opaque | None:
    """Return a secret as presented, or None for what cannot be one."""
    body = text.removeprefix(prefix)
    if body == text or not SHAPE.fullmatch(body):
        return None
    try:
        organisation = UUID(bytes=base64.urlsafe_b64decode(body)[:ID_BYTES])
    except (binascii.Error, ValueError):
        return None
    return Opaque(organisation, text)
