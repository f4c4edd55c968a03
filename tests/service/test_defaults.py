"""A13: nothing that is known beforehand opens a fresh house."""

from base64 import b64encode

import pytest
from flask import Flask

from sidecar.instance import credentials
from sidecar.kernel.settings import Settings
from tests.browser import Browser

NAMES = ("orthanc", "admin", "administrator", "root", "demo", "alice", "user", "test", "postgres", "readingroom")
PAIRS = [(name, word) for name in NAMES for word in (name, "password1234")]
DOORS = ("/api/studies", "/api/users", "/dicom-web/studies", "/admin/users", "/worklist", "/api/auth/me")


@pytest.mark.parametrize(("name", "word"), PAIRS)
def test_a13_no_default_pair_opens_the_sidecar(app: Flask, name: str, word: str) -> None:
    """Twenty pairs, in the sign-in form and as HTTP Basic on six doors; cells are tried in tests/doors/test_hardening.py."""
    basic = {"Authorization": "Basic " + b64encode(f"{name}:{word}".encode()).decode(), "Accept": "application/json"}
    guest = Browser(app)
    assert {guest.get(door, headers=basic).status_code for door in DOORS} <= {401, 404}
    for email in (name, f"{name}@localhost", f"{name}@example.org"):
        assert guest.post("/login", data={"email": email, "password": word}).status_code == 401


def test_a13_every_secret_is_of_this_house_alone(settings: Settings) -> None:
    mine = {name: settings.secret(name) for name in credentials.MAKERS if (settings.secrets_dir / name).is_file()}
    made = {name: make() for name, make in credentials.MAKERS.items()}
    assert len(set(mine.values())) == len(mine)
    assert all(len(value) >= 32 for value in mine.values())
    assert not set(mine.values()) & set(made.values())
