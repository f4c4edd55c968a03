"""A signed-in Flask test client that sends what a browser would: the cookie and the CSRF token."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from sidecar.accounts import visits
from sidecar.adapters.cell_tokens import session_hash
from tests.cast import Person

PASSING = re.compile(
    r'datetime="[^"]*"|<meta name="(session-idle|session-ends|user|now|csrf-token)"[^>]*>|name="csrf_token" value="[^"]*"'
)
"""What differs between any two pages: moments and the form's token."""
RAW_TOKEN = "0123456789abcdef0123456789abcdef01234567"


def alike(answer: TestResponse, identifier: object) -> str:
    """Return an answer without the id that was asked for and without the moment it was given: what a stranger may compare."""
    text = answer.text.replace(str(identifier), "ID")
    return f"{answer.status_code} {PASSING.sub('', text)}"


def conditions(method: str, path: str) -> dict[str, str]:
    """Return what a client of the JSON API that never asks twice sends along: a new key, and "whatever is there"."""
    if not path.startswith("/api/"):
        return {}
    return {"POST": {"Idempotency-Key": str(uuid4())}, "GET": {}}.get(method, {"If-Match": "*"})


class Browser:
    """``get post put delete`` as one person (or nobody); redirects are not followed."""

    def __init__(self, app: Flask, person: Person | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        self.person = person
        self.csrf = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps(RAW_TOKEN)
        with self.client.session_transaction() as session:
            session["csrf_token"] = RAW_TOKEN
            if person is not None:
                session["_user_id"] = f"{person.organisation_id}/{person.user_id}"
                session["_fresh"] = True
                visit = session["visit"] = session_hash(session.sid)  # type: ignore[attr-defined]
                redis, now = app.extensions["readingroom.redis"], datetime.now(UTC)
                visits.open_visit(redis, replace(person.actor, session=visit), sid=visit, now=now)

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {
            "Accept": "text/html,*/*;q=0.8",
            "X-CSRFToken": self.csrf,
            **conditions(method, path),
            **options.pop("headers", {}),
        }
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.ask("POST", path, **options)

    def put(self, path: str, **options: Any) -> TestResponse:
        return self.ask("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.ask("DELETE", path, **options)
