"""Programs sign in, stay signed in, sign out; what was tampered with, used twice or taken back opens nothing."""

import base64
import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from sidecar.accounts import programs, tokens
from sidecar.accounts.bearer import access_tokens
from sidecar.accounts.tables import User
from sidecar.adapters.access_tokens import ACCESS, CHALLENGE, AccessTokens, BadTokenError, Bearer
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person

PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
Browse = Callable[[Person | None], Browser]


class Program:
    """A client without cookies that sends what it was given."""

    def __init__(self, app: Flask, *, access: str = "", refresh: str = "") -> None:
        self.client: FlaskClient = app.test_client(use_cookies=False)
        self.access, self.refresh = access, refresh

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.access}"} if self.access else {}
        return self.client.open(path, method=method, headers={**headers, **options.pop("headers", {})}, **options)

    def me(self) -> int:
        return self.ask("GET", "/api/auth/me").status_code

    def exchange(self, token: str | None = None) -> TestResponse:
        return self.ask("POST", "/api/auth/refresh", json={"refresh_token": token or self.refresh})

    def take(self, answer: TestResponse) -> "Program":
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        self.access, self.refresh = answer.json["access_token"], answer.json["refresh_token"]
        return self


def sign_in(app: Flask, scopes: Scopes, person: Person) -> Program:
    """Open a family as the sign-in does once both factors were right: codes work once per half minute."""
    with scopes.open(person.actor) as scope:
        user = scope.one(select(User).where(User.id == person.user_id))
        family, first = tokens.begin(scope, user, client="tests", address="127.0.0.1")
    said = Bearer(person.organisation_id, person.user_id, family.id.hex, family.proved_at, ("pwd", "otp"))
    with app.app_context():
        return Program(app, access=access_tokens().mint(ACCESS, said, now=datetime.now(UTC)), refresh=first.text)


def test_a_program_signs_in_with_both_factors_and_out_again(app: Flask, cast: Cast) -> None:
    program, reader = Program(app), cast.reader
    asked = program.ask("POST", "/api/auth/login", json={"email": reader.email, "password": PASSWORD})
    assert asked.json is not None
    assert asked.json["access_token"] is None
    answer = program.ask("POST", "/api/auth/2fa/verify", json={"challenge": asked.json["challenge"], "code": reader.code()})
    program.take(answer)
    told = program.ask("GET", "/api/auth/me").json
    assert told is not None
    assert (told["id"], told["role"]) == (str(reader.user_id), "radiologist")
    assert "reports:report:sign" in told["permissions"]
    assert program.ask("GET", "/worklist").status_code == 200
    assert program.ask("POST", "/api/auth/logout").status_code == 200
    assert program.me() == 401
    assert program.exchange().status_code == 401


# -- access tokens -----------------------------------------------------------------------------------------------------------


def b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forger:
    """Makes tokens from a good one by every trick known, and by chance."""

    def __init__(self, good: str, signer: AccessTokens, seed: int) -> None:
        self.good, self.dice = good, random.Random(seed)  # noqa: S311 - a repeatable order, not a secret
        self.signing, self.own = signer.signing, Ed25519PrivateKey.generate()
        self.header: dict[str, Any] = jwt.get_unverified_header(good)
        self.claims: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})

    def signed(self, header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
        body = f"{b64(header)}.{b64(claims)}"
        return f"{body}.{b64(key.sign(body.encode()))}"

    def headers(self) -> dict[str, Any]:
        """A header that says something it should not, under a true signature."""
        tricks: list[dict[str, Any]] = [
            {"alg": "none"}, {"alg": "None"}, {"alg": "HS256"}, {"alg": "Ed25519"}, {"alg": "RS256"}, {"alg": "eddsa"},
            {"alg": None},
            {"kid": "../../dev/null"}, {"kid": "x' OR '1'='1"}, {"kid": ""}, {"kid": None}, {"kid": self.header["kid"][1:]},
            {"kid": [self.header["kid"]]}, {"typ": "JWT"}, {"typ": "challenge+jwt"}, {"typ": None},
            {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/cert"}, {"x5c": ["MII"]},
            {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64(self.own.public_key().public_bytes_raw())}},
            {"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"zip": "DEF"}, {"cty": "JWT"}, {"x": 1},
        ]  # fmt: skip
        return {**self.header, **self.dice.choice(tricks)}

    def other_claims(self) -> dict[str, Any]:
        """Claims that a token of ours never bears, under a true signature."""
        now = self.claims["iat"]
        tricks: list[dict[str, Any]] = [
            {"iss": "https://evil.example"}, {"iss": ""}, {"iss": None}, {"aud": "other"},
            {"aud": "readingroom-api/second-factor"}, {"aud": ["readingroom-api"]},
            {"aud": ["readingroom-api", "other", ""]}, {"aud": None}, {"typ": "refresh"}, {"typ": "challenge"}, {"typ": None},
            {"exp": now - 1}, {"exp": now + 86_400}, {"exp": str(now + 60)}, {"exp": now + 60.5}, {"exp": None}, {"exp": True},
            {"nbf": now + 300}, {"nbf": None}, {"iat": now + 3600}, {"iat": None}, {"auth_time": "now"}, {"auth_time": None},
            {"sub": ""}, {"sub": 7}, {"tid": "x"}, {"tid": None}, {"sid": None}, {"sid": 1}, {"jti": None},
            {"amr": "pwd"}, {"amr": [1]},
            {"role": "admin"}, {"scope": "*"},
        ]  # fmt: skip
        changed = {**self.claims, **self.dice.choice(tricks)}
        if self.dice.random() < 0.3:
            changed.pop(self.dice.choice(sorted(self.claims)))
        return changed

    def flipped(self) -> str:
        """One character another, gone, doubled, or moved."""
        place, letters = (
            self.dice.randrange(len(self.good)),
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ %\n",
        )
        kind = self.dice.choice(["other", "gone", "doubled", "inserted"])
        other = self.dice.choice([each for each in letters if each != self.good[place]])
        middle = {"other": other, "gone": "", "doubled": self.good[place] * 2, "inserted": self.good[place] + other}[kind]
        return self.good[:place] + middle + self.good[place + 1 :]

    def next(self) -> str:
        """The next forgery; the id in it makes each another one."""
        claims = {**self.claims, "jti": str(self.dice.random())}
        body = f"{b64({**self.header, 'alg': self.dice.choice(['none', 'NONE', 'HS256'])})}.{b64(claims)}"
        public = self.signing.public_key().public_bytes_raw()
        ways: list[Callable[[], str]] = [
            lambda: self.signed(self.headers(), claims, self.signing),
            lambda: self.signed(self.header, {**self.other_claims(), "x": claims["jti"]}, self.signing),
            lambda: self.signed(self.header, self.other_claims(), self.signing),
            lambda: self.signed(self.header, claims, self.own),
            lambda: f"{body}." + self.dice.choice(["", b64(b"0" * 64), self.good.split(".")[2]]),
            lambda: jwt.encode(claims, public, algorithm="HS256", headers={"kid": self.header["kid"], "typ": "at+jwt"}),
            lambda: ".".join(self.dice.sample([*self.good.split("."), "", b64(claims)], self.dice.choice([1, 2, 3, 4, 5]))),
            self.flipped,
            self.flipped,
        ]
        return self.dice.choice(ways)()


@pytest.mark.filterwarnings("ignore:The HMAC key is:UserWarning")
def test_a14_of_ten_thousand_altered_tokens_none_is_accepted(
    app: Flask, scopes: Scopes, cast: Cast, record_property: Callable[[str, object], None]
) -> None:
    """All of them at the reader that the door asks; every hundredth by HTTP too, where the answer is 401 like to no token."""
    program = sign_in(app, scopes, cast.owner)
    with app.app_context():
        signer = access_tokens()
    forger, now = Forger(program.access, signer, seed=14), datetime.now(UTC)
    assert signer.read(ACCESS, program.access, now=now).user_id == cast.owner.user_id
    forged = {forger.next() for _ in range(14_000)} - {program.access}
    assert len(forged) >= 10_000
    for number, token in enumerate(sorted(forged)):
        with pytest.raises(BadTokenError):
            signer.read(ACCESS, token, now=now)
        if number % 100 == 0 and "\n" not in token:
            assert Program(app, access=token).ask("GET", "/api/auth/me").status_code == 401
    record_property("cases", len(forged))
    assert program.me() == 200


def test_a14_a_token_lives_ten_minutes_and_says_what_it_must(app: Flask, scopes: Scopes, cast: Cast) -> None:
    token = sign_in(app, scopes, cast.owner).access
    with app.app_context():
        signer = access_tokens()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert {"iss", "aud", "sub", "tid", "jti", "typ", "exp", "iat", "nbf"} <= set(claims)
    assert 0 < claims["exp"] - claims["iat"] <= 900
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": next(iter(signer.accepted)), "typ": "at+jwt"}
    ends = datetime.fromtimestamp(claims["exp"], UTC)
    signer.read(ACCESS, token, now=ends - timedelta(seconds=1))
    for moment in (ends, datetime.fromtimestamp(claims["nbf"], UTC) - timedelta(seconds=6)):
        with pytest.raises(BadTokenError, match="not in force"):
            signer.read(ACCESS, token, now=moment)
    with pytest.raises(BadTokenError):
        signer.read(CHALLENGE, token, now=ends - timedelta(seconds=1))


def test_keys_are_exchanged_without_signing_anybody_out(app: Flask, cast: Cast) -> None:
    """The new key stands first in the file and signs; tokens of the old one are good until they expire."""
    old, new = (Ed25519PrivateKey.generate() for _ in range(2))
    pem = [key.private_bytes(*PEM) for key in (new, old)]
    said = Bearer(cast.mercy, cast.owner.user_id, "s", None, ("pwd",))
    before = AccessTokens.from_pem(pem[1], issuer="i").mint(ACCESS, said, now=datetime.now(UTC))
    both = AccessTokens.from_pem(b"".join(pem), issuer="i")
    assert both.read(ACCESS, before, now=datetime.now(UTC)) == said
    assert both.read(ACCESS, both.mint(ACCESS, said, now=datetime.now(UTC)), now=datetime.now(UTC)) == said
    with pytest.raises(BadTokenError, match="unknown key"):
        AccessTokens.from_pem(pem[0], issuer="i").read(ACCESS, before, now=datetime.now(UTC))


def test_a04_a_challenge_and_a_refresh_token_open_nothing(app: Flask, scopes: Scopes, cast: Cast) -> None:
    """What a password alone gives (mfa still to come), and what is no access token, is refused at every door as a bearer."""
    program = Program(app)
    asked = program.ask("POST", "/api/auth/login", json={"email": cast.reader.email, "password": PASSWORD}).json
    assert asked is not None
    assert (asked["access_token"], asked["refresh_token"]) == (None, None)
    refresh = sign_in(app, scopes, cast.reader).refresh
    doors = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    assert len(doors) > 20
    for rule in doors:
        if rule.endpoint == "static":
            continue
        for token in (asked["challenge"], refresh):
            assert Program(app, access=token).ask("GET", rule.rule).status_code == 401, rule.rule


# -- refresh tokens ----------------------------------------------------------------------------------------------------------


def test_a15_a_refresh_token_used_twice_ends_its_family(app: Flask, scopes: Scopes, cast: Cast) -> None:
    thief = sign_in(app, scopes, cast.reader)
    stolen = thief.refresh
    owner = Program(app, refresh=stolen)
    owner.take(owner.exchange())
    owner.take(owner.exchange())
    assert owner.me() == 200
    assert thief.exchange().status_code == 401
    assert owner.exchange().status_code == 401
    assert (owner.me(), thief.me()) == (401, 401)
    with scopes.open(cast.reader.actor) as scope:
        kinds = scope.session.scalars(select(JournalRow.kind).where(JournalRow.organisation_id == cast.nightowls)).all()
    assert "accounts.token.reused" in kinds
    assert sign_in(app, scopes, cast.reader).me() == 200


def test_a15_of_fifty_at_once_one_gets_the_next_and_nobody_is_signed_out(
    app: Flask, scopes: Scopes, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A race is not a theft: the losers hear 409, and the winner goes on. Whoever comes after the race uses a spent token."""
    first = sign_in(app, scopes, cast.reader)
    together, refresh = threading.Barrier(50), programs.refresh

    def once_all_are_in(*given: Any, **named: Any) -> Any:
        together.wait(timeout=60)
        return refresh(*given, **named)

    with monkeypatch.context() as patch, ThreadPoolExecutor(50) as pool:
        patch.setattr(programs, "refresh", once_all_are_in)
        answers = list(pool.map(lambda _number: Program(app, refresh=first.refresh).exchange(), range(50)))
    assert sorted(each.status_code for each in answers) == [200] + [409] * 49
    winner = Program(app).take(next(each for each in answers if each.status_code == 200))
    assert winner.me() == 200
    winner.take(winner.exchange())
    assert winner.me() == 200
    assert first.exchange().status_code == 401
    assert winner.me() == 401


def test_a_family_ends_by_itself_when_idle_or_old(app: Flask, scopes: Scopes, cast: Cast) -> None:
    def after(program: Program, passed: timedelta) -> tokens.Outcome:
        later = datetime.now(UTC) + passed
        presented = tokens.opaque.read(tokens.PREFIX, program.refresh)
        assert presented is not None
        clocked = replace(scopes, clock=lambda: later)
        with clocked.open(cast.reader.actor) as scope:
            return tokens.exchange(scope, presented, arrived_at=later, clock=clocked.clock).outcome

    assert after(sign_in(app, scopes, cast.reader), tokens.IDLE - timedelta(seconds=5)) is tokens.Outcome.EXCHANGED
    assert after(sign_in(app, scopes, cast.reader), tokens.IDLE + timedelta(seconds=5)) is tokens.Outcome.REFUSED
    assert after(sign_in(app, scopes, cast.reader), tokens.LONGEST + timedelta(seconds=5)) is tokens.Outcome.REFUSED


@pytest.mark.parametrize(
    "token", ["", "x", "rrr_", "rrr_" + "A" * 64, "rrk_" + "A" * 64, "rrr_" + "é" * 64, "rrr_" + "A" * 63 + "\n"]
)
def test_what_is_no_refresh_token_is_refused_in_the_same_words(app: Flask, token: str) -> None:
    answer = Program(app).ask("POST", "/api/auth/refresh", json={"refresh_token": token or " "})
    assert answer.status_code == 401
    assert answer.json == {
        "status": "error",
        "message": "This refresh token opens nothing any more. Sign in again.",
        "code": "unauthenticated",
    }


def test_a_disabled_person_is_out_at_once_with_every_token(app: Flask, scopes: Scopes, cast: Cast) -> None:
    program = sign_in(app, scopes, cast.owner)
    with scopes.open(cast.mercy_admin.actor) as scope:
        scope.one(select(User).where(User.id == cast.owner.user_id)).disabled_at = scope.now
    assert program.me() == 401
    assert program.exchange().status_code == 401


def test_another_organisations_walls_hold_for_tokens(app: Flask, scopes: Scopes, cast: Cast) -> None:
    """A token that names another organisation than its own finds nothing there, whoever signed it."""
    with app.app_context():
        signer = access_tokens()
    program = sign_in(app, scopes, cast.owner)
    said = signer.read(ACCESS, program.access, now=datetime.now(UTC))
    moved = Bearer(cast.luke, said.user_id, said.session, said.proved_at, said.proofs)
    assert Program(app, access=signer.mint(ACCESS, moved, now=datetime.now(UTC))).me() == 401
    other = Bearer(said.organisation_id, cast.mercy_admin.user_id, said.session, said.proved_at, said.proofs)
    assert Program(app, access=signer.mint(ACCESS, other, now=datetime.now(UTC))).me() == 401
    assert program.me() == 200


def test_a_bearer_needs_no_form_token_and_a_cookie_beside_it_counts_for_nothing(
    app: Flask, scopes: Scopes, cast: Cast, browse: Browse
) -> None:
    program = sign_in(app, scopes, cast.reader)
    assert program.ask("POST", "/api/notifications/read").status_code == 200
    browser = browse(cast.reader)
    assert browser.get("/worklist").status_code == 200
    assert browser.get("/api/auth/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    told = browser.get("/api/auth/me", headers={"Authorization": f"Bearer {sign_in(app, scopes, cast.owner).access}"}).json
    assert told["id"] == str(cast.owner.user_id)
    assert browser.client.post("/api/notifications/read").status_code == 403
