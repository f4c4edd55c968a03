"""An addendum at the screen: begun by key beside the images, kept through a reload, thrown away, begun anew, signed."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from sidecar.adapters.seals import Seal
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.machine import Workshop
from tests.cast import Person, make_person
from tests.e2e.desk import sign_report
from tests.e2e.test_drafts import SAVED, STATE, radiologist
from tests.factories.studies import make_study
from tests.service.test_reports import sign, write

__all__ = ["radiologist"]
TEXT = "textarea[name=text]"


def test_an_addendum_is_written_beside_the_images_and_signed(
    workshop: Workshop, seal: Seal, radiologist: Person, seat: Callable[[Person], Page]
) -> None:
    hospital, kind = radiologist.organisation_id, OrganisationKind.PROVIDER
    person = make_person(workshop.scopes, seal, hospital, kind, Role.RADIOLOGIST, "Dr. Ada Adder")
    study = make_study(workshop.scopes, hospital)
    before = replace(person, actor=replace(person.actor, signed_at=datetime.now(UTC)))  # this process cannot check passwords
    code = person.code(time.time() - 30)
    with ThreadPoolExecutor() as aside:  # signing runs an event loop, and the browser's is running here
        aside.submit(
            lambda: sign(workshop.scopes, seal, before, write(workshop.scopes, person, study), password="", code=code)
        ).result()
    page = seat(person)
    # The images are shown in other tests.
    page.route("**/ohif/**", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto(f"/reading/{study.id}")
    expect(page.get_by_text("No acute finding.")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator(TEXT)).to_be_focused()
    page.keyboard.type("Typed and reloaded in the same moment.")
    page.reload()
    expect(page.locator(TEXT)).to_have_value("Typed and reloaded in the same moment.")
    page.click("text=Discard")
    page.click("text=Throw away")
    page.click("#write-addendum button")
    expect(page.locator(TEXT)).to_be_focused()  # by the page's script, which writes from now on
    page.select_option("select[name=purpose]", "correction")
    page.fill(TEXT, "The nodule is on the right.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=20_000)
    sign_report(page, person)
    page.wait_for_url("**/reports/*")
    expect(page.locator(".amended")).to_contain_text("This report was corrected after it was signed.")
    expect(page.locator(".addendum")).to_contain_text("The nodule is on the right.")
    assert page.faults == []  # type: ignore[attr-defined]
