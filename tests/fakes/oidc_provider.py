"""An OpenID Connect provider that is strict about its client, and lies on demand: what ``lies`` names is wrong in its answers."""

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "reading-room", "s3cret/with+signs"
OWN, OTHER = (RSAKey.generate_key(2048, {"kid": "1"}) for _ in range(2))
OTHER_PARTY = "https://somebody.example"


@dataclass
class Provider:
    """Signs in whoever ``person`` says. ``lies`` replaces claims of the token; ``signing``: "own", "other", "none", "HS256"."""

    person: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    signing: str = "own"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def start(self) -> "Provider":
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer({name: values[0] for name, values in parse_qs(body).items()})

            def answer(self, form: dict[str, str]) -> None:
                status, said = provider.handle(urlsplit(self.path).path, form, self.headers.get("Authorization", ""))
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def consent(self, url: str) -> dict[str, str]:
        """What the person's browser brings back after signing in at ``url``: the arguments of the way back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
        assert {"openid", "email"} <= set(asked["scope"].split())
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.lies.get("answering", self.issuer)}

    def handle(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if path == "/.well-known/openid-configuration":
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            about = {name: f"{self.issuer}/{name}" for name in names}
            return 200, {"issuer": self.lies.get("issuer", self.issuer), **about}
        if path == "/jwks_uri":
            return 200, dict(KeySet([OWN]).as_dict(private=False))
        if path == "/userinfo_endpoint":
            return 200, {**self.person, "sub": self.lies.get("userinfo_sub", self.person["sub"])}
        return self.exchange(form, authorization) if path == "/token_endpoint" else (404, {})

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """RFC 6749, 4.1.3 and RFC 7636, 4.6: the client, the code once, the way back and the verifier must all fit."""
        asked = self.codes.pop(form.get("code", ""), None)
        proof = base64.b64encode(f"{CLIENT}:{SECRET.replace('/', '%2F').replace('+', '%2B')}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or authorization != f"Basic {proof}":
            self.refused.append("code or client")
            return 400, {"error": "invalid_grant"}
        if asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge:
            self.refused.append("way back or verifier")
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.token(asked["nonce"])}

    def token(self, nonce: str) -> str:
        now = int(time.time())
        told = {} if self.lies.get("quiet") else self.person
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            **told,
            "sub": self.person["sub"],
        }
        claims = {name: value for name, value in {**claims, **self.lies.get("claims", {})}.items() if value is not None}
        if self.signing == "none":
            parts = ({"alg": "none"}, claims)
            return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."
        if self.signing == "HS256":
            return jwt.encode({"alg": "HS256", "kid": "1"}, claims, OctKey.import_key(SECRET * 2))
        key = OWN if self.signing == "own" else OTHER
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)


def back(path: str, answer: dict[str, str]) -> str:
    """The address a browser is led back to."""
    return f"{path}?{urlencode(answer)}"
