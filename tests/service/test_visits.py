"""Sessions: renewed, idle, too old, listed, ended; and every door shut when an account is."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from redis import Redis

from sidecar.accounts import ending, keys, roles, visits
from sidecar.accounts.members import delete_user, disable
from sidecar.accounts.office import Office
from sidecar.adapters.redis import revoked_sessions
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Role
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope, Scopes
from sidecar.worklist import stream
from tests.browser import RAW_TOKEN, Browser
from tests.cast import PASSWORD, Cast, Person
from tests.factories.studies import make_study
from tests.service import test_tokens
from tests.service.test_tokens import Program

Browse = Callable[[Person | None], Browser]
JSON = {"Accept": "application/json"}


def sid(browser: Browser) -> str:
    cookie = browser.client.get_cookie("rr_session")
    assert cookie is not None
    return cookie.value


def put_sid(browser: Browser, value: str) -> Browser:
    browser.client.set_cookie("rr_session", value)
    return browser


def shift(app: Flask, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    scopes = app.extensions["readingroom.scopes"]
    began = datetime.now(UTC)
    monkeypatch.setattr(scopes, "clock", lambda: began + by)


def knows(browser: Browser) -> int:
    return browser.get("/session/state", headers=JSON).status_code


def test_a16_the_session_id_is_new_after_password_code_and_confirmation_and_the_old_ones_open_nothing(
    app: Flask, browse: Browse, cast: Cast
) -> None:
    victim, seen = browse(None), []
    victim.get("/login")
    seen.append(sid(victim))  # what an attacker might have set beforehand
    victim.post("/login", data={"email": cast.reader.email, "password": PASSWORD})
    seen.append(sid(victim))
    with victim.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN
    assert victim.post("/login/code", data={"code": cast.reader.code()}).status_code == 302
    seen.append(sid(victim))
    with victim.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN
    assert victim.post("/account/confirm", data={"confirm-code": cast.reader.code(time.time() + 30)}).status_code == 303
    assert sid(victim) not in seen
    assert len(set(seen)) == 3
    assert knows(victim) == 200
    for old in seen:
        assert knows(put_sid(Browser(app), old)) == 401


def test_a_request_that_began_before_sign_out_or_confirmation_brings_nothing_back(app: Flask, browse: Browse, cast: Cast) -> None:
    """Flask writes back what a request read: put the old session back as such a request would."""
    redis: Redis = app.extensions["readingroom.redis"]
    for act in ("/logout", "/account/confirm"):
        person = browse(cast.reader)
        old = sid(person)
        kept = redis.get(f"rr:session:{old}")
        data = {"confirm-code": cast.reader.code()} if "confirm" in act else {}
        assert person.post(act, data=data).status_code in {302, 303}
        redis.set(f"rr:session:{old}", kept)  # type: ignore[arg-type]
        assert knows(put_sid(Browser(app), old)) == 401


def test_a17_unused_for_a_quarter_of_an_hour_is_signed_out(
    app: Flask, browse: Browse, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, api = browse(cast.reader), {"Accept": "application/json"}
    shift(app, monkeypatch, timedelta(minutes=14, seconds=50))
    assert person.get("/session/state", headers=api).status_code == 200
    shift(app, monkeypatch, timedelta(minutes=15, seconds=1))
    assert person.get("/session/state", headers=api).status_code == 401
    assert person.get("/worklist").location.startswith("/login")
    shift(app, monkeypatch, timedelta(minutes=1))
    assert person.get("/session/state", headers=api).status_code == 401, "an idle session does not come back"


def test_a17_twelve_hours_end_even_a_busy_session(
    app: Flask, browse: Browse, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = browse(cast.reader)
    for minutes in range(10, 12 * 60, 10):
        shift(app, monkeypatch, timedelta(minutes=minutes))
        assert person.post("/session/alive", headers=JSON).status_code == 200
    shift(app, monkeypatch, timedelta(hours=11, minutes=59))
    assert person.post("/session/alive", headers=JSON).status_code == 200
    shift(app, monkeypatch, timedelta(hours=12, minutes=1))
    assert person.post("/session/alive", headers=JSON).status_code == 401


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/worklist/changes?since=0", {"Accept": "application/json, text/html;q=0.9"}),
        ("/worklist/changes?since=0", {"Accept": "*/*", "Sec-Fetch-Mode": "cors"}),
        ("/worklist/events", {"Accept": "text/event-stream"}),
        ("/worklist/views", {"Accept": "*/*", "HX-Request": "true"}),
        ("/worklist", {"Accept": "text/html", "Sec-Fetch-Mode": "no-cors"}),
    ],
)
def test_a17_a_page_nobody_sits_at_keeps_nothing(
    app: Flask, browse: Browse, cast: Cast, monkeypatch: pytest.MonkeyPatch, path: str, sent: dict[str, str]
) -> None:
    person = browse(cast.reader)
    shift(app, monkeypatch, timedelta(minutes=14))
    polled = person.get(path, headers=sent, buffered=False)
    assert polled.status_code == 200
    polled.close()
    shift(app, monkeypatch, timedelta(minutes=15, seconds=1))
    assert knows(person) == 401


@pytest.mark.parametrize(
    "sent", [{"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, {"Accept": "application/json, text/html;q=0.9"}]
)
def test_a_script_that_asks_after_sign_out_takes_nobodys_cookie(
    app: Flask, browse: Browse, cast: Cast, sent: dict[str, str]
) -> None:
    """Its answer would bring the cookie of a new session, and the form to sign in again would belong to another one."""
    person = browse(cast.reader)
    assert person.post("/logout").status_code == 302
    asked = person.get("/worklist/changes?since=0", headers=sent)
    assert (asked.status_code, asked.mimetype) == (401, "application/json")
    assert "Set-Cookie" not in asked.headers
    opened = person.get("/worklist", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert opened.location == "/login?next=%2Fworklist"


@pytest.mark.parametrize("method", ["GET /worklist", "POST /session/alive"])
def test_a17_what_a_person_does_keeps_the_session(
    app: Flask, browse: Browse, cast: Cast, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    person = browse(cast.reader)
    shift(app, monkeypatch, timedelta(minutes=14))
    verb, path = method.split()
    assert person.ask(verb, path).status_code == 200
    shift(app, monkeypatch, timedelta(minutes=28))
    assert knows(person) == 200


def test_my_sessions_are_listed_with_device_and_place_and_ended_one_by_one_or_all(app: Flask, browse: Browse, cast: Cast) -> None:
    redis: Redis = app.extensions["readingroom.redis"]
    here, there, third = browse(cast.reader), browse(cast.reader), browse(cast.reader)
    phone = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.1 Mobile/15E148 Safari/604.1"
    )
    for device, seat in ((phone, there), ("", third)):
        with seat.client.session_transaction() as session:
            redis.hset(f"rr:visit:{session['visit']}", mapping={"agent": device, "address": "203.0.113.7"})
    page = here.get("/account").text
    assert "Mobile Safari 18 on iOS 18" in page
    assert "203.0.113.7" in page
    assert page.count("this session") == 1
    with there.client.session_transaction() as session:
        name = session["visit"]
    assert here.post(f"/account/sessions/{name}/end").status_code == 303
    assert (knows(here), knows(there), knows(third)) == (200, 401, 200)
    assert here.post("/account/sessions/end-others").status_code == 303
    assert (knows(here), knows(third)) == (200, 401)
    assert name in revoked_sessions(redis, now=datetime.now(UTC))
    with browse(cast.stranger).client.session_transaction() as session:
        strangers = session["visit"]
    unknown = here.post("/account/sessions/0123456789abcdef0123456789abcdef/end")
    assert here.post(f"/account/sessions/{strangers}/end").status_code == unknown.status_code == 404


class Line:
    """A live line of a browser, read in a thread of its own as a server does."""

    def __init__(self, app: Flask, cookie: str) -> None:
        self.browser, self.began, self.said = put_sid(Browser(app), cookie), threading.Event(), [""]
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        assert self.began.wait(10)

    def _read(self) -> None:
        with self.browser.get("/worklist/events", headers={"Accept": "text/event-stream"}, buffered=False) as answer:
            for chunk in answer.response:
                self.said.append(str(chunk))
                self.began.set()

    def ended_within(self, seconds: float) -> bool:
        self.thread.join(seconds)
        return not self.thread.is_alive()


def demote(scope: Scope, office: Office, user_id: UUID) -> None:
    """As the platform does, whose word needs no second person; two of a house end in the same step."""
    roles.ask(scope, office, user_id, role=Role.VIEWER)


@pytest.mark.parametrize("act", [disable, demote, delete_user])
def test_a18_who_is_disabled_demoted_or_deleted_is_out_of_every_door_within_seconds(
    app: Flask,
    browse: Browse,
    cast: Cast,
    scopes: Scopes,
    seal: Seal,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Scope, Office, UUID], object],
) -> None:
    """Web, JSON by cookie, token and key, DICOMweb, the edge's questions to us, a live line, and what the cells are told."""
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    redis: Redis = app.extensions["readingroom.redis"]
    person, program = browse(cast.reader), test_tokens.sign_in(app, scopes, cast.reader)
    with person.client.session_transaction() as session:
        visit = session["visit"]
    live = Line(app, sid(person))
    assert "data" in live.said[1]
    doors = (
        "/worklist",
        f"/api/studies/{study.id}/download",
        f"/dicom-web/readable/studies/{study.uid}/metadata",
        f"/edge/pixels?context={uuid4()}&study={study.uid}&series=1.2",
        f"/edge/explorer?root={uuid4()}",
        f"/edge/objects?root=own&study={study.uid}",
        "/session/state",
    )
    with scopes.open(replace(cast.reader.actor, fresh_at=datetime.now(UTC))) as scope:
        key = keys.make_key(scope, name="nightly", scopes=["archive:study:download"], days=1)[1]
    take = f"/api/studies/{study.id}/download"
    assert program.me() == 200
    assert 401 not in {person.get(path, headers=JSON).status_code for path in doors}
    assert Program(app, access=key).ask("GET", take).status_code in {200, 404}
    with scopes.open(replace(cast.platform_admin.actor, fresh_at=datetime.now(UTC))) as scope:
        act(scope, Office(seal, redis, mails=False), cast.reader.user_id)
    for path in doors:
        assert person.get(path, headers=JSON).status_code == 401, path
    assert program.me() == 401
    assert Program(app, access=key).ask("GET", take).status_code in {401, 403}, "a key does what its owner still may"
    assert live.ended_within(5)
    assert visit in revoked_sessions(redis, now=datetime.now(UTC))


@pytest.mark.parametrize("keep", [True, False])
def test_a18_shutting_all_doors_of_a_person_leaves_everybody_else_alone(
    app: Flask, browse: Browse, cast: Cast, scopes: Scopes, keep: bool
) -> None:
    redis: Redis = app.extensions["readingroom.redis"]
    first, second, other = browse(cast.reader), browse(cast.reader), browse(cast.second_reader)
    with first.client.session_transaction() as session:
        visit = session["visit"]
    with scopes.open(cast.nightowls_admin.actor) as scope:
        ending.end_everywhere(scope, redis, cast.reader.user_id, keep=visit if keep else "")
    assert (knows(first), knows(second), knows(other)) == (200 if keep else 401, 401, 200)
    assert len(visits.visits_of(redis, cast.reader.user_id, now=datetime.now(UTC))) == (1 if keep else 0)


def test_nothing_but_a_sign_in_begins_a_visit(app: Flask, browse: Browse, cast: Cast) -> None:
    redis: Redis = app.extensions["readingroom.redis"]
    person = browse(cast.reader)
    with person.client.session_transaction() as session:
        visit = session["visit"]
    visits.shut(redis, cast.reader.user_id, visit)
    for change in (visits.note_fresh, visits.note_signed):
        change(redis, visit, now=datetime.now(UTC))
    visits.renew(redis, visit, sid="x")
    assert not redis.exists(f"rr:visit:{visit}")


def test_whoever_was_signed_out_for_being_away_signs_in_again_in_another_tab(app: Flask, browse: Browse, cast: Cast) -> None:
    """The tab has the cookie of the session that ended, as the page under its cover has."""
    person, redis = browse(cast.reader), app.extensions["readingroom.redis"]
    with person.client.session_transaction() as session:
        visits.shut(redis, cast.reader.user_id, session["visit"])
    assert knows(person) == 401
    assert person.get("/login").status_code == 200
    assert person.post("/login", data={"email": cast.reader.email, "password": PASSWORD}).location == "/login/code"
    assert knows(person) == 401
    with person.client.session_transaction() as session:
        session["csrf_token"] = RAW_TOKEN
    assert person.get("/login/code").status_code == 200
    assert person.post("/login/code", data={"code": cast.reader.code()}).status_code == 302
    assert knows(person) == 200


def test_a04_no_way_to_a_token_goes_past_the_second_factor(app: Flask, browse: Browse, cast: Cast, scopes: Scopes) -> None:
    """Every unsafe door that is open to nobody yet, given a right password and no second factor, leads to no patient's data."""
    given = {"email": cast.reader.email, "password": PASSWORD, "name": "N", "code": "", "token": "x", "refresh_token": "x"}
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    rules = [rule for rule in app.url_map.iter_rules() if rule.methods and "POST" in rule.methods]
    issuing = [rule for rule in rules if getattr(app.view_functions[rule.endpoint], "needs", None) is Permission.PUBLIC]
    ways = {rule.rule for rule in issuing}
    assert {"/login", "/login/code", "/api/auth/login", "/api/auth/refresh", "/api/auth/reset"} <= ways
    for rule in issuing:
        path = rule.rule
        for argument in rule.arguments:
            path = re.sub(rf"<[^>]*{argument}>", str(uuid4()), path)
        half = browse(None)
        half.post("/login", data={"email": cast.reader.email, "password": PASSWORD})
        with half.client.session_transaction() as session:
            session["csrf_token"] = RAW_TOKEN
        sent = half.post(path, json=given) if path.startswith("/api/") else half.post(path, data=given)
        found = sent.json if sent.is_json and isinstance(sent.json, dict) else {}
        bearer = next((str(found[key]) for key in ("access_token", "challenge", "token") if key in found), "")
        headers = {**JSON, **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        for door in ("/worklist", "/api/studies", f"/reading/{study.id}", f"/dicom-web/readable/studies/{study.uid}/metadata"):
            assert half.get(door, headers=headers).status_code in {401, 302}, (rule.rule, door)
