"""Electronic signatures (21 CFR 11): two components, then one; who may, whose, and what an administrator cannot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from sidecar.accounts import lost, signing
from sidecar.accounts.office import Office
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Denied
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person
from tests.factories.studies import make_study
from tests.service.test_reports_web import TEXT
from tests.service.test_second_factor import kinds

Browse = Callable[[Person | None], Browser]
NEW = "another long sentence"


class Desk:
    """One person's session at the reading desk: writes and signs studies, one after the other."""

    def __init__(self, browse: Browse, scopes: Scopes, cast: Cast, person: Person | None = None) -> None:
        self.browser, self.scopes, self.cast = browse(person or cast.reader), scopes, cast

    def sign(self, **proof: str) -> Any:
        study = make_study(self.scopes, self.cast.mercy, reading=self.cast.nightowls)
        report = self.browser.post("/api/reports", json={"study_id": str(study.id)}).json["id"]
        self.browser.put(f"/api/reports/{report}/draft", json={"sections": TEXT, "revision": 0})
        return self.browser.post(f"/api/reports/{report}/sign", json={"meaning": "author", "revision": 1, **proof})


def code(person: Person, step: int) -> str:
    return person.code(datetime.now(UTC).timestamp() + 30 * step)


def test_d04_both_at_the_first_signing_of_a_session_one_at_each_next_both_again_after_a_break(
    app: Flask, browse: Browse, cast: Cast, scopes: Scopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(browse, scopes, cast)
    assert desk.sign(password=PASSWORD).status_code == 403
    assert desk.sign(code=code(cast.reader, -1)).status_code == 403
    assert desk.sign(password="wrong", code=code(cast.reader, -1)).status_code == 403
    assert desk.sign(password=PASSWORD, code=code(cast.reader, -1)).status_code == 200
    assert desk.sign().status_code == 403
    assert desk.sign(password="wrong").status_code == 403
    assert desk.sign(password=PASSWORD, code="000000").status_code == 403, "what is given must be right"
    assert desk.sign(password=PASSWORD).status_code == 200
    assert desk.sign(code=code(cast.reader, 0)).status_code == 200
    other = Desk(browse, scopes, cast)
    assert other.sign(password=PASSWORD).status_code == 403, "another session of the same person"
    now = datetime.now(UTC) + signing.WINDOW + timedelta(seconds=1)
    for minute in range(10, 61, 10):
        monkeypatch.setattr(scopes, "clock", lambda minute=minute: datetime.now(UTC) + timedelta(minutes=minute))
        assert desk.browser.post("/session/alive").status_code == 200
    monkeypatch.setattr(scopes, "clock", lambda: now)
    assert desk.sign(password=PASSWORD).status_code == 403, "the window is over"
    assert desk.sign(password=PASSWORD, code=cast.reader.code(now.timestamp())).status_code == 200


def test_d06_nobody_signs_before_their_identity_was_verified_and_a_lost_device_opens_nothing_at_once(
    browse: Browse, cast: Cast, scopes: Scopes, seal: Seal, app: Flask
) -> None:
    with scopes.open(cast.nightowls_admin.actor) as scope:
        scope.session.execute(update(User).where(User.id == cast.reader.user_id).values(identity_verified_at=None))
    desk, admin = Desk(browse, scopes, cast), browse(cast.nightowls_admin)
    assert desk.sign(password=PASSWORD, code=cast.reader.code()).status_code == 403
    assert admin.post(f"/admin/users/{cast.nightowls_admin.user_id}/identity").status_code == 409
    assert admin.post(f"/admin/users/{cast.reader.user_id}/identity").status_code == 303
    assert desk.sign(password=PASSWORD, code=cast.reader.code()).status_code == 200
    gone = admin.post(f"/admin/users/{cast.reader.user_id}/device-lost")
    assert gone.status_code == 200
    assert "/invitation/" in gone.text
    assert desk.browser.get("/session/state", headers={"Accept": "application/json"}).status_code == 401
    again = browse(None).post("/login", data={"email": cast.reader.email, "password": PASSWORD})
    assert again.location != "/login/code"
    assert {"accounts.user.identity-verified", "accounts.user.device-lost"} <= set(kinds(scopes, cast.reader))


def test_d06_misuse_is_reported(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    """The alert is raised from the journal row that says so (alerts room); its person is told at once."""
    desk = Desk(browse, scopes, cast)
    for _ in range(10):
        assert desk.sign(password="guessed at an open desk", code="000000").status_code == 403
    assert desk.sign(password=PASSWORD, code=cast.reader.code()).status_code == 403
    assert "accounts.user.second-factor-locked" in kinds(scopes, cast.reader)
    admin = browse(cast.nightowls_admin)
    assert admin.post(f"/admin/users/{cast.reader.user_id}/unlock").status_code == 303
    assert desk.sign(password=PASSWORD, code=cast.reader.code()).status_code == 200


@pytest.mark.parametrize("who", ["nightowls_admin", "lead", "platform_admin", "mercy_admin", "stranger"])
def test_d07_nobody_signs_with_another_persons_proofs(browse: Browse, cast: Cast, scopes: Scopes, who: str) -> None:
    """Even with password and code of the reader in hand, and whatever a request says about whom it acts for."""
    reader = Desk(browse, scopes, cast)
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    report = reader.browser.post("/api/reports", json={"study_id": str(study.id)}).json["id"]
    reader.browser.put(f"/api/reports/{report}/draft", json={"sections": TEXT, "revision": 0})
    name = str(cast.reader.user_id)
    for means in ({"headers": {"X-Act-As": name}}, {"query_string": {"user": name}}, {}):
        answer = browse(getattr(cast, who)).post(
            f"/api/reports/{report}/sign",
            json={
                "password": PASSWORD,
                "code": cast.reader.code(),
                "meaning": "author",
                "revision": 1,
            },
            **means,
        )
        assert answer.status_code == (404 if who == "stranger" else 403)


def test_d07_a_colleague_signs_as_themselves_or_not_at_all(browse: Browse, cast: Cast, scopes: Scopes, seal: Seal) -> None:
    with scopes.open(cast.second_reader.actor) as scope, pytest.raises(Exception, match="code is wrong"):
        signing.verify_signature(scope, signing.Proof(PASSWORD, cast.reader.code(), seal))
    mine = replace(cast.second_reader.actor, session="")
    with scopes.open(mine) as scope:
        signer = signing.verify_signature(scope, signing.Proof(PASSWORD, cast.second_reader.code(), seal))
    assert signer.id == cast.second_reader.user_id


def test_d07_an_administrator_who_revokes_a_device_cannot_become_that_person(
    browse: Browse, cast: Cast, scopes: Scopes, seal: Seal, app: Flask
) -> None:
    """The link for a new authenticator asks the person's own password, and who signs must be verified anew."""
    office = Office(seal, app.extensions["readingroom.redis"], mails=False)
    with scopes.open(replace(cast.nightowls_admin.actor, fresh_at=datetime.now(UTC))) as scope:
        _user, token = lost.device_lost(scope, office, cast.reader.user_id)
    guest = browse(None)
    page = guest.get(f"/invitation/{token}")
    assert page.status_code == 200
    answer = guest.post(f"/invitation/{token}", data={"password": NEW, "again": NEW, "code": "000000"})
    assert answer.status_code == 400
    with scopes.open(cast.reader.actor) as scope, pytest.raises(Denied):
        signing.verify_signature(scope, signing.Proof(PASSWORD, cast.reader.code(), seal))
