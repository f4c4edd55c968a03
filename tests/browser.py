"""A signed-in Flask test client that sends what a browser would: the cookie and the CSRF token."""

import time
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from tests.cast import Person

RAW_TOKEN = "0123456789abcdef0123456789abcdef01234567"


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
                session["signed_in_at"] = time.time()

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"X-CSRFToken": self.csrf, **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.ask("POST", path, **options)

    def put(self, path: str, **options: Any) -> TestResponse:
        return self.ask("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.ask("DELETE", path, **options)
