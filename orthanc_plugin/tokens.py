"""Who is calling: verification of cell tokens (wire format 2, JWT of RFC 7519 with EdDSA of RFC 8037).

Three kinds of callers: the sidecar itself (role "service"), the hospital's own staff (a role, and the cell's own
organisation), and a reading context (lists exactly the studies it opens, whoever holds it). Nothing else is accepted.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

import jwt

from orthanc_plugin.policy import Policy

ALGORITHM = "EdDSA"
ISSUER = "readingroom"
MAXIMUM_LIFETIME = 300
"""Seconds between iat and exp that a token may have at most."""
CLOCK_SKEW = 5
"""Seconds by which the clocks of sidecar and cell may differ."""
MAXIMUM_LENGTH = 64 * 1024
MAXIMUM_CACHED = 512
ROLES = frozenset({"admin", "manager", "radiologist", "technician", "viewer", "service"})
SERVICE = "service"
UID = re.compile(r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+)*\Z")
"""A unique identifier (PS3.5 section 9.1), lenient about leading zeros because scanners in use send them."""
_TEXT_CLAIMS = ("sub", "org", "role", "sid", "jti")
_TIME_CLAIMS = ("iat", "nbf", "exp")


class Kind(StrEnum):
    """Kinds of callers."""

    SERVICE = "service"
    STAFF = "staff"
    CONTEXT = "context"


class TokenError(ValueError):
    """The token is not accepted; the message is for the log and quotes nothing from the token."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller. `studies` holds the StudyInstanceUIDs a context lists; the other kinds have none.

    `receipt`: what the sidecar wants to hear again about whoever the token was made for; opaque here, "" for a machine.
    """

    kind: Kind
    subject: str
    organisation: str
    role: str
    session: str
    key: str
    not_before: int
    expires: int
    studies: frozenset[str] = frozenset()
    receipt: str = ""


def _header(token: str, policy: Policy) -> str:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise TokenError("not a JWT") from error
    if set(header) != {"alg", "kid", "typ"} or header["alg"] != ALGORITHM or header["typ"] != "JWT":
        raise TokenError("header is not alg, kid, typ of an EdDSA JWT")
    kid: str = header["kid"]  # PyJWT takes no other type
    if kid not in policy.keys:
        raise TokenError("unknown key")
    return kid


def _claims(token: str, kid: str, policy: Policy) -> dict[str, Any]:
    """Check the signature and PyJWT's own types; claims are judged by `_principal`, with the clock it is given."""
    options: Any = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud")}
    try:
        claims: dict[str, Any] = jwt.decode(token, policy.keys[kid], algorithms=[ALGORITHM], options=options)
    except jwt.InvalidTokenError as error:
        raise TokenError("bad signature or payload") from error
    return claims


def _kind(claims: Mapping[str, Any], policy: Policy) -> Kind:
    if claims["role"] == SERVICE:
        if "studies" in claims:
            raise TokenError("the service account lists no studies")
        return Kind.SERVICE
    if "studies" in claims:
        return Kind.CONTEXT
    if claims["org"] != policy.organisation:
        raise TokenError("staff of another organisation, without studies")
    return Kind.STAFF


def _studies(claims: Mapping[str, Any]) -> frozenset[str]:
    studies = claims.get("studies", [])
    if not isinstance(studies, list) or not all(isinstance(uid, str) and UID.match(uid) for uid in studies):
        raise TokenError("studies is not a list of UIDs")
    return frozenset(studies)


def _principal(claims: Mapping[str, Any], kid: str, policy: Policy) -> Principal:
    if claims.get("iss") != ISSUER or claims.get("aud") != policy.cell:
        raise TokenError("another issuer or audience")
    if not all(isinstance(claims.get(name), str) and claims[name] for name in _TEXT_CLAIMS):
        raise TokenError("a text claim is missing or of another type")
    if not all(type(claims.get(name)) is int for name in _TIME_CLAIMS):
        raise TokenError("a time claim is missing or no integer")
    if claims["role"] not in ROLES:
        raise TokenError("unknown role")
    if not 0 < claims["exp"] - claims["iat"] <= MAXIMUM_LIFETIME:
        raise TokenError("lives too long")
    return Principal(
        kind=_kind(claims, policy),
        subject=claims["sub"],
        organisation=claims["org"],
        role=claims["role"],
        session=claims["sid"],
        key=kid,
        not_before=max(claims["nbf"], claims["iat"]),
        expires=claims["exp"],
        studies=_studies(claims),
        receipt=str(claims.get("rcp", "")),
    )


def _still_valid(principal: Principal, policy: Policy, now: float) -> None:
    if now >= principal.expires + CLOCK_SKEW:
        raise TokenError("expired")
    if now < principal.not_before - CLOCK_SKEW:
        raise TokenError("not valid yet")
    if principal.session in policy.revoked_sessions:
        raise TokenError("session revoked")
    if principal.key not in policy.keys:
        raise TokenError("key withdrawn")


class TokenVerifier:
    """Verifies tokens and remembers the good ones, so that a stack of 300 frames costs one signature check.

    A remembered token is judged again at every use for expiry, revocation and withdrawn keys.
    """

    def __init__(self) -> None:
        self._cache: OrderedDict[bytes, Principal] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, token: str, policy: Policy, now: float) -> Principal:
        """Return the caller behind a token; `now` is in seconds since the epoch.

        Raises:
            TokenError: the token is malformed, forged, for another cell, out of its time, or its session is revoked.
        """
        if len(token) > MAXIMUM_LENGTH or not token.isascii():
            raise TokenError("too long, or not ASCII")
        digest = sha256(token.encode()).digest()
        with self._lock:
            principal = self._cache.get(digest)
        if principal is None:
            kid = _header(token, policy)
            principal = _principal(_claims(token, kid, policy), kid, policy)
        _still_valid(principal, policy, now)
        self._remember(digest, principal)
        return principal

    def _remember(self, digest: bytes, principal: Principal) -> None:
        with self._lock:
            self._cache[digest] = principal
            self._cache.move_to_end(digest)
            while len(self._cache) > MAXIMUM_CACHED:
                self._cache.popitem(last=False)
