"""Orthanc Explorer in a real browser: own staff walk their archive, a reader sees the context's studies, text stays text."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.cast import Person
from tests.doors.explorer_stand import MARKUP, ExplorerStand, ids
from tests.doors.inbox import FakeInbox
from tests.service.conftest import app, settings

__all__ = ["app", "settings"]

HARMLESS = "() => document.querySelectorAll(\"img[src='x'], svg, b[onmouseover], script:not([src])\").length"
Open = Callable[[Person], Page]


@pytest.fixture(scope="module")
def stand(app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExplorerStand]:
    directory = tmp_path_factory.mktemp("explorer")
    directory.parent.chmod(0o711)
    inbox = FakeInbox()
    made = ExplorerStand(directory, app, inbox.url)
    yield made
    made.close()
    inbox.close()


@pytest.fixture
def visit(browser: Browser, stand: ExplorerStand) -> Iterator[Open]:
    """A page of a person, at their Explorer; whatever a script says or breaks fails the test."""
    faults: list[str] = []
    contexts = []

    def take(person: Person) -> Page:
        client = stand.browser(person)
        context = browser.new_context(base_url=stand.url, viewport={"width": 1440, "height": 900})
        contexts.append(context)
        context.add_cookies([{"name": "rr_session", "value": stand.cookie(client), "url": stand.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.goto(f"/explorer/{stand.context(client, person)}" if person is stand.cast.reader else "/explorer")
        return page

    yield take
    for context in contexts:
        context.close()
    assert faults == []


def shown(page: Page, name: str) -> None:
    """The page has come, its animation is over, and nothing in it is markup of a sender's."""
    expect(page.locator(".ui-page-active")).to_have_attribute("id", name)
    expect(page.locator("body.ui-mobile-viewport-transitioning")).to_have_count(0)
    assert page.evaluate(HARMLESS) == 0


def entry(page: Page, text: str) -> None:
    page.locator(".ui-page-active li a h3", has_text=text).first.click()


def press(page: Page, text: str) -> None:
    page.locator(".ui-page-active a", has_text=text).first.click()


def test_a_technician_walks_the_archive_down_to_a_download(stand: ExplorerStand, visit: Open, tmp_path: Path) -> None:
    page = visit(stand.cast.owner)
    shown(page, "lookup")
    for gone in ("Upload", "Query/Retrieve", "Jobs", "Plugins"):
        expect(page.get_by_text(gone, exact=True)).to_have_count(0)
    press(page, "All patients")
    shown(page, "find-patients")
    expect(page.locator("#all-patients li")).to_have_count(2)
    entry(page, MARKUP)
    shown(page, "patient")
    expect(page.locator("#list-studies li a")).to_have_count(3)
    for gone in ("Interact", "Protected", "Anonymize", "Send to remote modality", "Delete this patient"):
        expect(page.locator(".ui-page-active").get_by_text(gone)).to_have_count(0)
    entry(page, "onmouseover")
    shown(page, "study")
    expect(page.locator("#study-access .rr-verb")).to_have_text(["Download", "Send", "Delete"])
    entry(page, "onload")
    shown(page, "series")
    press(page, "Preview this series")
    picture = "() => /preview/.test(getComputedStyle(document.getElementById('lbImage')).backgroundImage)"
    page.wait_for_function(picture)
    page.keyboard.press("Escape")
    entry(page, "Instance: 2")
    shown(page, "instance")
    expect(page.locator("#dicom-tree")).to_contain_text(MARKUP)
    press(page, "Preview the instance")
    page.wait_for_function(picture.replace("preview/", f"{ids([stand.shelf.current[1]])['instances']}.preview/"))
    page.keyboard.press("Escape")
    with page.expect_download() as taken:
        press(page, "Download the DICOM file")
    assert taken.value.path().read_bytes()[128:132] == b"DICM"
    page.locator(".ui-page-active .study-link").click()
    shown(page, "study")
    press(page, "Download")
    page.wait_for_url(f"**/studies/{stand.current.id}/download")
    with page.expect_download() as whole:
        page.locator("a[href$='/archive.zip']").first.click()
    whole.value.save_as(tmp_path / "study.zip")
    assert len(zipfile.ZipFile(tmp_path / "study.zip").namelist()) == 3


def test_a_lookup_finds_what_it_says(stand: ExplorerStand, visit: Open) -> None:
    page = visit(stand.cast.own_radiologist)
    shown(page, "lookup")
    page.fill("#lookup-patient-name", "Other*")
    page.get_by_role("button", name="Do lookup").click()
    expect(page.locator("#lookup-result li a")).to_have_count(1)
    entry(page, "Other")
    shown(page, "study")
    expect(page.locator("#study-access .rr-verb")).to_have_text(["Download", "Send", "Access"])


def test_a_reader_sees_the_contexts_studies_only(stand: ExplorerStand, visit: Open) -> None:
    page = visit(stand.cast.reader)
    shown(page, "study")
    expect(page.locator("#study-info")).to_contain_text(stand.current.uid)
    expect(page.locator("#study-info .ui-li-count").first).to_have_text("2")
    expect(page.locator("#study-access .rr-verb")).to_have_text(["Download"])
    page.locator("#study .patient-link").click()
    shown(page, "patient")
    expect(page.locator("#list-studies li a")).to_have_count(2)
    expect(page.locator("body")).not_to_contain_text("Unshared")
    press(page, "Lookup")
    shown(page, "lookup")
    press(page, "All studies")
    shown(page, "find-studies")
    expect(page.locator("#all-studies li")).to_have_count(2)
    press(page, "Lookup")
    shown(page, "lookup")
    page.get_by_role("button", name="Do lookup").click()
    expect(page.locator("#lookup-result li a")).to_have_count(2)
    other = ids(stand.shelf.other)["studies"]
    page.goto(f"{page.url.split('#')[0]}#study?uuid={other}")
    page.reload()
    expect(page.locator("body")).not_to_contain_text("Elsewhere")
