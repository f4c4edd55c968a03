"""Words of a sender that want to be more than words: taken in by the cells' door, and shown on every page as they are."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.intake import forms
from sidecar.intake.service import Known, take
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Study
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person
from tests.factories.arrivals import stored
from tests.factories.bad_dicom import CONTROLS, EVIL_UIDS, MARKUP

Browse = Callable[[Person | None], Browser]
WORDS = MARKUP + CONTROLS + "\0\ud800" + "</title></textarea></style>--><svg onload=owned()>" + "javascript:owned()"
ELEMENTS = ("PatientName", "PatientID", "AccessionNumber", "StudyDescription", "StudyID", "ReferringPhysicianName",
            "StudyDate", "StudyTime", "PatientBirthDate", "PatientSex")  # fmt: skip
ARGUMENTS = re.compile(r"<(?:\w+:)?(\w+)>")
NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What must not be in a page: controls, and what turns the direction of the words beside it."""


class Reader(HTMLParser):
    """Sees a page as a browser does: which elements there are, and what they would run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or (name in {"href", "src", "action"} and (value or "").startswith("javascript:")):
                self.wrong.append(f"<{tag} {name}={value!r}>")
        if tag == "svg" and ("onload", "owned()") in attrs:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in {"script", "style"} and "owned" in data:
            self.wrong.append(f"{self.cdata_elem}: {data[:60]}")


def inert(answer: TestResponse) -> None:
    if answer.mimetype == "text/html":
        reader = Reader()
        reader.feed(answer.text)
        assert not reader.wrong, (answer.request.path, reader.wrong[:3])
        assert not NEVER.search(answer.text), (answer.request.path, NEVER.findall(answer.text)[:5])
    elif (answer.mimetype or "").endswith("json") and answer.data:
        json.loads(answer.data)
    for name, value in answer.headers:
        assert not re.search(r"[^ -~]|<script", value), (answer.request.path, name)


def arrive(app: Flask, scopes: Scopes, cast: Cast, *, uid: str, words: str) -> UUID:
    """Have the hospital's cell tell of a study, as it would; return its id."""
    raw = stored(range(2), study_StudyInstanceUID=uid, **{f"study_{name}": words for name in ELEMENTS})
    raw["series"][0] |= {"SeriesDescription": words, "Modality": words, "BodyPartExamined": words, "SeriesNumber": words}
    raw["study"]["ID"] = str(uuid4())
    with scopes.open(system_actor(cast.mercy)) as scope:
        take(scope, app.extensions["readingroom.cell_tokens"], Known(uuid4(), cast.mercy), forms.EVENT.validate_python(raw))
        study = scope.session.scalars(select(Study).where(Study.orthanc_id == raw["study"]["ID"])).one()
        study.arrival = Arrival.COMPLETE  # as the worker would after a while, so that it can be signed
        return study.id


@pytest.fixture
def study(app: Flask, scopes: Scopes, cast: Cast) -> UUID:
    return arrive(app, scopes, cast, uid=f"1.2.{uuid4().int}", words=WORDS)


def walk(app: Flask, browser: Browser, values: dict[str, str]) -> int:
    """Ask for every page there is and return how many answered."""
    seen = 0
    for rule in app.url_map.iter_rules():
        wanted = set(ARGUMENTS.findall(rule.rule))
        if "GET" not in (rule.methods or ()) or not wanted <= set(values) or rule.rule.endswith(("/events", "/metrics")):
            continue
        path = ARGUMENTS.sub(lambda found: values[found[1]], rule.rule)
        answer = browser.get(path)
        assert answer.status_code < 500, path
        inert(answer)
        seen += answer.status_code == 200
    return seen


def test_every_page_shows_it_as_words(app: Flask, browse: Browse, cast: Cast, study: UUID) -> None:
    reader = browse(cast.reader)
    report = str((reader.post("/api/reports", json={"study_id": str(study)}).json or {})["id"])
    draft = {"sections": {"findings": MARKUP, "impression": MARKUP}, "revision": 0}
    assert reader.put(f"/api/reports/{report}/draft", json=draft).status_code < 500
    values = {"study_id": str(study), "report_id": report}
    assert walk(app, reader, values) > 5
    proof = {
        "password": PASSWORD,
        "code": cast.reader.code(),
        "meaning": "author",
        "revision": 1,
    }
    signed = reader.post(f"/api/reports/{report}/sign", json=proof)
    assert signed.status_code == 200, signed.json
    for person in (cast.reader, cast.owner, cast.mercy_manager, cast.stranger):
        assert walk(app, browse(person), values) > 3
    printed = browse(cast.owner).get(f"/reports/{report}/report.pdf")
    assert printed.data.startswith(b"%PDF")
    for trick in (b"/JavaScript", b"/OpenAction", b"/Launch", b"/EmbeddedFile"):
        assert trick not in printed.data


def test_changed_rows_are_words_too(browse: Browse, cast: Cast, study: UUID) -> None:
    for person, path in ((cast.reader, "/worklist/changes?since=0"), (cast.owner, "/hospital/changes?since=0")):
        answer = browse(person).get(path)
        assert str(study) in answer.text
        inert(answer)


@pytest.mark.parametrize("uid", [each for each in EVIL_UIDS if each])
def test_a_uid_that_is_none_breaks_no_page(app: Flask, browse: Browse, cast: Cast, scopes: Scopes, uid: str) -> None:
    study = arrive(app, scopes, cast, uid=uid, words="x")
    for person, path in ((cast.reader, f"/reading/{study}"), (cast.reader, "/worklist"), (cast.owner, "/hospital")):
        answer = browse(person).get(path)
        assert answer.status_code == 200
        inert(answer)
    desk = browse(cast.reader).get(f"/reading/{study}").text
    for viewer in re.findall(r'"(/ohif/[^"]*)"', desk):
        assert re.fullmatch(r"/ohif/viewer\?[\w.=&;%+*~-]*", viewer), viewer
