"""A person at the public door, over HTTP as a program would: signed in with password and one-time code."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.browser import conditions
from tests.cast import PASSWORD, Person

TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


class Visitor:
    """``get`` and ``post`` as one person; redirects are not followed."""

    def __init__(self, url: str, person: Person) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self.token = ""
        self._look("/login")
        self.post("/login", data={"email": person.email, "password": PASSWORD})
        self._look("/login/code")
        entered = self.post("/login/code", data={"code": person.code()})
        assert entered.status_code == 302, entered.text
        self._look("/archive/jobs")

    def _look(self, path: str) -> None:
        found = TOKEN.search(self.get(path).text)
        assert found is not None, path
        self.token = found[1]

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.http.post(path, headers={"X-CSRFToken": self.token, **conditions("POST", path)}, **options)

    def close(self) -> None:
        self.http.close()
