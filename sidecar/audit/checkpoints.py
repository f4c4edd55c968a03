"""Signed checkpoints of a chain: "row N of this organisation had this hash at that time" (Ed25519, RFC 8032).

A hash chain shows every change inside it, never that its end was cut off, nor that all of it was written anew. Whoever holds
a checkpoint signed later than the row in question sees both. ``BEGINNING`` says that everything up to N was old enough to go.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sidecar.kernel.canonical import canonical

CHECKPOINT, EXPORT = b"reading-room checkpoint 1\n", b"reading-room journal export 1\n"
"""What a signature is about comes first: a statement of one kind can never pass for another."""


class Kind(StrEnum):
    """What a checkpoint says beside the hash."""

    PERIODIC = "periodic"
    BEGINNING = "beginning"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Knows a signature by the public key (32 bytes)."""

    public: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, in hexadecimal: what people compare."""
        return hashlib.sha256(self.public).hexdigest()

    def good(self, about: bytes, statement: bytes, signature: bytes) -> bool:
        """Say whether this key signed this statement."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, about + statement)
        except (InvalidSignature, ValueError):
            return False
        return True

    def vouches(self, checkpoint: "Checkpoint") -> bool:
        """Say whether a checkpoint was signed by this key."""
        return checkpoint.key == self.fingerprint and self.good(CHECKPOINT, checkpoint.statement(), checkpoint.signature)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with the private key of the house."""

    private: Ed25519PrivateKey

    @classmethod
    def from_pem(cls, pem: bytes) -> "Signer":
        """Read the secret file; raise ValueError for anything but an Ed25519 key."""
        key = load_pem_private_key(pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("checkpoint_key.pem holds no Ed25519 key")  # noqa: TRY004 - the file's content, not a type of ours
        return cls(key)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.private.public_key().public_bytes_raw())

    def sign(self, about: bytes, statement: bytes) -> bytes:
        """Return the signature of a statement."""
        return self.private.sign(about + statement)

    def checkpoint(self, organisation_id: UUID, *, sequence: int, hash_: bytes, at: datetime, kind: Kind) -> "Checkpoint":
        """Return a signed checkpoint. Its moment is one of milliseconds, as it is written everywhere."""
        moment = at.replace(microsecond=at.microsecond // 1000 * 1000)
        made = Checkpoint(organisation_id, sequence, kind, hash_, moment, self.verifier.fingerprint, b"")
        return replace(made, signature=self.sign(CHECKPOINT, made.statement()))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed, by which key, and the signature."""

    organisation_id: UUID
    sequence: int
    kind: Kind
    hash: bytes
    made_at: datetime
    key: str
    signature: bytes

    def statement(self) -> bytes:
        """Return the signed text."""
        return canonical({name: value for name, value in self.as_json().items() if name != "signature"}).encode()

    def as_json(self) -> dict[str, Any]:
        """Return it as files and exports hold it."""
        return {
            "organisation": str(self.organisation_id),
            "sequence": self.sequence,
            "kind": self.kind.value,
            "hash": self.hash.hex(),
            "made_at": self.made_at.isoformat(timespec="milliseconds"),
            "key": self.key,
            "signature": self.signature.hex(),
        }

    @classmethod
    def from_json(cls, said: Any) -> "Checkpoint":
        """Read it back; raise ValueError for anything else."""
        try:
            return cls(
                UUID(said["organisation"]),
                int(said["sequence"]),
                Kind(said["kind"]),
                bytes.fromhex(said["hash"]),
                datetime.fromisoformat(said["made_at"]),
                str(said["key"]),
                bytes.fromhex(said["signature"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no checkpoint") from error
