"""STOW-RS: a result for every instance, the hospital's own cell only, and nothing taken that is not said."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from io import BytesIO
from uuid import uuid4

import pytest
from flask import Flask
from pydicom.dataset import Dataset
from sqlalchemy import select
from werkzeug.test import TestResponse

from sidecar.adapters.cell_client import Kept
from sidecar.dicomweb import places, storing
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Busy
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.doors import phantom
from tests.fakes.cells import FakeCells

Browse = Callable[[Person | None], Browser]
OWN = "/dicom-web/own/studies"
RELATED = 'multipart/related; type="application/dicom"; boundary=b0undary'


@pytest.fixture
def cells(app: Flask) -> Iterator[FakeCells]:
    """A cell that keeps whatever it is given."""
    real, fake = app.extensions["readingroom.cells"], FakeCells()
    fake.keeps = dict.fromkeys(range(1, 40), Kept.STORED)
    app.extensions["readingroom.cells"] = fake
    yield fake
    app.extensions["readingroom.cells"] = real


def file_of(dataset: Dataset) -> bytes:
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def related(*files: bytes, end: bytes = b"\r\n--b0undary--\r\n") -> bytes:
    return b"".join(b"\r\n--b0undary\r\nContent-Type: application/dicom\r\n\r\n" + each for each in files) + end


def post(browser: Browser, body: bytes, path: str = OWN, content_type: str = RELATED, **headers: str) -> TestResponse:
    return browser.post(path, data=body, content_type=content_type, headers=headers)


def uids(module: object, tag: str) -> list[str]:
    assert isinstance(module, dict)
    return [each["00081155"]["Value"][0] for each in module.get(tag, {}).get("Value", [])]


def reasons(module: object) -> list[int]:
    assert isinstance(module, dict)
    items = [*module.get("00081198", {}).get("Value", []), *module.get("0008119A", {}).get("Value", [])]
    return [each["00081197"]["Value"][0] for each in items]


def test_every_instance_has_its_result(cast: Cast, browse: Browse, cells: FakeCells, scopes: Scopes) -> None:
    study = phantom.study(3)
    cells.keeps[2], cells.keeps[3] = Kept.FULL, Kept.KNOWN
    cells.files["instance 3"] = file_of(study[2])
    broken = file_of(phantom.image())[:200]
    answer = post(browse(cast.owner), related(*map(file_of, study), b"no dicom", broken))
    assert (answer.status_code, answer.content_type) == (202, "application/dicom+json")
    assert uids(answer.json, "00081199") == [study[0].SOPInstanceUID, study[2].SOPInstanceUID]
    assert uids(answer.json, "00081198") == [study[1].SOPInstanceUID]
    assert reasons(answer.json) == [0xA700, 0xC000, 0xC000]
    assert cells.taken == [file_of(each) for each in study]
    assert {cell.organisation_id for cell, _ in cells.asked} == {cast.mercy}
    assert (answer.json or {})["00081190"]["Value"][0].endswith(f"/dicom-web/own/studies/{study[0].StudyInstanceUID}")
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = select(JournalRow.body).where(JournalRow.kind == "dicomweb.instances.uploaded")
        facts = [json.loads(body)["facts"] for body in scope.session.scalars(rows)]
    assert facts == [{"stored": 2, "refused": 3, "whole": True}]


@pytest.mark.parametrize(("kept", "reason"), [
    (Kept.NOT_UNDERSTOOD, 0xC000), (Kept.FULL, 0xA700), (Kept.REFUSED, 0x0124), (Kept.FAILED, 0x0110),
])  # fmt: skip
def test_what_the_cell_refuses_is_said_in_dicoms_words(
    cast: Cast, browse: Browse, cells: FakeCells, kept: Kept, reason: int
) -> None:
    cells.keeps[1] = kept
    answer = post(browse(cast.own_radiologist), related(file_of(phantom.image())))
    assert (answer.status_code, reasons(answer.json)) == (409, [reason])


def test_a_disk_without_room_takes_nothing_and_says_when_to_come_again(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    cells.full = True
    answer = post(browse(cast.owner), related(file_of(phantom.image())))
    assert (answer.status_code, cells.taken) == (503, [])
    assert int(answer.headers["Retry-After"]) > 0
    assert "no room" in answer.text


def test_what_is_sent_again_is_there_already_and_what_was_changed_is_said_to_be_refused(
    cast: Cast, browse: Browse, cells: FakeCells
) -> None:
    """The first under a UID stays; whoever sends another believed that it replaced the first one."""
    sent = phantom.image()
    cells.keeps = dict.fromkeys(range(1, 9), Kept.KNOWN)
    others = [deepcopy(sent) for _ in range(4)]
    others[0].file_meta.ImplementationVersionName = "ANOTHER"  # whoever wrote the file is no part of the image
    others[1].PatientName = "Changed^Name"
    others[2].PixelData = sent.PixelData[:-2] + b"\x07\x07"
    others[3].ImageComments = "longer by this"
    for number, kept in enumerate(others, start=1):
        cells.files[f"instance {number}"] = file_of(kept)
    answer = post(browse(cast.owner), related(*[file_of(sent)] * 4))
    assert (answer.status_code, reasons(answer.json)) == (202, [0x0111] * 3)
    assert len(uids(answer.json, "00081199")) == 1


def test_only_the_study_of_the_address_is_stored_there(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    mine, other, lying = phantom.image(), phantom.image(), phantom.image()
    lying.StudyInstanceUID = mine.StudyInstanceUID
    lied = file_of(lying).replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.1.1.4\0", 1)  # the file meta only
    answer = post(browse(cast.owner), related(file_of(other), lied, file_of(mine)), f"{OWN}/{mine.StudyInstanceUID}")
    assert answer.status_code == 202
    assert reasons(answer.json) == [0xA900, 0xA900]
    assert uids(answer.json, "00081199") == [mine.SOPInstanceUID]
    assert len(cells.taken) == 1


def test_a_dicomdir_and_a_deflated_file_are_not_taken(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    directory, deflated = phantom.image(SOPClassUID=storing.DICOMDIR), phantom.image()
    deflated.file_meta.TransferSyntaxUID = storing.DEFLATED
    answer = post(browse(cast.owner), related(file_of(directory), file_of(deflated)))
    assert (answer.status_code, reasons(answer.json), cells.taken) == (409, [0x0122, 0xC122], [])


def test_a_body_cut_off_tells_what_was_stored(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    one, other = phantom.image(), phantom.image()
    body = related(file_of(one), file_of(other), end=b"")
    answer = post(browse(cast.owner), body[:-50])
    assert answer.status_code == 202
    assert uids(answer.json, "00081199") == [one.SOPInstanceUID]
    assert reasons(answer.json) == [0x0110]
    assert "stored is stored" in answer.headers["Warning"]
    nothing = post(browse(cast.owner), body[:100])
    assert (nothing.status_code, (nothing.json or {})["code"]) == (400, "invalid")


def test_a_silent_cell_is_asked_once(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    cells.keeps[1] = Busy("silent")
    answer = post(browse(cast.owner), related(*map(file_of, phantom.study(4))))
    assert (answer.status_code, len(cells.taken)) == (503, 1)
    cells.keeps = {2: Kept.STORED, 3: Busy("silent")}
    answer = post(browse(cast.owner), related(*map(file_of, phantom.study(4))))
    assert (answer.status_code, reasons(answer.json), len(cells.taken)) == (202, [0x0110] * 3, 3)


def test_what_is_too_large_or_too_many(cast: Cast, browse: Browse, cells: FakeCells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "LARGEST_INSTANCE", 4000)
    large = post(browse(cast.owner), related(file_of(phantom.image(size=64))))
    assert (large.status_code, reasons(large.json)) == (413, [0xA701])
    monkeypatch.setattr(storing, "MOST_PARTS", 2)
    many = post(browse(cast.owner), related(*map(file_of, phantom.study(4))))
    assert (many.status_code, reasons(many.json), len(cells.taken)) == (202, [0xA700], 2)


def test_one_hospitals_uploads_leave_the_places_of_the_others(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    body = related(file_of(phantom.image()))
    with ExitStack() as under_way:
        for _ in range(places.MOST):
            under_way.enter_context(places.place_of(cast.mercy))
        refused = post(browse(cast.owner), body)
        assert (refused.status_code, refused.headers["Retry-After"], (refused.json or {})["code"]) == (503, "5", "busy")
        assert "your organisation" in (refused.json or {})["message"]
        assert cells.taken == []
        assert post(browse(cast.luke_technician), body).status_code == 200
    assert post(browse(cast.owner), body).status_code == 200
    assert post(browse(cast.stranger), body).status_code in {403, 404}


def test_a_body_may_be_larger_than_any_form(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    image = phantom.image()
    answer = post(browse(cast.owner), related(bytes(20 * 1024 * 1024), file_of(image)))
    assert (answer.status_code, reasons(answer.json)) == (202, [0xC000])
    assert uids(answer.json, "00081199") == [image.SOPInstanceUID]


def test_thousands_of_small_parts_take_little_memory(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    body = related(*[b"x"] * 5000)
    browser = browse(cast.owner)
    tracemalloc.start()
    answer = post(browser, body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.status_code, len(reasons(answer.json))) == (409, 5000)
    assert most < 12_000_000


@pytest.mark.parametrize(("content_type", "status"), [
    ("application/dicom", 415), ("multipart/form-data; boundary=b0undary", 415), ("text/plain", 415),
    ('multipart/related; type="application/dicom+json"; boundary=b0undary', 415),
    ('multipart/related; type="application/dicom"', 400), (RELATED.replace("b0und", "other"), 400),
])  # fmt: skip
def test_another_media_type_is_refused(cast: Cast, browse: Browse, cells: FakeCells, content_type: str, status: int) -> None:
    answer = post(browse(cast.owner), related(file_of(phantom.image())), content_type=content_type)
    assert answer.status_code == status
    assert cells.taken == []


def test_the_answer_in_xml(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    image = phantom.image()
    answer = post(browse(cast.owner), related(file_of(image)), Accept="application/dicom+xml")
    assert answer.content_type == "application/dicom+xml"
    assert image.SOPInstanceUID.encode() in answer.data
    assert post(browse(cast.owner), b"", Accept="text/html").status_code == 406


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"},
])  # fmt: skip
def test_another_sites_page_stores_nothing(cast: Cast, browse: Browse, cells: FakeCells, headers: dict[str, str]) -> None:
    assert post(browse(cast.owner), related(file_of(phantom.image())), **headers).status_code == 403
    assert cells.taken == []


def test_the_cast_at_the_door(cast: Cast, browse: Browse, cells: FakeCells) -> None:
    image = phantom.image()
    body = related(file_of(image))
    assert post(browse(cast.owner), body, Origin="http://localhost", **{"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert post(browse(cast.luke_technician), body).status_code == 200
    assert [cell.organisation_id for cell, _ in cells.asked] == [cast.mercy, cast.luke]  # the same file: each into its own
    cells.asked.clear()
    assert post(browse(None), body).status_code == 401
    for person in (cast.colleague, cast.mercy_admin, cast.mercy_manager, cast.reader, cast.stranger, cast.platform_admin):
        assert post(browse(person), body).status_code == 403
    for path in (OWN, f"{OWN}/{image.StudyInstanceUID}"):
        elsewhere = path.replace("own", str(uuid4()))
        assert post(browse(cast.stranger), body, elsewhere).status_code == 404
    assert cells.asked == []
