"""Orthanc Explorer through the edge, the application and a real cell: own staff their archive, a reader the context's studies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from flask import Flask
from sqlalchemy import select

from sidecar.gate.actor import system_actor
from sidecar.kernel.journal import JournalRow
from tests.browser import Browser
from tests.cast import Person
from tests.doors.explorer_stand import ExplorerStand, ids
from tests.doors.inbox import FakeInbox
from tests.service.conftest import app, settings

__all__ = ["app", "settings"]


@pytest.fixture(scope="module")
def stand(app: Flask, module_inbox: FakeInbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExplorerStand]:
    directory = tmp_path_factory.mktemp("explorer")
    directory.parent.chmod(0o711)
    made = ExplorerStand(directory, app, module_inbox.url)
    yield made
    made.close()


class Seat:
    """One person at one Explorer."""

    def __init__(self, stand: ExplorerStand, person: Person | None, root: str = "own") -> None:
        self.browser: Browser | None = stand.browser(person) if person else None
        if person and root == "context":
            assert self.browser is not None
            root = str(stand.context(self.browser, person))
        self.root = root
        self.http = stand.client(f"/explorer/{root}", self.browser)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers={"Sec-Fetch-Site": "same-origin", **headers})

    def found(self, level: str, **query: str) -> set[str]:
        answer = self.post("/tools/find", {"Level": level, "Query": query})
        assert answer.status_code == 200, answer.text
        return set(answer.json())


@pytest.fixture(scope="module")
def technician(stand: ExplorerStand) -> Seat:
    return Seat(stand, stand.cast.owner)


@pytest.fixture(scope="module")
def reader(stand: ExplorerStand) -> Seat:
    return Seat(stand, stand.cast.reader, "context")


def said(answer: httpx.Response, *values: str) -> tuple[int, str]:
    """What a stranger can compare: without the address that was asked for and what changes from page to page."""
    text = answer.text
    for value in values:
        text = text.replace(value, "ID")
    return answer.status_code, text


def test_own_staff_walk_the_whole_archive(stand: ExplorerStand) -> None:
    cast, other = stand.cast, ids(stand.shelf.other)
    for person in (cast.owner, cast.own_radiologist, cast.mercy_manager):
        seat = Seat(stand, person)
        page = seat.get("/app/explorer.html")
        assert (page.status_code, "Orthanc Explorer" in page.text) == (200, True)
        assert len(seat.get("/patients?expand&since=0&limit=101&full&_=1").json()) == 2
        assert len(seat.get("/studies?expand&since=0&limit=101&full").json()) == 4
        assert seat.found("Study", PatientName="Other*") == {other["studies"]}
        assert seat.get(f"/patients/{other['patients']}/studies?full").status_code == 200
        assert len(seat.get(f"/series/{other['series']}/instances?full").json()) == 5
        preview = seat.get(f"/instances/{other['instances']}/preview?returnUnsupportedImage")
        assert (preview.status_code, preview.content[1:4]) == (200, b"PNG")
        assert seat.get(f"/instances/{other['instances']}/file").content[128:132] == b"DICM"
        assert seat.get("/statistics").json()["CountInstances"] == 14


def test_other_roles_and_strangers_have_no_explorer(stand: ExplorerStand) -> None:
    cast, study = stand.cast, ids(stand.shelf.current)["studies"]
    barred = (cast.colleague, cast.mercy_admin, cast.platform_admin, cast.reader, cast.lead, cast.stranger, cast.luke_viewer)
    for person in barred:
        seat = Seat(stand, person)
        for path in ("/app/explorer.html", "/app/libs/jquery.min.js", "/patients", f"/studies/{study}", "/nonsense"):
            assert seat.get(path).status_code in {403, 404}, (person.actor.role, path)
        assert seat.post("/tools/find", {"Level": "Study", "Query": {}}).status_code in {403, 404}
    nobody = Seat(stand, None)
    assert nobody.http.get("/app/explorer.html", headers={"Accept": "text/html"}).status_code == 302
    assert nobody.get("/app/libs/jquery.min.js").status_code == 401
    assert nobody.get(f"/studies/{study}").status_code in {302, 401}
    neighbour = Seat(stand, cast.luke_technician)  # has a cell of its own, which is not this one and does not run
    assert neighbour.get(f"/studies/{study}").status_code >= 400


def test_a_reader_sees_the_contexts_studies_and_nothing_besides(stand: ExplorerStand, reader: Seat) -> None:
    shelf = stand.shelf
    mine = [ids(shelf.current), ids(shelf.prior)]
    counts = reader.get("/statistics").json()
    assert {name: counts[f"Count{name}"] for name in ("Patients", "Studies", "Series", "Instances")} == {
        "Patients": 1, "Studies": 2, "Series": 2, "Instances": 5,
    }  # fmt: skip
    (patient,) = reader.get("/patients?expand&since=0&limit=101&full").json()
    assert set(patient["Studies"]) == {each["studies"] for each in mine}
    assert reader.get(f"/patients/{patient['ID']}?full").json() == patient
    assert {each["ID"] for each in reader.get(f"/patients/{patient['ID']}/studies?full").json()} == set(patient["Studies"])
    assert {each["ID"] for each in reader.get("/studies?expand&full").json()} == set(patient["Studies"])
    assert set(reader.get("/series").json()) == {each["series"] for each in mine}
    assert len(reader.get("/studies?since=1&limit=1").json()) == 1
    for level, expected in (("Patient", 1), ("Study", 2), ("Series", 2), ("Instance", 5)):
        assert len(reader.found(level)) == expected
        assert reader.post("/tools/count-resources", {"Level": level, "Query": {}}).json() == {"Count": expected}
    assert reader.found("Study", PatientID="P-2") == set()
    assert reader.found("Study", StudyDescription="Unshared") == set()
    assert reader.found("Study", StudyDescription="Pri*") == {mine[1]["studies"]}
    instances = reader.get(f"/series/{mine[0]['series']}/instances?full").json()
    assert len(instances) == 3
    for each in instances:
        assert reader.get(f"/instances/{each['ID']}/preview?returnUnsupportedImage").status_code == 200
        assert reader.get(f"/instances/{each['ID']}/tags").status_code == 200


def test_own_and_foreign_ids_mixed_bring_only_the_own(stand: ExplorerStand, reader: Seat) -> None:
    current, other = stand.shelf.current[0], stand.shelf.other[0]
    both = f"{current.StudyInstanceUID}\\{other.StudyInstanceUID}"
    assert reader.found("Study", StudyInstanceUID=both) == {ids(stand.shelf.current)["studies"]}
    assert reader.found("Study", StudyInstanceUID=str(other.StudyInstanceUID)) == set()
    series = f"{current.SeriesInstanceUID}\\{other.SeriesInstanceUID}"
    assert reader.found("Series", SeriesInstanceUID=series) == {ids(stand.shelf.current)["series"]}
    assert reader.found("Patient", PatientID="P-1\\P-2") == {ids(stand.shelf.current)["patients"]}
    for asked in (str(other.SOPInstanceUID), "P-2", str(stand.shelf.unshared[0].StudyInstanceUID)):
        answer = reader.http.post("/tools/lookup", content=asked, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.json() == []
    mine = reader.http.post("/tools/lookup", content="P-1", headers={"Sec-Fetch-Site": "same-origin"}).json()
    assert {each["Type"] for each in mine} == {"Patient"}


@pytest.mark.parametrize(
    "body",
    [
        {"Level": "Study", "Query": {"0020,000d": "*"}},
        {"Level": "Study", "Query": {}, "ParentPatient": "x"},
        {"Level": "Study", "Query": {}, "RequestedTags": ["PatientName"]},
        {"Level": "Study", "Query": {}, "Labels": ["a"]},
        {"Level": "Study", "Query": {"PatientName": ["*"]}},
        {"Level": "Study", "Query": {}, "Limit": "1"},
        {"Level": "study", "Query": {}},
        {"Query": {}},
        [],
        "x",
    ],
)
def test_a_search_that_is_not_understood_is_refused(reader: Seat, body: Any) -> None:
    assert reader.post("/tools/find", body).status_code == 400


def test_foreign_and_unknown_are_one_answer_at_every_level(stand: ExplorerStand, reader: Seat) -> None:
    unknown = "-".join(["01234567"] * 5)
    for images in (stand.shelf.unshared, stand.shelf.other):
        for level, identifier in ids(images).items():
            if (level, images[0].PatientID) == ("patients", "P-1"):
                continue
            for rest in ("", "/series", "/instances", "/metadata", "/tags", "/preview", "/file", "/archive", "/statistics"):
                there = said(reader.get(f"/{level}/{identifier}{rest}"), identifier)
                assert there[0] == 404
                nowhere = said(reader.get(f"/{level}/{unknown}{rest}"), unknown)
                assert strip(there[1]) == strip(nowhere[1]), (level, rest)


def strip(text: str) -> str:
    from tests.browser import PASSING

    return PASSING.sub("", text)


def test_nobody_changes_anything_through_explorer(stand: ExplorerStand, technician: Seat, reader: Seat) -> None:
    study, patient = ids(stand.shelf.current)["studies"], ids(stand.shelf.current)["patients"]
    for seat in (technician, reader):
        for path in (f"/studies/{study}/anonymize", f"/studies/{study}/modify", "/modalities/PACS/store", "/tools/shutdown",
                     "/tools/bulk-delete", "/instances", "/tools/create-archive", f"/patients/{patient}/archive"):  # fmt: skip
            assert seat.post(path, {}).status_code == 404, path
        for method in ("DELETE", "PUT"):
            assert seat.http.request(method, f"/studies/{study}").status_code in {403, 404, 405}
        for path in (
            "/jobs",
            "/modalities",
            "/peers",
            "/changes",
            "/queries",
            f"/studies/{study}/archive",
            "/plugins",
            "/instances",
        ):
            assert seat.get(path).status_code == 404, path
    assert technician.get("/statistics").json()["CountInstances"] == 14


def test_another_persons_context_is_as_unknown(stand: ExplorerStand, reader: Seat) -> None:
    for person in (stand.cast.second_reader, stand.cast.stranger, stand.cast.owner):
        theirs, unknown = Seat(stand, person, reader.root), Seat(stand, person, str(uuid4()))
        for path in ("/app/explorer.html", "/patients"):
            one, other = said(theirs.get(path), reader.root), said(unknown.get(path), unknown.root)
            assert one[0] == 404
            assert strip(one[1]) == strip(other[1])


def test_a_search_comes_from_our_own_page_only(stand: ExplorerStand, technician: Seat) -> None:
    body = {"Level": "Study", "Query": {}}
    origin = stand.url
    for headers, expected in (
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": origin}, 200),
        ({}, 404),
        ({"Sec-Fetch-Site": "cross-site"}, 404),
        ({"Sec-Fetch-Site": "same-site", "Origin": origin}, 404),
        ({"Sec-Fetch-Site": "cross-site", "Origin": origin}, 404),
        ({"Origin": "http://evil.example"}, 404),
        ({"Origin": f"{origin}.evil.example"}, 404),
        ({"Origin": "null"}, 404),
    ):
        assert technician.http.post("/tools/find", json=body, headers=headers).status_code == expected, headers


def test_every_answer_bears_its_headers(stand: ExplorerStand, technician: Seat) -> None:
    instance = ids(stand.shelf.current)["instances"]
    page = technician.get("/app/explorer.html").headers
    assert "script-src 'self';" in page["Content-Security-Policy"]
    assert "unsafe-eval" not in page["Content-Security-Policy"]
    assert page["Cache-Control"] == "private, no-store"
    for path in ("/patients", f"/instances/{instance}/preview", f"/instances/{instance}/file", "/nonsense"):
        headers = technician.get(path).headers
        assert "no-store" in headers["Cache-Control"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src 'self' 'unsafe" not in headers["Content-Security-Policy"]
        assert "X-Cell-Token" not in headers
    assert technician.get(f"/instances/{instance}/file").headers["Content-Disposition"] == "attachment"
    assert technician.get("/app/libs/jquery.min.js").headers["Cache-Control"] == "private, max-age=3600"


def test_each_opening_is_on_record(stand: ExplorerStand) -> None:
    def opened() -> list[tuple[Any, Any]]:
        kind = JournalRow.kind == "studies.explorer.opened"
        with stand.scopes.open(system_actor(stand.cast.mercy)) as scope:
            rows = scope.session.scalars(select(JournalRow).where(kind).order_by(JournalRow.sequence)).all()
            return [(json.loads(row.body)["facts"]["reach"], row.study_id) for row in rows]

    before = len(opened())
    for person, root in ((stand.cast.owner, "own"), (stand.cast.reader, "context")):
        seat = Seat(stand, person, root)
        for path in ("/app/explorer.html", "/patients", "/studies"):
            seat.get(path)
    assert opened()[before:] == [("own", None), ("context", stand.current.id)]


def test_explorer_leads_to_the_verbs(stand: ExplorerStand, reader: Seat) -> None:
    study = ids(stand.shelf.current)["studies"]
    other = ids(stand.shelf.other)["studies"]
    technician, radiologist = stand.browser(stand.cast.owner), stand.browser(stand.cast.own_radiologist)
    offered = lambda browser, root: [each["verb"] for each in browser.get(f"/archive/by-orthanc-id/{root}/verbs").json["verbs"]]  # noqa: E731
    assert offered(technician, "own") == ["download", "send", "delete"]
    assert offered(radiologist, "own") == ["download", "send", "access"]
    assert reader.browser is not None
    assert offered(reader.browser, reader.root) == ["download"]
    page = technician.get(f"/archive/by-orthanc-id/own/{study}/download")
    assert page.location == f"/studies/{stand.current.id}/download"
    theirs = reader.browser.get(f"/archive/by-orthanc-id/{reader.root}/{study}/download")
    assert theirs.location == f"/studies/{stand.current.id}/download"
    assert reader.browser.get(f"/archive/by-orthanc-id/{reader.root}/{other}/download").status_code == 404
    assert reader.browser.get(f"/archive/by-orthanc-id/own/{study}/download").status_code == 404
    assert technician.get("/explorer").location == "/explorer/own/app/explorer.html"
    assert reader.browser.get(f"/explorer/{reader.root}").location.endswith(f"app/explorer.html#study?uuid={study}")
    assert stand.browser(stand.cast.colleague).get("/explorer").status_code == 403
    assert stand.browser(stand.cast.stranger).get(f"/explorer/{reader.root}").status_code == 404
