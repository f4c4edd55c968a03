"""The door of the cells: who may knock, what is taken once, what is refused without losing its neighbours."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from sidecar.adapters.cell_client import CellAddress
from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.scope import Scopes
from sidecar.intake import jobs
from sidecar.intake.tables import InboxEvent
from sidecar.kernel.errors import Busy
from sidecar.organisations.tables import Cell, RefusedAssociation
from sidecar.studies.tables import Instance, Study
from tests.cast import Cast
from tests.factories.arrivals import stored
from tests.fakes.cells import FakeCells

SECRET = "a cell's own secret"
Post = Callable[..., TestResponse]


@pytest.fixture
def cell_id(cast: Cast, scopes: Scopes) -> UUID:
    """Mercy's cell, with a secret."""
    with scopes.open(system_actor(cast.mercy)) as scope:
        cell = scope.session.scalars(select(Cell)).one()
        cell.secret_hash = hashlib.sha256(SECRET.encode()).hexdigest()
        return cell.id


@pytest.fixture
def post(app: Flask, cell_id: UUID) -> Post:
    def send(*events: Any, authorization: str = f"Cell {cell_id}:{SECRET}") -> TestResponse:
        return app.test_client().post("/intake/events", json={"events": list(events)}, headers={"Authorization": authorization})

    return send


def studies(scopes: Scopes, owner: UUID) -> list[Study]:
    with scopes.open(system_actor(owner)) as scope:
        return list(scope.session.scalars(select(Study).order_by(Study.arrived_at)))


def images(scopes: Scopes, owner: UUID) -> int:
    with scopes.open(system_actor(owner)) as scope:
        return scope.session.scalar(select(func.count()).select_from(Instance)) or 0


def test_a_wrong_secret_and_an_unknown_cell_get_the_same_answer(cast: Cast, scopes: Scopes, cell_id: UUID, post: Post) -> None:
    with scopes.open(system_actor(cast.luke)) as scope:
        without_secret = scope.session.scalars(select(Cell)).one().id
    answers = {
        (answer.status_code, answer.data)
        for answer in (
            post(stored([1]), authorization=header)
            for header in (
                "", "Cell", "Cell x:y", f"Cell {cell_id}:", f"Cell {cell_id}:wrong", f"Cell {uuid4()}:{SECRET}",
                f"Cell {without_secret}:", f"Cell {without_secret}:{SECRET}", f"Bearer {cell_id}:{SECRET}",
                f"Cell {cell_id}:{SECRET}é", f"Cell {cell_id} {SECRET}",
            )
        )
    }  # fmt: skip
    assert len(answers) == 1
    assert answers.pop()[0] == 401
    assert studies(scopes, cast.mercy) == []


def test_an_event_is_taken_once_however_often_it_comes(cast: Cast, scopes: Scopes, post: Post) -> None:
    event = stored(range(20))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(event), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.get_json() == {"accepted": [event["event_id"]]} for answer in answers)
    assert images(scopes, cast.mercy) == 20
    assert studies(scopes, cast.mercy)[0].instance_count == 20
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert scope.session.scalar(select(func.count()).select_from(InboxEvent)) == 1
        assert scope.session.scalars(select(Cell)).one().last_image_at is not None
    assert studies(scopes, cast.luke) == []


def test_the_owner_is_the_cells_whatever_the_message_says(cast: Cast, scopes: Scopes, post: Post) -> None:
    event = stored([1], organisation=str(cast.luke), organisation_id=str(cast.luke), study_InstitutionName="St Luke's")
    assert post(event).status_code == 200
    assert [study.organisation_id for study in studies(scopes, cast.mercy)] == [cast.mercy]
    assert studies(scopes, cast.luke) == []


def test_malformed_events_are_named_and_their_neighbours_taken(
    cast: Cast, scopes: Scopes, post: Post, capfd: pytest.CaptureFixture[str]
) -> None:
    private = "Secretname^Patient"
    good, also_good = stored([1]), stored([2])
    bad = [
        stored([], study_PatientName=private),
        stored([3], kind="unheard-of", study_PatientName=private),
        stored([4], at="yesterday", study_PatientName=private),
        stored([5], series=[], study_PatientName=private),
        stored([6], series=[{"ID": "x", "SeriesInstanceUID": "9.9"}], study_PatientName=private),
        stored([7], study_StudyInstanceUID="", study_PatientName=private),
        {"event_id": private},
        private,
        None,
    ]
    answer = post(good, *bad, also_good)
    assert answer.status_code == 400
    assert answer.get_json()["accepted"] == [good["event_id"], also_good["event_id"]]
    assert len(answer.get_json()["refused"]) == len(bad)
    assert images(scopes, cast.mercy) == 2
    told = answer.get_data(as_text=True) + "".join(capfd.readouterr())
    assert "Secretname" not in told
    assert bad[0]["event_id"] in told
    for nothing in ([], [stored([1])] * 101):
        assert post(*nothing).status_code == 400


def test_hostile_text_is_stored_safely(cast: Cast, scopes: Scopes, post: Post) -> None:
    enormous = "A" * 65536
    event = stored(
        [1],
        study_PatientID=enormous, study_PatientName=f"Nul\x00^\ud800{enormous}",
        study_StudyDescription="'; DROP TABLE studies;--",
        study_AccessionNumber="\x00", study_PatientSex=None,
    )  # fmt: skip
    event["instances"][0] |= {"InstanceNumber": "99999999999", "NumberOfFrames": "-3", "Rows": "many", "ReceptionDate": "never"}
    twin = stored([1], study_PatientID=enormous[:-1] + "B", study_StudyInstanceUID="1.2.4")
    assert post(event, twin).status_code == 200
    first, second = sorted(studies(scopes, cast.mercy), key=lambda study: study.study_instance_uid)
    assert len(first.patient_name) == 4096
    assert first.patient_name.startswith("Nul\ufffd^\ufffdAAA")
    assert first.accession_number.startswith("\ufffd…")  # an identifier: another control would be another number
    assert first.patient_sex == ""
    assert len(first.patient_id) == 256
    assert first.patient_id != second.patient_id  # cut, yet two patients remain two
    with scopes.open(system_actor(cast.mercy)) as scope:
        image = scope.session.scalars(select(Instance).where(Instance.study_id == first.id)).one()
    assert (image.instance_number, image.number_of_frames, image.rows, image.columns) == (None, 1, None, 512)


def test_a_refused_caller_is_counted_and_a_start_noted(cast: Cast, scopes: Scopes, post: Post) -> None:
    at = "2026-11-21T20:00:00+00:00"
    refused = {
        "event_id": str(uuid4()), "kind": "association", "at": at, "aet": "CT7", "address": "10.1.2.3",
        "called_aet": "MERCY", "port": "plain", "certificate": "", "outcome": "unknown-aet", "services": ["store"],
        "bytes_in": 0, "bytes_out": 0, "began_at": at, "ended_at": at, "count": 14,
    }  # fmt: skip
    started = {"event_id": str(uuid4()), "kind": "cell-started", "at": at, "orthanc": "1.13.0", "python": "7.1",
               "plugins": {"dicom-web": "1.24"}, "unknown_routes": ["/odd"]}  # fmt: skip
    assert post(refused, started, refused).status_code == 200
    assert post(refused).status_code == 200
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert scope.session.scalars(select(RefusedAssociation)).one().attempts == 14
        cell = scope.session.scalars(select(Cell)).one()
    assert cell.versions["orthanc"] == "1.13.0"
    assert cell.versions["unknown_routes"] == ["/odd"]
    assert cell.seen_at is not None


@pytest.fixture
def address(scopes: Scopes, cell_id: UUID) -> CellAddress:
    with scopes.open(platform_system()) as scope:
        cell = scope.session.scalars(select(Cell).where(Cell.id == cell_id)).one()
    return CellAddress(cell.id, cell.organisation_id, "127.0.0.1:1")


def cursor(scopes: Scopes, owner: UUID) -> int:
    with scopes.open(system_actor(owner)) as scope:
        return scope.session.scalars(select(Cell)).one().changes_cursor


def test_the_reconciler_brings_what_was_missed(cast: Cast, scopes: Scopes, post: Post, address: CellAddress) -> None:
    post(stored([1, 2]))
    cells = FakeCells()
    cells.counted[address.cell_id] = {"CountInstances": 5}
    cells.changed[0] = {"events": [stored([1, 2, 3])], "last": 7, "done": False}
    cells.changed[7] = {"events": [stored([]), stored([4, 5])], "last": 9, "done": True}
    jobs.reconcile(scopes, cells, address, since=0)
    assert images(scopes, cast.mercy) == 5
    assert cursor(scopes, cast.mercy) == 9


def test_too_few_in_the_index_reads_the_log_anew_but_not_for_ever(cast: Cast, scopes: Scopes, address: CellAddress) -> None:
    cells = FakeCells()
    cells.counted[address.cell_id] = {"CountInstances": 3}
    cells.changed[9] = {"events": [], "last": 9, "done": True}
    jobs.reconcile(scopes, cells, address, since=9)
    assert cursor(scopes, cast.mercy) == 0
    cells.changed[0] = {"events": [stored([1])], "last": 9, "done": True}
    jobs.reconcile(scopes, cells, address, since=0)
    assert cursor(scopes, cast.mercy) == 9
    assert images(scopes, cast.mercy) == 1


def test_a_cell_that_does_not_answer_moves_nothing(cast: Cast, scopes: Scopes, address: CellAddress) -> None:
    cells = FakeCells()
    cells.counted[address.cell_id] = {"CountInstances": 3}
    cells.changed[0] = {"events": [stored([1])], "last": 4, "done": False}
    cells.changed[4] = Busy("gone")
    with pytest.raises(Busy):
        jobs.reconcile(scopes, cells, address, since=0)
    assert cursor(scopes, cast.mercy) == 4
    assert images(scopes, cast.mercy) == 1
