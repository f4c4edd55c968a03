"""No word is lost: the browser killed while somebody types, a page left at once, two windows, a server or a session gone."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Playwright, expect

from sidecar.accounts.bootstrap import platform_id
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Actor, OrganisationKind, Role
from sidecar.gate.machine import Workshop
from sidecar.instance import Instance
from sidecar.organisations.tables import Organisation
from tests.cast import PASSWORD, Person, make_person
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.desk import next_code, sign_in
from tests.factories.studies import Made, make_study

FINDINGS, IMPRESSION, STATE = "textarea[name=findings]", "textarea[name=impression]", "#save-state"
SAVED = re.compile(r"^saved \d\d:\d\d:\d\d$")


@pytest.fixture(scope="module")
def radiologist(workshop: Workshop, seal: Seal) -> Person:
    """One who reads their own hospital's studies."""
    platform = Actor(None, platform_id(workshop.scopes), Role.ADMIN, OrganisationKind.PLATFORM, "test")
    name = f"Writers {uuid4().hex[:6]}"
    with workshop.scopes.open(platform) as scope:
        hospital = Organisation(id=uuid4(), kind="provider", name=name, letterhead="", zone="UTC", created_at=scope.now)
        scope.session.add(hospital)
    return make_person(workshop.scopes, seal, hospital.id, OrganisationKind.PROVIDER, Role.RADIOLOGIST, "Dr. Wanda Writer")


@pytest.fixture
def study(workshop: Workshop, radiologist: Person) -> Made:
    return make_study(workshop.scopes, radiologist.organisation_id)


@pytest.fixture(scope="module")
def page(house: Instance, radiologist: Person, playwright: Playwright) -> Iterator[Page]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    made = browser.new_context(base_url=house.url).new_page()
    sign_in(made, radiologist)
    yield made
    browser.close()


def desk(page: Page, study: Made) -> None:
    page.goto(f"/reading/{study.id}")
    expect(page.locator(FINDINGS)).to_be_editable()


def test_a_page_left_at_once_has_said_its_last_words(page: Page, study: Made) -> None:
    desk(page, study)
    page.fill(FINDINGS, "Typed and reloaded in the same moment.")
    page.reload()
    expect(page.locator(FINDINGS)).to_have_value("Typed and reloaded in the same moment.", timeout=20_000)


def test_typing_without_a_pause_is_saved_all_the_same(page: Page, study: Made) -> None:
    desk(page, study)
    saves: list[str] = []
    page.on("request", lambda request: saves.append(request.url) if request.method == "PUT" else None)
    page.locator(FINDINGS).press_sequentially("no pause " * 12, delay=40)
    assert len(saves) >= 3


def test_two_windows_show_both_texts_and_let_one_choose(page: Page, study: Made) -> None:
    desk(page, study)
    other = page.context.new_page()
    desk(other, study)
    other.fill(IMPRESSION, "from the other window")
    expect(other.locator(STATE)).to_have_text(SAVED, timeout=20_000)
    page.fill(IMPRESSION, "from this window")
    dialog = page.locator("#conflict-dialog")
    expect(dialog).to_contain_text("from the other window")
    expect(dialog).to_contain_text("from this window")
    page.keyboard.press("Space")  # somebody still typing chooses nothing
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    page.click("#keep-mine")
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=20_000)
    other.close()
    page.reload()
    expect(page.locator(IMPRESSION)).to_have_value("from this window")


def test_without_a_server_the_text_waits_on_the_page(page: Page, study: Made) -> None:
    desk(page, study)
    page.context.set_offline(True)
    page.fill(FINDINGS, "written in the tunnel")
    expect(page.locator("#trouble")).to_contain_text("Your text stays on this page", timeout=20_000)
    page.context.set_offline(False)
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=20_000)
    expect(page.locator("#trouble")).to_be_hidden()


def start_chromium(folder: Path, playwright: Playwright) -> tuple["subprocess.Popen[bytes]", Callable[[], Page]]:
    """Start a browser of our own, whose process can be killed; return it and what opens a page in it."""
    profile = folder / uuid4().hex
    command = [CHROMIUM, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    told = profile / "DevToolsActivePort"
    deadline = time.monotonic() + 20
    while not (told.exists() and told.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    port = told.read_text().split()[0]

    def open_page() -> Page:
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        return browser.contexts[0].new_page()

    return process, open_page


def test_kill_9_of_the_browser_while_somebody_types(
    page: Page, study: Made, house: Instance, radiologist: Person, playwright: Playwright, tmp_path: Path
) -> None:
    process, open_page = start_chromium(tmp_path, playwright)
    doomed = open_page()
    doomed.context.add_cookies([{**cookie, "sameSite": "Lax"} for cookie in page.context.cookies()])
    doomed.goto(f"{house.url}/reading/{study.id}")
    area = doomed.locator(FINDINGS)
    typed: list[tuple[float, str]] = []
    began = time.monotonic()
    while time.monotonic() - began < 6:
        word = f"word{len(typed)} "
        area.press_sequentially(word, delay=5)
        typed.append((time.monotonic(), word))
    os.killpg(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    process.wait()
    desk(page, study)
    kept = page.input_value(FINDINGS)
    everything = "".join(word for _at, word in typed)
    long_enough_ago = "".join(word for at, word in typed if killed - at > 1.5)
    assert everything.startswith(kept)
    assert len(kept) >= len(long_enough_ago), (len(kept), len(long_enough_ago), len(everything))


def test_a_session_that_ends_while_writing_takes_nothing_along(page: Page, study: Made, radiologist: Person) -> None:
    desk(page, study)
    left, other = page.context.new_page(), page.context.new_page()
    left.goto("/worklist")
    other.goto("/worklist")
    # By a request of its own: a tab that shows the sign-in page would cover the others before anybody can write.
    token = other.get_attribute("meta[name=csrf-token]", "content") or ""
    page.context.request.post("/logout", form={"csrf_token": token}, max_redirects=0)
    page.fill(FINDINGS, "written while signed out")
    # No patient's name stays on a screen that nobody is signed in at.
    expect(left.locator("#session-over")).to_be_visible(timeout=10_000)
    expect(page.locator("#session-over")).to_be_visible(timeout=10_000)
    expect(page.locator("#trouble")).to_contain_text("Your text stays on this page", timeout=20_000)
    other.goto("/login")
    other.fill("[name=email]", radiologist.email)
    other.fill("[name=password]", PASSWORD)
    other.keyboard.press("Enter")
    other.wait_for_url("**/login/code")
    other.fill("[name=code]", next_code(radiologist))
    other.keyboard.press("Enter")
    other.wait_for_url(lambda url: "/login" not in url)
    page.bring_to_front()
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=20_000)
    expect(left.locator("#session-over")).to_be_hidden(timeout=20_000)
    left.close()
    other.close()
    page.reload()
    expect(page.locator(FINDINGS)).to_have_value("written while signed out")
