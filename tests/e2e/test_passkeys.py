"""Passkeys in a real browser, with the authenticator that Chromium simulates (Chrome DevTools Protocol, WebAuthn domain).

A passkey belongs to a host name, so the application answers at ``localhost`` here, without the edge before it.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, CDPSession, Page, expect

from sidecar.adapters.seals import Seal
from sidecar.app import create_app
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance
from sidecar.instance.readiness import port_answers, wait_until
from sidecar.kernel.settings import Settings
from tests.cast import PASSWORD, Cast, make_cast
from tests.e2e.desk import sign_in, watch_errors
from tests.factories.studies import make_study

AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@dataclass
class Stand:
    """The application at localhost, and people for it."""

    app: Flask
    url: str
    cast: Cast
    scopes: Scopes

    def age(self) -> None:
        """Let every session's second factor be six minutes old."""
        redis = self.app.extensions["readingroom.redis"]
        for key in redis.scan_iter("rr:visit:*"):
            redis.hset(key, "fresh", time.time() - 360)


@pytest.fixture(scope="module")
def stand(services: Instance) -> Iterator[Stand]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    variables = {**os.environ, **services.env(), "RR_PUBLIC_URL": f"http://localhost:{port}"}
    app = create_app(Settings.from_env(variables))
    command = [
        sys.executable, "-m", "gunicorn", "sidecar.app:serve()", "--bind", f"127.0.0.1:{port}",
        "--worker-class", "gthread", "--threads", "32", "--graceful-timeout", "1", "--no-control-socket",
    ]  # fmt: skip
    server = subprocess.Popen(command, env=variables)
    wait_until(lambda: port_answers(port), seconds=30, what="the application")
    scopes: Scopes = app.extensions["readingroom.scopes"]
    seal: Seal = app.extensions["readingroom.seal"]
    yield Stand(app, f"http://localhost:{port}", make_cast(scopes, seal), scopes)
    server.terminate()
    server.wait()
    scopes.engine.dispose()


@pytest.fixture
def page(browser: Browser, stand: Stand) -> Iterator[Page]:
    named = {"X-Forwarded-For": "127.0.0.1"}  # as nginx would
    context = browser.new_context(base_url=stand.url, viewport={"width": 1440, "height": 900}, extra_http_headers=named)
    opened = context.new_page()
    watch_errors(opened)
    yield opened
    context.close()


def give_authenticator(page: Page) -> tuple[CDPSession, str]:
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made: dict[str, Any] = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return cdp, made["authenticatorId"]


def add_passkey(page: Page, name: str) -> None:
    page.goto("/account")
    page.fill("#passkey_name", name)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("#passkeys strong")).to_have_text(name)


def test_a_passkey_is_added_signs_in_and_confirms(page: Page, stand: Stand) -> None:
    person = stand.cast.reader
    give_authenticator(page)
    sign_in(page, person)
    add_passkey(page, "work laptop")
    page.locator("#user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.fill("[name=email]", person.email)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/login" not in url)
    stand.age()
    page.goto("/account")
    expect(page.locator("#passkeys")).to_contain_text("last used")
    page.get_by_role("button", name="Make new backup codes").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator(".codes li")).to_have_count(10)
    assert page.faults == []  # type: ignore[attr-defined]


def test_the_first_signature_takes_password_and_passkey_the_next_the_passkey_alone(page: Page, stand: Stand) -> None:
    """D04 at the screen. A device that did not check who holds it signs nothing."""
    person = stand.cast.second_reader
    cdp, authenticator = give_authenticator(page)
    sign_in(page, person)
    add_passkey(page, "key on my ring")
    begin(page, stand)
    expect(page.locator("[name='sign-code']")).to_be_visible()
    page.fill("[name='sign-password']", PASSWORD)
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.locator("#sign-passkey").click()
    expect(page.locator("#sign-error")).to_contain_text("No passkey was used")
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": True})
    page.locator("#sign-passkey").click()
    page.wait_for_url("**/reports/*")
    begin(page, stand)
    expect(page.locator("[name='sign-code']")).to_be_hidden()
    page.locator("#sign-passkey").click()
    page.wait_for_url("**/reports/*")


def begin(page: Page, stand: Stand) -> None:
    """Write a short report on a new study and open the sign dialog."""
    study = make_study(stand.scopes, stand.cast.mercy, reading=stand.cast.nightowls)
    page.goto(f"/reading/{study.id}")
    page.fill("[name=findings]", "Clear.")
    page.fill("[name=impression]", "Normal.")
    expect(page.locator("#save-state")).to_contain_text("saved")
    page.keyboard.press("Control+Shift+S")
    expect(page.locator("#sign-dialog")).to_be_visible()


def test_an_idle_page_warns_and_is_covered_and_goes_on_after_signing_in_again(page: Page, stand: Stand, browser: Browser) -> None:
    """The text stays under the cover. The clock of the page is moved on, the server's session is ended."""
    person = stand.cast.own_radiologist
    sign_in(page, person)
    study = make_study(stand.scopes, stand.cast.mercy)
    page.clock.install()
    page.goto(f"/reading/{study.id}")
    page.clock.run_for(1000)
    redis = stand.app.extensions["readingroom.redis"]
    page.clock.run_for(13 * 60 * 1000 + 30_000)
    expect(page.locator("#session-warning")).to_be_visible()
    for key in redis.scan_iter("rr:visit:*"):
        redis.delete(key)
    page.clock.run_for(60_000)
    expect(page.locator("#session-over")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#session-over")).to_be_visible()
    tab = page.context.new_page()
    tab.goto("/login")
    tab.fill("[name=email]", person.email)
    tab.fill("[name=password]", PASSWORD)
    tab.get_by_role("button", name="Continue").click()
    tab.wait_for_url("**/login/code")
    tab.fill("[name=code]", person.code(time.time() + 30))
    tab.keyboard.press("Enter")
    tab.wait_for_url(lambda url: "/login" not in url)
    page.bring_to_front()
    page.clock.run_for(10_000)
    expect(page.locator("#session-over")).to_be_hidden()
