"""A phone gets a quick look instead of the viewer; more room brings the viewer, and less room never throws it away."""

import re
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, expect

from sidecar.adapters.seals import Seal
from sidecar.demo.phantoms import generate
from sidecar.demo.send import Node, send
from sidecar.demo.studies import DEMO
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.machine import Workshop
from sidecar.instance import Instance
from tests.cast import make_person
from tests.doors.hospital import open_hospital, until
from tests.e2e.desk import sign_in, watch_errors
from tests.e2e.ohif_page import viewer_frame, wait_for_image

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 860}
LEVELS = """() => {
  const image = document.querySelector('#quicklook img');
  if (!image.complete || !image.naturalWidth) return 0;
  const pen = Object.assign(document.createElement('canvas'), { width: 64, height: 64 }).getContext('2d');
  pen.drawImage(image, 0, 0, 64, 64);
  return new Set(pen.getImageData(0, 0, 64, 64).data.filter((_, i) => i % 4 === 0)).size;
}"""


def test_a_phone_shows_one_image_at_a_time(
    house: Instance, workshop: Workshop, seal: Seal, browser: Browser, tmp_path: Path
) -> None:
    cell = open_hospital(workshop, "PHONE_CT1")
    generate(next(each for each in DEMO["mercy"] if each.modality == "CT"), tmp_path, datetime.now(UTC))
    images = send(tmp_path, "PHONE_CT1", Node("127.0.0.1", cell.dicom_port, cell.aet))
    person = make_person(
        workshop.scopes, seal, cell.organisation_id, OrganisationKind.PROVIDER, Role.RADIOLOGIST, "Dr. Phyllis Phone"
    )
    context = browser.new_context(base_url=house.url, viewport=PHONE, has_touch=True)  # type: ignore[arg-type]
    page = context.new_page()
    watch_errors(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, person)
    page.goto("/worklist")
    expect(page.locator("#rows tr")).to_contain_text(f"{images} images", timeout=30_000)
    page.locator("#rows a.name").click()

    count = page.locator("#quicklook output")
    expect(count).to_have_text(f"{images // 2} / {images}", timeout=30_000)
    until(lambda: page.evaluate(LEVELS) > 40, 30, "no picture")
    first = page.locator("#quicklook img").get_attribute("src")
    page.locator("#quicklook input").press("ArrowRight")
    expect(count).to_have_text(f"{images // 2 + 1} / {images}")
    expect(page.locator("#quicklook img")).not_to_have_attribute("src", str(first))
    box = page.locator("#quicklook figure").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 100, steps=4)
    page.mouse.up()
    expect(count).to_have_text(f"{images // 2 + 11} / {images}")
    assert [url for url in asked if "/ohif/" in url] == []
    page.fill("[name=impression]", "Seen on the phone.")
    expect(page.locator("#save-state")).to_have_text(re.compile("^saved "), timeout=30_000)

    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    assert wait_for_image(viewer_frame(page)).levels > 40
    expect(page.locator("#quicklook")).to_be_hidden()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    expect(page.locator("#quicklook")).to_be_visible()
    expect(page.locator("#viewer")).to_be_hidden()
    assert "/ohif/" in str(page.locator("#viewer").get_attribute("src"))

    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    page.goto("/worklist")
    page.keyboard.press("p")
    page.keyboard.press("j")
    expect(page.locator("#preview img")).to_have_count(1, timeout=30_000)
    until(lambda: page.evaluate("() => document.querySelector('#preview img').naturalWidth") == 256, 30, "no thumbnail")
    assert page.faults == []  # type: ignore[attr-defined]
    context.close()
