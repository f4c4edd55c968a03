"""Cell tokens: Ed25519-signed JWTs (RFC 8037) that a cell checks by itself. Wire format in ``tests/contract``."""

import base64
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

ISSUER = "readingroom"
RECEIPTS = "readingroom-receipt"
"""Issuer of receipts: no cell takes one for a token."""
LONGEST_LIFE = timedelta(seconds=300)


def session_hash(session_id: str) -> str:
    """Return what tokens and snapshots call a session: a hash, so that neither can be replayed as the cookie."""
    return hashlib.sha256(session_id.encode()).hexdigest()[:32] if session_id else ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person behind a token: a cell's gate hands this back with what it saw them do. ``address``: where they asked from."""

    user_id: UUID
    organisation_id: UUID
    role: str
    session: str
    address: str
    purpose: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class CellTokens:
    """Signs tokens. The private key never leaves the sidecar; cells know the public one by its ``kid``."""

    key: Ed25519PrivateKey

    @classmethod
    def from_pem(cls, pem: bytes) -> "CellTokens":
        """Load the signing key; raise TypeError if it is not Ed25519."""
        key = load_pem_private_key(pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("cell_signing_key.pem must hold an Ed25519 key")
        return cls(key)

    @property
    def public_raw(self) -> bytes:
        """The 32 bytes of the public key (RFC 8032)."""
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def kid(self) -> str:
        """The key's name: the start of the hash of its public bytes."""
        return hashlib.sha256(self.public_raw).hexdigest()[:16]

    def public_keys(self) -> dict[str, str]:
        """Return the snapshot's ``keys``: kid → base64url of the raw public key."""
        return {self.kid: base64.urlsafe_b64encode(self.public_raw).rstrip(b"=").decode()}

    def mint(  # noqa: PLR0913 - each is one claim
        self,
        *,
        cell: UUID,
        subject: str,
        organisation: UUID,
        role: str,
        session: str,
        now: datetime,
        life: timedelta = timedelta(seconds=120),
        studies: Sequence[str] | None = None,
        visitor: Visitor | None = None,
    ) -> str:
        """Return a token for one cell. ``session`` is already hashed; ``studies`` are StudyInstanceUIDs, all that it opens.

        ``visitor``: in whose name the cell puts on record what is done with it; without one it is a machine's.
        """
        if life > LONGEST_LIFE:
            raise ValueError("a cell token lives 300 seconds at most")
        issued = int(now.timestamp())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": str(cell),
            "sub": subject,
            "org": str(organisation),
            "role": role,
            "sid": session,
            "iat": issued,
            "nbf": issued - 5,
            "exp": issued + int(life.total_seconds()),
            "jti": uuid.uuid4().hex,
        }
        if studies is not None:
            claims["studies"] = list(studies)
        if visitor is not None:
            claims["rcp"] = self.receipt(cell, visitor)
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers={"kid": self.kid})

    def service(self, *, cell: UUID, organisation: UUID, now: datetime, visitor: Visitor | None = None) -> str:
        """Return the sidecar's own token for its machine routes."""
        return self.mint(
            cell=cell, subject="sidecar", organisation=organisation, role="service", session="service", now=now, visitor=visitor
        )

    def receipt(self, cell: UUID, visitor: Visitor) -> str:
        """Return the visitor, signed for one cell: it can name nobody whom we did not let in there. The same each time."""
        claims = {
            "iss": RECEIPTS,
            "aud": str(cell),
            "sub": str(visitor.user_id),
            "org": str(visitor.organisation_id),
            "role": visitor.role,
            "sid": visitor.session,
            "adr": visitor.address,
            "pur": visitor.purpose,
            "nam": visitor.name,
        }
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers={"kid": self.kid})

    def visitor(self, cell: UUID, receipt: str) -> Visitor | None:
        """Return whom a receipt names; None when it is not ours, or another cell's."""
        try:
            told = jwt.decode(receipt, self.key.public_key(), algorithms=["EdDSA"], audience=str(cell), issuer=RECEIPTS)
        except jwt.InvalidTokenError:
            return None
        return Visitor(
            user_id=UUID(told["sub"]),
            organisation_id=UUID(told["org"]),
            role=told["role"],
            session=told["sid"],
            address=told["adr"],
            purpose=told["pur"],
            name=told["nam"],
        )
