"""An OpenID Connect provider, asked by Authorization Code with PKCE (OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9207).

Whoever administers an organisation writes the provider's address: only what ``outbound`` lets be called is called, over TLS
(plain HTTP on the own machine alone, where tests and trials are), without following where an answer leads.
"""

import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sidecar.adapters.deadline import Punctual, TooLong, body_of
from sidecar.adapters.outbound import OffLimits, OwnGround, find

PATIENCE = 5.0
"""Seconds for one answer, from connecting to its last byte."""
LONGEST_ANSWER = 256 * 1024
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Asymmetric ones: who can check a token cannot make one (RFC 8725, 3.1)."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ."""
LAST_MOMENT = 4_102_444_800
"""Epoch second of the year 2100: what lies beyond is no time of a sign-in."""
SCOPE = "openid email profile"


class Unproved(Exception):  # noqa: N818 - named for what it says
    """The provider did not say who somebody is, or not so that it counts. The message holds nothing of a person."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to a provider, and where it sends people back to."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Question:
    """What one sign-in must bring back: kept in the session that began it."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is to the provider. ``proofs``: what its token names in ``amr`` and ``acr``."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    proofs: frozenset[str]
    proved_at: datetime | None


class OidcProvider:
    """One organisation's provider. Every method raises Unproved."""

    def __init__(self, client: Client, ground: OwnGround) -> None:
        self._client, self._ground = client, ground
        self._about = self._discover()

    def sign_in_url(self, question: Question) -> str:
        """Return where to send somebody to sign in."""
        url: str = prepare_grant_uri(
            self._about["authorization_endpoint"],
            client_id=self._client.client_id,
            response_type="code",
            redirect_uri=self._client.redirect_uri,
            scope=SCOPE,
            state=question.state,
            nonce=question.nonce,
            code_challenge=create_s256_code_challenge(question.verifier),
            code_challenge_method="S256",
        )
        return url

    def identify(self, question: Question, answer: Mapping[str, str], *, now: datetime) -> Identity:
        """Exchange the code that came back for who it is. The caller has compared ``state`` already."""
        named = answer.get("iss")
        if named is not None and named != self._client.issuer:
            raise Unproved("another provider answered")
        if not (code := answer.get("code")):
            raise Unproved("the provider gave no code")
        tokens = self._exchange(code, question.verifier)
        claims = self._read(str(tokens.get("id_token", "")), question.nonce, now)
        if "email" not in claims and isinstance(tokens.get("access_token"), str):
            claims.pop("email_verified", None)  # of which address, it does not say
            claims |= self._asked_for(str(tokens["access_token"]), claims["sub"])
        proofs = [*claims.get("amr", []), claims.get("acr")]
        address = str(claims.get("email", "")).strip().lower()
        return Identity(
            self._client.issuer, claims["sub"], address, claims.get("email_verified") is True,
            frozenset(each for each in proofs if isinstance(each, str)), _moment(claims.get("auth_time")),
        )  # fmt: skip

    def _discover(self) -> dict[str, Any]:
        about: dict[str, Any] = self._ask("GET", f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != self._client.issuer:
            raise Unproved("the provider calls itself otherwise than it is called here")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(about.get(name), str):
                raise Unproved(f"the provider does not name its {name}")
        if urlsplit(about["authorization_endpoint"]).scheme != urlsplit(self._client.issuer).scheme:
            raise Unproved("the provider's page is not where the provider is")
        return about

    def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        client = self._client
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri, "code_verifier": verifier,
            "client_id": client.client_id,
        }  # fmt: skip
        headers = {}
        methods = self._about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if client.secret and "client_secret_basic" not in methods:
            form["client_secret"] = client.secret
        elif client.secret:
            plain = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"  # RFC 6749, 2.3.1
            headers["Authorization"] = "Basic " + base64.b64encode(plain.encode()).decode()
        return self._ask("POST", self._about["token_endpoint"], data=form, headers=headers)

    def _read(self, token: str, nonce: str, now: datetime) -> dict[str, Any]:
        """Return the claims of an ID token that is the provider's, for us, for this sign-in, in force (Core, 3.1.3.7)."""
        try:
            keys = KeySet.import_key_set(cast("Any", self._ask("GET", self._about["jwks_uri"])))
            read = jwt.decode(token, keys, algorithms=ALGORITHMS)
            options = {"iss": {"essential": True, "value": self._client.issuer}, "nonce": {"essential": True, "value": nonce}}
            claims = CodeIDToken(read.claims, read.header, options, {"nonce": nonce, "client_id": self._client.client_id})
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unproved(f"the provider's token does not count: {type(error).__name__}") from error
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if audience != [self._client.client_id] or not isinstance(claims["sub"], str) or not claims["sub"]:
            raise Unproved("the provider's token is for somebody else")
        if claims.get("nonce") != nonce or not isinstance(claims.get("amr", []), list):
            raise Unproved("the provider's token is of another sign-in")
        return dict(claims)

    def _asked_for(self, access_token: str, subject: str) -> dict[str, Any]:
        """Return what the provider says of the person beside the token (Core, 5.3); nothing where it has no such address."""
        if not isinstance(self._about.get("userinfo_endpoint"), str):
            return {}
        said = self._ask("GET", self._about["userinfo_endpoint"], headers={"Authorization": f"Bearer {access_token}"})
        if said.get("sub") != subject:
            raise Unproved("the provider spoke of two people")
        return {name: said[name] for name in ("email", "email_verified") if name in said}

    def _ask(
        self, method: str, url: str, *, data: dict[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Ask the one address that was judged, and return the JSON object it answers."""
        called, host = self._address(url)
        more = {"Host": host, "Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        name = {"sni_hostname": urlsplit(url).hostname}
        try:
            with (
                httpx.Client(transport=Punctual(_trust(), seconds=PATIENCE), timeout=PATIENCE, follow_redirects=False) as client,
                client.stream(method, called, data=data, headers=more, extensions=name) as answer,
            ):
                if not answer.is_success:
                    raise Unproved(f"the provider answered {answer.status_code}")
                body = body_of(answer, at_most=LONGEST_ANSWER)
        except httpx.HTTPError as error:
            raise Unproved("the provider does not answer") from error
        except TooLong as error:
            raise Unproved("the provider's answer is too long") from error
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Unproved("the provider's answer cannot be read") from error
        if not isinstance(said, dict):
            raise Unproved("the provider's answer cannot be read")
        return said

    def _address(self, url: str) -> tuple[str, str]:
        """Return the URL with the address in place of the name, and the name for the Host header."""
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
            raise Unproved("the provider's address is none")
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            address = find(parts.hostname, port, self._ground)
        except (OffLimits, OSError, ValueError) as error:
            raise Unproved("the provider's address is not one to call") from error
        if parts.scheme == "http" and not address.startswith("127.") and address != "::1":
            raise Unproved("the provider must speak TLS")
        literal = f"[{address}]" if ":" in address else address
        return parts._replace(netloc=f"{literal}:{port}", fragment="").geturl(), parts.netloc


@cache
def _trust() -> ssl.SSLContext:
    """Return the authorities everybody trusts, read once: it takes longer than a question."""
    return ssl.create_default_context()


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and 0 < seconds < LAST_MOMENT else None
