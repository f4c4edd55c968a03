"""The viewer alone: our phantoms in OHIF as prepared, configured, bridged and fenced by us."""

import datetime as dt
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from sidecar.demo.objects import uid
from sidecar.demo.phantoms import generate
from sidecar.demo.send import Node, send
from sidecar.demo.studies import DEMO, StudySpec
from sidecar.instance.layout import cache_dir
from sidecar.instance.ohif import prepare_ohif
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell
from tests.e2e import ohif_page
from tests.e2e.viewer_stand import Stand

STUDIES = {s.key: s for hospital in DEMO.values() for s in hospital}
PRIOR, CURRENT, MR, CR, US = (STUDIES[k] for k in ("MERCY-14", "MERCY-171", "MERCY-172", "STLUKE-345", "STLUKE-342"))


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    inbox = FakeInbox()
    cell = RunningCell(tmp_path_factory.mktemp("cell"), inbox.url)
    cell.start()
    folder = tmp_path_factory.mktemp("phantoms")
    for study in (PRIOR, CURRENT, MR, CR, US):
        generate(study, folder / study.key, dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC))
    send(folder, "CT1", Node("127.0.0.1", cell.dicom_port, cell.aet))
    served = Stand(prepare_ohif(cache_dir()), cell, folder)
    yield served
    served.shutdown()
    served.server_close()
    cell.discard()
    inbox.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    ohif_page.watch(page)
    yield page
    page.close()


def opened(page: Page, stand: Stand, study: StudySpec) -> ohif_page.Frame:
    """Open a study and wait for its pixels."""
    page.goto(f"{stand.url}/stand?StudyInstanceUIDs={uid(study.key)}&ctx=stand")
    frame = ohif_page.viewer_frame(page)
    ohif_page.wait_for_image(frame)
    return frame


@pytest.mark.parametrize("study", [CURRENT, MR, CR, US], ids=lambda s: s.modality)
def test_every_modality_shows_real_pixels_within_the_policy(study: StudySpec, page: Page, stand: Stand) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    frame = opened(page, stand, study)
    assert ohif_page.read_picture(frame).levels > 40
    assert ohif_page.violations(frame) == []
    assert [url for url in asked if not url.startswith((stand.url, "blob:", "data:"))] == []
    assert ohif_page.wait_for_message(page, "viewer-ready")


def test_a_length_drawn_with_the_mouse_reaches_the_page(page: Page, stand: Stand) -> None:
    frame = opened(page, stand, CURRENT)
    ohif_page.draw_length(page, frame, (0.4, 0.4), (0.6, 0.55))
    measurement = ohif_page.wait_for_measurement(page, "added")
    assert measurement["tool"] == "Length"
    assert measurement["text"].endswith(" mm")
    assert measurement["SOPInstanceUID"] == uid(CURRENT.key, 2, 1)
    assert measurement["StudyInstanceUID"] == uid(CURRENT.key)
    assert (measurement["SeriesDescription"], measurement["InstanceNumber"]) == ("Chest 5 mm axial", "1")

    ohif_page.ask(page, "delete-measurement", uid=measurement["uid"])
    assert ohif_page.wait_for_measurement(page, "removed") == {"uid": measurement["uid"]}


def test_the_page_can_jump_to_an_image_and_open_the_prior_beside(page: Page, stand: Stand) -> None:
    frame = opened(page, stand, CURRENT)
    ohif_page.ask(page, "jump", SOPInstanceUID=uid(CURRENT.key, 2, 20), SeriesInstanceUID=uid(CURRENT.key, 2))
    frame.wait_for_function("() => document.body.innerText.includes('(20/48)')", timeout=ohif_page.PATIENCE_MS)
    ohif_page.ask(page, "compare", StudyInstanceUID=uid(PRIOR.key))
    frame.wait_for_function("() => document.querySelectorAll('.cornerstone-canvas').length === 2")
    frame.wait_for_function("() => document.body.innerText.includes('28-Feb-2025')", timeout=ohif_page.PATIENCE_MS)


def test_the_pages_shortcuts_work_while_the_images_have_the_focus(page: Page, stand: Stand) -> None:
    frame = opened(page, stand, CR)
    frame.locator(".cornerstone-canvas").first.click()
    for number, (keys, name) in enumerate(
        [("Control+Enter", "save"), ("Control+Shift+S", "sign"), ("Escape", "escape"), ("Shift+?", "help")], 1
    ):
        page.keyboard.press(keys)
        assert ohif_page.wait_for_message(page, "shortcut", number)["key"] == name


def test_without_a_context_nothing_is_asked_of_any_archive(page: Page, stand: Stand) -> None:
    asked: list[str] = []
    done = threading.Event()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda _: done.set())
    page.goto(f"{stand.url}/ohif/viewer?StudyInstanceUIDs={uid(CURRENT.key)}")
    assert done.is_set()
    assert [url for url in asked if "/dicom-web/" in url] == []
