"""Who signs out in one tab leaves nothing to be seen in the others; the same person goes on there, another is led away."""

import re
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from sidecar.accounts.bootstrap import platform_id
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Actor, OrganisationKind, Role
from sidecar.gate.machine import Workshop
from sidecar.organisations.tables import Organisation
from tests.cast import PASSWORD, Person, make_person
from tests.factories.studies import make_study

COVER = "#session-over"
SECONDS = 20_000


@pytest.fixture(scope="module")
def hospital(workshop: Workshop) -> UUID:
    platform = Actor(None, platform_id(workshop.scopes), Role.ADMIN, OrganisationKind.PLATFORM, "test")
    with workshop.scopes.open(platform) as scope:
        made = Organisation(
            id=uuid4(), kind="provider", name=f"Leavers {uuid4().hex[:6]}", letterhead="", zone="UTC", created_at=scope.now
        )
        scope.session.add(made)
    return made.id


@pytest.fixture
def hire(workshop: Workshop, seal: Seal, hospital: UUID) -> Callable[[str], Person]:
    """Make a radiologist of the hospital."""
    return lambda name: make_person(workshop.scopes, seal, hospital, OrganisationKind.PROVIDER, Role.RADIOLOGIST, name)


def enter(page: Page, person: Person, *, ahead: int) -> None:
    """Sign in on the page as it is, with the code of ``ahead`` seconds later: each works once."""
    page.fill("[name=email]", person.email)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/code")
    page.fill("[name=code]", person.code(time.time() + ahead))
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def sign_out(page: Page) -> None:
    page.click("#user-menu summary")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")


def tabs(context: BrowserContext, paths: list[str]) -> list[Page]:
    opened = []
    for path in paths:
        tab = context.new_page()
        tab.goto(path)
        expect(tab.locator(COVER)).to_be_hidden()
        opened.append(tab)
    return opened


def test_every_tab_is_covered_at_once_and_opens_again_for_the_same_person_only(
    seat: Callable[[Person], Page], workshop: Workshop, hire: Callable[[str], Person], hospital: UUID
) -> None:
    """The worklist, the hospital's list, the reading page, and a page without a live line."""
    person, other = hire("Dr. Wanda"), hire("Dr. Walt")
    study = make_study(workshop.scopes, hospital)
    first = seat(person)
    left = tabs(first.context, ["/worklist", "/hospital", f"/reading/{study.id}", "/account"])
    sign_out(first)
    for tab in left:
        expect(tab.locator(COVER)).to_be_visible(timeout=SECONDS)
    enter(first, person, ahead=30)
    for tab in left:
        expect(tab.locator(COVER)).to_be_hidden(timeout=SECONDS)
    reading = left[2]
    for tab in (left[0], left[1], left[3]):
        tab.close()
    sign_out(first)
    expect(reading.locator(COVER)).to_be_visible(timeout=SECONDS)
    enter(first, other, ahead=0)
    expect(reading.locator("meta[name=user]")).to_have_attribute("content", str(other.user_id), timeout=SECONDS)
    expect(reading).not_to_have_url(re.compile("/reading/"))
    _covered_by_htmx(first)


def _covered_by_htmx(page: Page) -> None:
    """The session ends elsewhere, and no other tab says so: what the page asks next is answered 401."""
    page.goto("/account")
    token = page.get_attribute("meta[name=csrf-token]", "content") or ""
    ended = page.context.request.post("/logout", form={"csrf_token": token}, headers={"Accept": "text/html"}, max_redirects=0)
    assert ended.status == 302
    page.evaluate("() => htmx.ajax('GET', '/notifications/bell', '#bell')")
    expect(page.locator(COVER)).to_be_visible(timeout=SECONDS)
    expect(page).to_have_url(re.compile("/account$"))
