"""The client scripts in a real browser, under the real policy, on sample pages: no database, no archive."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from sidecar.ui.jinja import STATIC
from tests.e2e.gallery import SIZES, Pages, serve
from tests.unit.ui import samples

THIRD = "#study-00000000-0000-4000-8000-000000000002"


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    server = serve()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1440, "height": 600})
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if "Content Security Policy" in message.text else None)
    yield page
    page.close()
    assert said == []


def rows(*changed: dict[str, Any]) -> str:
    template = samples.environment().get_template("_worklist_rows.html")
    return template.render(page=samples.page(), rows=list(changed))


def show(page: Page, name: str) -> None:
    """Show a sample page as it is before any script ran, with its styles put in: seventy pages take seconds that way."""
    html = re.sub(
        r'<link rel="stylesheet" href="/static/([^"?]+)[^>]*>',
        lambda found: f"<style>{(STATIC / found[1]).read_text(encoding='utf-8')}</style>",
        samples.render(name, "light"),
    )
    page.set_content(re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL), wait_until="domcontentloaded")


def answer_changes(page: Page, html: str) -> list[str]:
    """Answer the next question for changes with these rows, later ones with none; return the questions."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        body = html if len(asked) == 1 else ""
        route.fulfill(content_type="text/html", headers={"X-Worklist-Cursor": "99"}, body=body)

    page.route("**/worklist/changes*", answer)
    return asked


def focused_row(page: Page) -> str:
    return str(page.evaluate("() => document.activeElement.id"))


def test_no_page_is_wider_than_a_phone(page: Page) -> None:
    width, height = SIZES["phone"]
    page.set_viewport_size({"width": width, "height": height})
    wide = {}
    for name in samples.PAGES:
        show(page, name)
        wide[name] = page.evaluate("() => document.scrollingElement.scrollWidth")
    assert {name: at for name, at in wide.items() if at > width} == {}


def test_a_phone_shows_whose_images_these_are_and_one_line_of_acts(page: Page) -> None:
    width, height = SIZES["phone"]
    page.set_viewport_size({"width": width, "height": height})
    for name in ("reading", "reading-locked", "reading-addendum-offered", "reading-addendum-left"):
        show(page, name)
        patient = page.locator(".patient h1")
        expect(patient).to_have_text("Okonkwo, Adaeze")
        assert patient.evaluate("it => it.scrollWidth <= it.clientWidth"), name
        tops = page.locator(".report-foot .button:visible").evaluate_all("them => them.map(it => it.offsetTop)")
        assert len(set(tops)) == 1, name


def test_the_keyboard_walks_the_list_and_opens(page: Page, origin: str) -> None:
    page.goto(f"{origin}/worklist")
    for key in ("j", "j", "j", "k", "j"):
        page.keyboard.press(key)
    assert f"#{focused_row(page)}" == THIRD
    expect(page.locator("#detail-line")).to_contain_text("ACC-26-4402")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert focused_row(page) == "q"
    page.keyboard.type("jjj")
    page.keyboard.press("Escape")
    page.locator(THIRD).focus()
    with page.expect_request(re.compile("/reading/2$")):
        page.keyboard.press("Enter")


def test_new_rows_come_in_by_rank_with_a_mark_and_known_ones_change_in_place(page: Page, origin: str) -> None:
    fresh = samples.row(50, samples.MERCY, {"patient_name": "Newly^Arrived"}, sort="0001b")
    grown = samples.row(2, samples.MERCY, {"instance_count": 1043, "patient_name": "Müller"}, sort="0002")
    asked = answer_changes(page, rows(fresh, grown))
    page.goto(f"{origin}/worklist")
    expect(page.locator("#rows tr").nth(2)).to_contain_text("Newly, Arrived")
    expect(page.locator("#rows tr").nth(2)).to_have_class(re.compile("new"))
    expect(page.locator("#rows tr").nth(3)).to_contain_text("1043")
    expect(page.locator("#list table")).to_have_attribute("data-cursor", "99")
    assert "since=41" in asked[0]
    assert "view=open" in asked[0]
    assert "q=" not in asked[0]


def test_nothing_moves_under_the_cursor(page: Page, origin: str) -> None:
    fresh = samples.row(50, samples.MERCY, {"patient_name": "Newly^Arrived", "priority": "stat"}, sort="0000a")
    page.route("**/worklist/events", lambda route: route.abort())
    page.goto(f"{origin}/worklist")
    page.locator(THIRD).focus()
    before = page.locator(THIRD).bounding_box()
    page.unroute("**/worklist/events")
    answer_changes(page, rows(fresh))
    button = page.locator("#fresh")
    expect(button).to_contain_text("1 new, 1 STAT", timeout=15_000)
    assert page.locator(THIRD).bounding_box() == before
    page.keyboard.press("n")
    expect(page.locator("#rows tr").nth(1)).to_contain_text("Newly, Arrived")
    expect(button).to_be_hidden()


def test_a_search_never_stands_in_an_address(page: Page, origin: str) -> None:
    posted: list[str] = []

    def answer(route: Route) -> None:
        posted.append(route.request.post_data or "")
        filters = samples.FILTERS | {"q": "okon"}
        listing = samples.WORKLIST | {"rows": samples.ROWS[:1], "filters": filters, "shown": 1, "total": 1}
        html = samples.environment().get_template("_worklist_list.html").render(page=samples.page(), **listing)
        route.fulfill(content_type="text/html", body=html)

    page.route("**/worklist/rows", answer)
    page.goto(f"{origin}/worklist")
    page.fill("#q", "okon")
    expect(page.locator("#rows tr")).to_have_count(1)
    assert "q=okon" in posted[0]
    assert "okon" not in page.url


def test_claiming_answers_with_the_row_and_offers_undo(page: Page, origin: str) -> None:
    mine = samples.row(0, samples.MERCY, samples._CASES[0][1], mine=True)
    page.route("**/claim", lambda route: route.fulfill(content_type="text/html", body=rows(mine)))
    page.goto(f"{origin}/worklist")
    page.keyboard.press("Enter")  # nothing is chosen yet: the first press chooses the first study, as j does
    page.keyboard.press("c")
    expect(page.locator("#rows tr").first).to_contain_text("You")
    expect(page.locator("#toasts")).to_contain_text("Claimed.")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()


def saves(page: Page, *answers: tuple[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Answer saves of the draft in turn (the last one again and again); return what was sent."""
    sent: list[dict[str, Any]] = []

    def answer(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}"))
        status, content = answers[min(len(sent), len(answers)) - 1]
        if status == 0:
            route.abort()
        else:
            route.fulfill(status=status, content_type="application/json", body=json.dumps(content))

    page.route("**/api/reports/r1/draft", answer)
    return sent


SAVED = {"revision": 8, "saved_at": "2026-11-21T20:04:07Z"}


def test_text_is_saved_as_one_types_and_kept_while_the_server_is_away(page: Page, origin: str) -> None:
    sent = saves(page, (0, {}), (503, {"message": "Busy."}), (200, SAVED))
    page.goto(f"{origin}/reading")
    page.locator("[name=impression]").press_sequentially("Seen. ")
    expect(page.locator("#trouble")).to_contain_text("Not saved yet")
    expect(page.locator("#save-state")).to_have_text("saved 21:04:07", timeout=10_000)
    expect(page.locator("#trouble")).to_be_hidden()
    assert sent[-1]["sections"]["impression"].startswith("Seen. ")
    assert sent[-1]["revision"] == 7
    kept = page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "occlusion" not in kept


def test_two_windows_cannot_overwrite_each_other(page: Page, origin: str) -> None:
    other = {**samples.CONTENT["sections"], "findings": "Other text"}
    theirs = {"message": "Changed.", "revision": 9, "sections": other, "saved_by": "Dr. Amara Okafor"}
    sent = saves(page, (409, theirs), (200, {**SAVED, "revision": 10}))
    page.goto(f"{origin}/reading")
    page.locator("[name=findings]").press_sequentially("Mine. ")
    expect(page.locator("#conflict-dialog")).to_contain_text("Other text")
    page.get_by_role("button", name="Keep my text").click()
    expect(page.locator("#save-state")).to_contain_text("saved 21:04:07")
    assert sent[-1]["revision"] == 9
    assert "Mine." in sent[-1]["sections"]["findings"]


def test_signing_shows_the_report_as_printed_then_asks_for_both_proofs(page: Page, origin: str) -> None:
    saves(page, (200, SAVED))
    proofs: list[Any] = []

    def answer(route: Route) -> None:
        proofs.append(route.request.post_data_json)
        refused = {"status": "error", "message": "The code is wrong or was already used.", "code": "signature-refused"}
        done = {"next": "/worklist"}
        status, body = (403, refused) if len(proofs) == 1 else (200, done)
        route.fulfill(status=status, content_type="application/json", body=json.dumps(body))

    page.route("**/api/reports/r1/sign", answer)
    page.goto(f"{origin}/reading")
    page.keyboard.press("Control+Shift+S")
    expect(page.locator("#review")).to_contain_text("NOT SIGNED")
    page.locator("#sign-password").fill("correct horse")
    page.locator("#sign-code").fill("123456")
    page.keyboard.press("Enter")
    expect(page.locator("#sign-error")).to_contain_text("already used")
    page.locator("#sign-code").fill("654321")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/worklist")
    assert proofs[1] == {"revision": 7, "password": "correct horse", "code": "654321", "passkey": "", "meaning": "author"}


def test_measurements_come_from_our_viewer_only_and_go_to_the_caret(page: Page, origin: str) -> None:
    saves(page, (200, SAVED))
    page.goto(f"{origin}/reading")
    drawn = {"uid": "m1", "tool": "Length", "text": "12.3 mm", "SeriesNumber": "3", "InstanceNumber": "41"}
    told = {"source": "readingroom-viewer", "type": "measurement", "change": "added", "measurement": drawn}
    page.evaluate("told => window.postMessage(told, location.origin)", told)
    page.wait_for_timeout(150)
    expect(page.locator("#measurements li")).to_have_count(0)
    frame = page.frame(url=re.compile("/ohif/viewer"))
    assert frame
    frame.evaluate("told => parent.postMessage(told, location.origin)", told)
    expect(page.locator("#measurements li")).to_contain_text("12.3 mm")
    page.locator("[name=impression]").focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("Alt+m")
    expect(page.locator("[name=impression]")).to_have_value(re.compile(r"21:01\. 12\.3 mm \(series 3, image 41\)$"))
    page.locator("[name=findings]").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" .nl")
    page.keyboard.press("Tab")
    expect(page.locator("[name=findings]")).to_have_value(re.compile(r"Lungs are clear\. No pleural"))


def test_leaving_releases_the_lock_and_sends_what_is_unsaved(page: Page, origin: str) -> None:
    Pages.received.clear()
    page.goto(f"{origin}/reading")
    page.locator("[name=impression]").press_sequentially("x")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{origin}/gallery")
    study = samples.READING["study"]["id"]
    wanted = {"PUT /api/reports/r1/draft", f"DELETE /reading/{study}/lock"}
    waited = time.monotonic() + 30
    while not wanted <= set(Pages.received):
        assert time.monotonic() < waited, Pages.received
        page.wait_for_timeout(50)


def test_the_theme_is_kept_in_a_cookie(page: Page, origin: str) -> None:
    page.goto(f"{origin}/gallery")
    page.locator("#user-menu > summary").click()
    page.get_by_role("button", name="Light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}["theme"] == "light"
    page.keyboard.press("Escape")
    expect(page.locator("#user-menu .items")).to_be_hidden()
