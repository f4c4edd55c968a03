"""Programs sign in, stay signed in, sign out; what was tampered with, used twice or taken back opens nothing."""

import base64
import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from sidecar.accounts import tokens
from sidecar.accounts.bearer import access_tokens
from sidecar.accounts.tables import User
from sidecar.adapters.access_tokens import ACCESS, CHALLENGE, AccessTokens, BadTokenError, Bearer
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person

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
