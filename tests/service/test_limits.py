"""How many requests are let in, with the house's own numbers: a Redis of its own, four web processes beside each other."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from sidecar.accounts import lost
from sidecar.accounts.events import SignInFailed
from sidecar.accounts.office import Office
from sidecar.adapters.limiter import address_key
from sidecar.adapters.seals import Seal
from sidecar.app import create_app
from sidecar.gate import pace
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance
from sidecar.instance.readiness import wait_until
from sidecar.instance.tools import need
from sidecar.kernel.errors import Invalid
from sidecar.kernel.journal import JournalRow
from sidecar.kernel.settings import Budgets, Settings, SettingsError
from sidecar.organisations import limits
from tests.browser import Browser
from tests.cast import PASSWORD, Cast
from tests.service.edge import Edge, Seen
from tests.service.test_tokens import Program, sign_in

LIMITS = ("RR_LIMIT_AUTHENTICATION", "RR_LIMIT_ANONYMOUS", "RR_LIMIT_SIGNED_IN", "RR_LIMIT_UPLOADS")


class Counted:
    """A house whose web processes share one Redis, which may be stopped."""

    def __init__(self, services: Instance, directory: Path) -> None:
        self.socket = directory / "redis.sock"
        command = [need("redis-server"), "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", str(directory)]
        self.redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self.socket.exists, seconds=30, what="redis")
        plain = {**services.env(), **dict.fromkeys(LIMITS, "")}
        self.settings = Settings.from_env({**plain, "RR_REDIS_URL": f"unix://{self.socket}"})
        self.made, self.all = 0, list[Flask]()
        self.apps = [self.process() for _ in range(4)]

    def process(self) -> Flask:
        self.all.append(create_app(self.settings))
        return self.all[-1]

    def address(self) -> str:
        """An address nobody used before."""
        self.made += 1
        return f"198.51.{self.made // 250}.{1 + self.made % 250}"

    def ask(self, number: int, method: str, path: str, *, address: str, **options: object) -> TestResponse:
        """Ask one of the processes, as nginx passes it on."""
        app = self.apps[number % len(self.apps)]
        headers = {"X-Forwarded-For": address, **options.pop("headers", {})}  # type: ignore[dict-item]
        return app.test_client(use_cookies=False).open(path, method=method, headers=headers, **options)  # type: ignore[arg-type]

    def sign_in(self, number: int, *, address: str, email: str = "") -> TestResponse:
        body = {"email": email or f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
        return self.ask(number, "POST", "/api/auth/login", address=address, json=body)

    def stop(self) -> None:
        self.redis.terminate()
        self.redis.wait()

    def close(self) -> None:
        self.stop()
        for app in self.all:
            app.extensions["readingroom.scopes"].engine.dispose()
            app.extensions["readingroom.redis"].close()
            app.extensions["readingroom.cells"].close()


@pytest.fixture(scope="module")
def counted(services: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    house = Counted(services, tmp_path_factory.mktemp("limits"))
    yield house
    house.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even answers take a quarter of a second each; here they take as long as they take."""
    monkeypatch.setattr(pace, "STEP_SECONDS", 0.001)


def assert_too_many(answer: TestResponse, *, most: int, within: int) -> None:
    assert answer.status_code == 429
    assert answer.json is not None
    assert answer.json["code"] == "too-many"
    assert 0 < int(answer.headers["Retry-After"]) <= within
    assert answer.headers["RateLimit-Limit"] == str(most)
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.headers["RateLimit-Reset"] == answer.headers["Retry-After"]
    assert answer.headers["RateLimit-Policy"] == f"{most};w={within}"


def test_a12_five_attempts_from_an_address_whichever_process_is_asked_or_started_anew(counted: Counted) -> None:
    address = counted.address()
    statuses = [counted.sign_in(number, address=address).status_code for number in range(5)]
    assert statuses == [401] * 5
    assert_too_many(counted.sign_in(5, address=address), most=5, within=900)
    counted.apps[1] = counted.process()
    assert_too_many(counted.sign_in(1, address=address), most=5, within=900)
    assert counted.sign_in(1, address=counted.address()).status_code == 401


def test_a12_five_attempts_for_an_account_wherever_they_come_from(counted: Counted, cast: Cast) -> None:
    """Known or not, and however it is written: the answer does not tell which accounts exist."""
    for email in (cast.reader.email, "nobody@example.org"):
        writings = [email, email.upper(), f" {email}", email.title(), email]
        for number, written in enumerate(writings):
            assert counted.sign_in(number, address=counted.address(), email=written).status_code in {200, 401}
        assert_too_many(counted.sign_in(5, address=counted.address(), email=email), most=5, within=900)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/octet-stream", ""):
            said = json.dumps({"email": email, "password": PASSWORD})
            answer = counted.ask(0, "POST", "/api/auth/login", address=counted.address(), data=said, content_type=kind)
            assert_too_many(answer, most=5, within=900)  # whatever it calls its body: it is read as JSON
    deep = "[" * 100_000
    answer = counted.ask(0, "POST", "/api/auth/login", address=counted.address(), data=deep, content_type="application/json")
    assert answer.status_code == 400


def test_a12_every_door_of_sign_in_counts(counted: Counted) -> None:
    """From the URL map: whatever changes something for somebody not signed in, machines' own doors apart."""
    app = counted.apps[0]
    doors = [
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"})
        if app.view_functions[rule.endpoint].needs is Permission.PUBLIC and not rule.rule.startswith("/intake/")  # type: ignore[attr-defined]
    ]
    assert {path for path, _ in doors} >= {
        "/login",
        "/login/code",
        "/api/auth/login",
        "/api/auth/refresh",
        "/api/auth/2fa/verify",
    }
    for path, method in doors:
        address = counted.address()
        asked = path.replace("<", "").replace(">", "")
        statuses = [counted.ask(n, method, asked, address=address, json={"refresh_token": "x"}).status_code for n in range(6)]
        assert 429 not in statuses[:5], path
        assert statuses[5] == 429, path


def test_a12_a_claimed_address_resets_nothing(counted: Counted, tmp_path: Path) -> None:
    """Through nginx: whatever a client says of where it comes from ends there."""

    class Door(Edge):
        def _web(self, asked: Seen) -> tuple[int, dict[str, str], bytes]:
            client = counted.apps[0].test_client(use_cookies=False)
            answer = client.open(asked.path, method=asked.method, headers=asked.headers)
            return answer.status_code, {"Content-Type": "application/json"}, answer.data

    door = Door(tmp_path)
    for number in range(6):
        spoofed = f"203.0.113.{number}"
        claims = {
            "X-Forwarded-For": f"{spoofed}, {spoofed}",
            "X-Real-IP": spoofed,
            "Forwarded": f"for={spoofed}",
            "Client-IP": spoofed,
        }
        answer = door.http.post("/api/auth/login", headers=claims, json={})
        assert answer.status_code == (400 if number < 5 else 429)
    door.close()


def test_a12_a_hundred_anonymous_requests(counted: Counted) -> None:
    address = counted.address()
    statuses = {counted.ask(number, "GET", "/api/notifications", address=address).status_code for number in range(100)}
    assert statuses == {401}
    assert_too_many(counted.ask(0, "GET", "/api/notifications", address=address), most=100, within=900)


def test_a12_ten_uploads_a_minute_of_a_person_and_from_an_address(counted: Counted, cast: Cast) -> None:
    app = counted.apps[0]
    scopes: Scopes = app.extensions["readingroom.scopes"]

    def upload(number: int, token: str, address: str) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"}
        return counted.ask(number, "POST", "/dicom-web/own/studies", address=address, headers=headers, data=b"x")

    owner, colleague, address = (
        sign_in(app, scopes, cast.owner).access,
        sign_in(app, scopes, cast.own_radiologist).access,
        counted.address(),
    )
    other = sign_in(app, scopes, cast.luke_technician).access
    assert {upload(number, owner, address).status_code for number in range(10)} == {415}
    assert_too_many(upload(0, owner, counted.address()), most=10, within=60)
    assert_too_many(upload(0, colleague, address), most=10, within=60)
    assert upload(0, other, address).status_code == 415
    assert upload(0, colleague, counted.address()).status_code == 415


def test_programs_are_told_what_is_left(counted: Counted, cast: Cast) -> None:
    app = counted.apps[0]
    program = sign_in(app, app.extensions["readingroom.scopes"], cast.reader)
    left = [program.ask("GET", "/api/notifications").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["999", "998", "997"]
    assert "RateLimit-Limit" not in program.ask("GET", "/worklist").headers


def test_an_organisations_own_network_has_a_larger_budget_and_its_people_theirs(counted: Counted, cast: Cast) -> None:
    app = counted.apps[0]
    scopes: Scopes = app.extensions["readingroom.scopes"]
    hospital, home = "203.0.113.77", counted.address()
    with scopes.open(cast.mercy_admin.actor) as scope:
        limits.set_limits(
            scope, signed_in=200, uploads=20, networks=["203.0.113.64/27"], network_authentication=12, network_anonymous=200
        )
    _, rules = app.extensions["readingroom.limits"]
    rules.forget()
    statuses = [counted.sign_in(0, address=hospital).status_code for _ in range(13)]
    assert statuses == [401] * 12 + [429]
    assert [counted.sign_in(0, address=home).status_code for _ in range(6)] == [401] * 5 + [429]
    assert rules(cast.mercy, home) == Budgets(authentication=5, anonymous=100, signed_in=200, uploads=20)
    assert rules(cast.luke, "203.0.113.77").signed_in == 1000
    assert (
        Program(app, access=sign_in(app, scopes, cast.owner).access).ask("GET", "/api/auth/me").headers["RateLimit-Limit"]
        == "200"
    )


@pytest.mark.parametrize("network", ["0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/23", "2001:db8::/32", "203.0.113.1/24", "here", ""])
def test_a_network_is_one_organisations_own(scopes: Scopes, cast: Cast, network: str) -> None:
    with pytest.raises(Invalid), scopes.open(cast.mercy_admin.actor) as scope:
        limits.set_limits(
            scope, signed_in=None, uploads=None, networks=[network], network_authentication=12, network_anonymous=200
        )


def test_an_ipv6_site_counts_as_one_address() -> None:
    assert address_key("2001:db8:1:2::1") == address_key("2001:db8:1:2:ffff::9") != address_key("2001:db8:1:3::1")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize("text", ["five", "0", "-1", "5.5"])
def test_a_budget_is_a_number_of_requests(text: str) -> None:
    with pytest.raises(SettingsError, match="RR_LIMIT_UPLOADS"):
        Budgets.from_values({"RR_LIMIT_UPLOADS": text})


def test_a12_without_redis_nobody_signs_in_and_whoever_is_in_reads_on(services: Instance, tmp_path: Path, cast: Cast) -> None:
    house = Counted(services, tmp_path)
    app = house.apps[0]
    program = sign_in(app, app.extensions["readingroom.scopes"], cast.reader)
    house.stop()
    for path in ("/login", "/login/code", "/api/auth/login", "/api/auth/refresh", "/api/auth/2fa/verify", "/api/auth/forgot"):
        for cookie in ({}, {"Cookie": "rr_session=abc"}):
            answer = house.ask(0, "POST", path, address="192.0.2.9", json={"email": "a@b.org"}, headers=cookie)
            assert answer.status_code == 503, (path, cookie)
            assert int(answer.headers["Retry-After"]) > 0
    assert program.ask("GET", "/api/auth/me").status_code == 200
    page = {"Accept": "text/html", "Cookie": "rr_session=abc"}
    assert "Not answering just now" in house.ask(0, "POST", "/login", address="192.0.2.9", headers=page).text
    house.close()


def test_a12_a_link_that_asks_for_a_password_is_no_place_to_try_them_all(
    counted: Counted, cast: Cast, scopes: Scopes, seal: Seal
) -> None:
    """The link for a lost device asks for the person's password: five tries, from wherever, each on record."""
    with scopes.open(replace(cast.mercy_admin.actor, fresh_at=datetime.now(UTC))) as scope:
        office = Office(seal, counted.apps[0].extensions["readingroom.redis"], mails=False)
        _user, token = lost.device_lost(scope, office, cast.owner.user_id)
    finder = Browser(counted.apps[0])
    assert finder.get(f"/invitation/{token}").status_code == 200
    statuses = [
        finder.post(
            f"/invitation/{token}",
            data={"password": f"guess number {number}", "code": "123456"},
            headers={"X-Forwarded-For": counted.address()},
        ).status_code
        for number in range(6)
    ]
    assert statuses == [400] * 5 + [429]
    with scopes.open(cast.mercy_admin.actor) as scope:
        tried = select(func.count()).where(JournalRow.subject_id == cast.owner.user_id, JournalRow.kind == SignInFailed.kind)
        assert scope.session.scalar(tried) == 5
