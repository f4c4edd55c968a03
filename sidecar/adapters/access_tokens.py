"""Access tokens: Ed25519-signed JWTs (RFC 8037, RFC 9068) for the JSON API, signed and checked by the sidecar alone.

There is one way to write a token and anything else is refused: the header holds exactly ``alg typ kid``, each segment is the
one base64url text of its bytes, every claim is there and no other, and the life is no longer than it may be. So no header
names an algorithm, a key or a place to fetch one from (RFC 8725, 3.1, 3.5, 3.10, 3.11).
"""

import base64
import binascii
import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

ALGORITHM = "EdDSA"
AUDIENCE = "readingroom-api"
LIFE = timedelta(minutes=10)
CHALLENGE_LIFE = timedelta(minutes=5)
SKEW = timedelta(seconds=5)
LONGEST_TOKEN = 2048
CLAIMS = frozenset({"iss", "aud", "sub", "tid", "sid", "jti", "typ", "iat", "nbf", "exp", "auth_time", "amr"})
PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----\n?", re.DOTALL)


class BadTokenError(ValueError):
    """Not a token of ours, or not any more."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a token is for. Each has a type in its header and claims and an audience of its own: none passes for another."""

    header: str
    claim: str
    audience: str
    life: timedelta


ACCESS = Kind("at+jwt", "access", AUDIENCE, LIFE)
CHALLENGE = Kind("challenge+jwt", "challenge", f"{AUDIENCE}/second-factor", CHALLENGE_LIFE)
"""Says that a password was right, and opens nothing but the question for the second factor."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a token says. ``session`` is its refresh family; ``proved_at`` when the second factor was proved, None: never."""

    organisation_id: UUID
    user_id: UUID
    session: str
    proved_at: datetime | None
    proofs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """The key that signs, and all keys that are still accepted, by ``kid``."""

    issuer: str
    signing: Ed25519PrivateKey
    accepted: Mapping[str, Ed25519PublicKey]

    @classmethod
    def from_pem(cls, pem: bytes, *, issuer: str) -> "AccessTokens":
        """Read one or more PKCS #8 keys: the first signs, the others are accepted until their last token has expired."""
        keys = [load_pem_private_key(each, password=None) for each in PEM.findall(pem)]
        edwards = [key for key in keys if isinstance(key, Ed25519PrivateKey)]
        if not edwards or len(edwards) != len(keys):
            raise TypeError("access_signing_key.pem must hold Ed25519 keys")
        public = [key.public_key() for key in edwards]
        return cls(issuer, edwards[0], {kid_of(key): key for key in public})

    def mint(self, kind: Kind, bearer: Bearer, *, now: datetime) -> str:
        """Return a signed token that lives as long as its kind does."""
        issued = int(now.timestamp())
        claims = {
            "iss": self.issuer,
            "aud": kind.audience,
            "sub": str(bearer.user_id),
            "tid": str(bearer.organisation_id),
            "sid": bearer.session,
            "jti": uuid.uuid4().hex,
            "typ": kind.claim,
            "iat": issued,
            "nbf": issued,
            "exp": issued + int(kind.life.total_seconds()),
            "auth_time": int(bearer.proved_at.timestamp()) if bearer.proved_at else 0,
            "amr": list(bearer.proofs),
        }
        headers = {"kid": kid_of(self.signing.public_key()), "typ": kind.header}
        return jwt.encode(claims, self.signing, algorithm=ALGORITHM, headers=headers)

    def read(self, kind: Kind, token: str, *, now: datetime) -> Bearer:
        """Return what a token of this kind says; raise BadTokenError unless it is one of ours, in force ``now``."""
        key = self._key(kind, token)
        try:
            # Times are checked below, by our clock.
            claims = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=kind.audience, issuer=self.issuer,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )  # fmt: skip
        except jwt.InvalidTokenError as error:
            raise BadTokenError(type(error).__name__) from error
        _check(kind, claims, now)
        proved = claims["auth_time"]
        return Bearer(
            _id(claims["tid"]), _id(claims["sub"]), claims["sid"],
            datetime.fromtimestamp(proved, UTC) if proved else None, tuple(claims["amr"]),
        )  # fmt: skip

    def _key(self, kind: Kind, token: str) -> Ed25519PublicKey:
        """Return the key the header names; nothing in the header decides anything else."""
        parts = token.split(".")
        if len(token) > LONGEST_TOKEN or len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
            raise BadTokenError("not three segments")
        header, _claims, _signature = (_bytes(part) for part in parts)
        try:
            said = json.loads(header)
        except ValueError as error:
            raise BadTokenError("the header is no JSON") from error
        kid = said.get("kid") if isinstance(said, dict) else None
        if not isinstance(kid, str) or said != {"alg": ALGORITHM, "typ": kind.header, "kid": kid}:
            raise BadTokenError("the header says something else")
        if kid not in self.accepted:
            raise BadTokenError("an unknown key")
        return self.accepted[kid]


def kid_of(key: Ed25519PublicKey) -> str:
    """Return a key's name: the start of the hash of its public bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _check(kind: Kind, claims: dict[str, Any], now: datetime) -> None:
    """Raise BadTokenError unless every claim is there, of its type, and no other, and the token is in force."""
    if frozenset(claims) != CLAIMS or (claims["typ"], claims["aud"]) != (kind.claim, kind.audience):
        raise BadTokenError("other claims")
    times = [claims[name] for name in ("iat", "nbf", "exp", "auth_time")]
    if not all(type(each) is int for each in times) or not all(isinstance(each, str) for each in _texts(claims)):
        raise BadTokenError("a claim of another type")
    issued, begins, ends, _proved = times
    if not issued <= begins < ends <= issued + int(kind.life.total_seconds()):
        raise BadTokenError("a life of its own choosing")
    moment = now.timestamp()
    if not begins - SKEW.total_seconds() <= moment < ends:
        raise BadTokenError("not in force")


def _texts(claims: dict[str, Any]) -> Sequence[Any]:
    proofs = claims["amr"]
    return [claims["sub"], claims["tid"], claims["sid"], claims["jti"], *(proofs if isinstance(proofs, list) else [None])]


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise BadTokenError("no id") from error


def _bytes(segment: str) -> bytes:
    """Decode base64url in its one spelling: without padding, without bits that say nothing (RFC 4648, 3.5)."""
    try:
        plain = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadTokenError("not base64url") from error
    if base64.urlsafe_b64encode(plain).rstrip(b"=").decode() != segment:
        raise BadTokenError("another spelling of the same bytes")
    return plain
