"""Orders: who schedules, what the reader sees beside the images, what the cell offers its modalities, and no stranger."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Conflict, Denied, Missing
from sidecar.orders import jobs, queries, service
from sidecar.orders.model import OrderFacts, OrderStatus
from sidecar.orders.service import NumberTaken
from sidecar.orders.tables import Order, OrderStudy
from sidecar.organisations.tables import Cell
from sidecar.studies.service import complete_due, register_arrival
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.arrivals import arrived

Browse = Callable[[Person | None], Browser]
TODAY = datetime.now(UTC).date()
FACTS = OrderFacts(
    patient_id="P1",
    patient_name="Doe^Jane",
    modality="CT",
    scheduled_station_ae_title="CT1",
    scheduled_procedure_step_start_date=TODAY,
    scheduled_procedure_step_start_time=time(14, 30),
    requested_procedure_description="CT chest",
    reason_for_requested_procedure="Pulmonary embolism?",
    accession_number="A-77",
)
FORM = {
    "patient_id": "P1", "patient_name": "Doe, Jane", "patient_birth_date": "1970-01-31", "patient_sex": "F", "modality": "CT",
    "scheduled_station_ae_title": "CT1", "scheduled_procedure_step_start_date": TODAY.isoformat(),
    "scheduled_procedure_step_start_time": "14:30", "requested_procedure_description": "CT chest",
    "reason_for_requested_procedure": "Pulmonary embolism?", "referring_physician_name": "House^Greg", "accession_number": "A-77",
}  # fmt: skip


def order(scopes: Scopes, person: Person, **changes: Any) -> Order:
    with scopes.open(person.actor) as scope:
        return service.add(scope, replace(FACTS, **changes))


def arrive(scopes: Scopes, owner: UUID, **elements: Any) -> UUID:
    with scopes.open(system_actor(owner)) as scope:
        study = {"study": f"1.2.{uuid4().int}", "accession_number": "A-77", **elements}
        return register_arrival(scope, arrived([0, 1], **study)).id


def state(scopes: Scopes, person: Person, order_id: UUID) -> str:
    with scopes.open(person.actor) as scope:
        return queries.get(scope, order_id).status


def test_a_study_finds_its_order_and_the_reader_its_question(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    made = order(scopes, cast.owner)
    study = arrive(scopes, cast.mercy)
    assert state(scopes, cast.owner, made.id) == "arrived"
    for person in (cast.reader, cast.own_radiologist):
        page = browse(person).get(f"/reading/{study}").text
        assert "Pulmonary embolism?" in page
        assert "CT chest" in page
    assert f"/orders/{made.id}" not in page, "only those who edit orders are led there"
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.now += timedelta(minutes=5)
        complete_due(scope)
    assert state(scopes, cast.owner, made.id) == "completed"
    assert browse(cast.stranger).get(f"/reading/{study}").status_code == 404


def test_another_patients_order_with_the_same_number_is_shown_and_its_question_is_not(
    browse: Browse, scopes: Scopes, cast: Cast
) -> None:
    made = order(scopes, cast.owner, patient_id="P2", patient_name="Other^Person")
    study = arrive(scopes, cast.mercy)
    assert state(scopes, cast.owner, made.id) == "scheduled"
    page = browse(cast.reader).get(f"/reading/{study}").text
    assert "seems to be for another patient" in page
    assert "Pulmonary embolism?" not in page
    assert "Person" not in page, "a reader is not told who the other patient is"
    own = browse(cast.own_radiologist).get(f"/reading/{study}").text
    assert "Other" in own
    with scopes.open(cast.owner.actor) as scope:
        service.change(scope, made.id, FACTS)
    page = browse(cast.reader).get(f"/reading/{study}").text
    assert "Pulmonary embolism?" in page
    assert "another patient" not in page


def test_an_order_written_after_the_images_finds_them_and_an_edit_lets_go(scopes: Scopes, cast: Cast) -> None:
    study = arrive(scopes, cast.mercy)
    made = order(scopes, cast.owner)
    with scopes.open(cast.owner.actor) as scope:
        assert queries.studies_of(scope, [made.id]) == {made.id: [study]}
        service.change(scope, made.id, replace(FACTS, accession_number="B-1"))
        assert queries.studies_of(scope, [made.id]) == {}
    kinds = [type(each).__name__ for each in scope.events]
    assert kinds == ["OrderChanged", "OrderUnmatched"]
    ours = arrive(scopes, cast.mercy, study=made.study_instance_uid, accession_number="")
    with scopes.open(cast.owner.actor) as scope:
        assert queries.studies_of(scope, [made.id]) == {made.id: [ours]}


def test_the_same_numbers_at_another_hospital_are_another_order(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    mine = order(scopes, cast.owner)
    theirs = order(scopes, cast.luke_technician, reason_for_requested_procedure="CANARY question")
    study = arrive(scopes, cast.mercy)
    with scopes.open(cast.owner.actor) as scope:
        link = queries.link_of(scope, study)
        assert link is not None
        assert link.order_id == mine.id
        assert [each.id for each in queries.listed(scope, queries.Filters())] == [mine.id]
    assert state(scopes, cast.luke_technician, theirs.id) == "scheduled"
    assert "CANARY" not in browse(cast.reader).get(f"/reading/{study}").text


def test_the_pages_add_edit_cancel_and_take_back(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    technician = browse(cast.owner)
    assert "No orders for today" in technician.get("/orders").text
    assert technician.get("/orders/new").status_code == 200
    assert technician.post("/orders", data=FORM).status_code == 302
    page = technician.get("/orders").text
    assert "A-77" in page
    assert "Undo" in page
    with scopes.open(cast.owner.actor) as scope:
        (made,) = queries.listed(scope, queries.Filters())
        assert (made.patient_name, made.patient_birth_date) == ("Doe^Jane", "19700131")
    address = f"/orders/{made.id}"
    assert 'value="Doe^Jane"' in technician.get(address).text
    assert technician.post(address, data={**FORM, "patient_name": "Roe^Jane"}).status_code == 302
    page = technician.get("/orders").text
    assert 'name="patient_name" value="Doe^Jane"' in page, "undo holds what it was"
    assert technician.post(f"{address}/status", data={"status": "cancelled"}).status_code == 302
    page = technician.get("/orders").text
    assert "Cancelled" in page
    assert 'name="status" value="scheduled"' in page
    assert technician.post(address, data=FORM).status_code == 409
    assert technician.post(f"{address}/status", data={"status": "scheduled"}).status_code == 302
    assert technician.post(f"{address}/status", data={"status": "completed"}).status_code == 400
    for question, found in ((f"day={TODAY}", True), ("day=", True), ("day=2001-01-01", False), ("modality=MR", False)):
        assert ("A-77" in technician.get(f"/orders?{question}").text) is found, question
    assert technician.get("/orders?day=tomorrow").status_code == 400


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("patient_id", "", "Fill this in"),
        ("patient_name", "a\\b", "backslashes"),
        ("patient_birth_date", "31.1.1970", "2026-11-21"),
        ("accession_number", "x" * 17, "At most 16"),
        ("modality", "XX", "from the list"),
        ("scheduled_station_ae_title", "A" * 17, "at most 16"),
        ("scheduled_procedure_step_start_time", "soon", "14:30"),
        ("scheduled_procedure_step_start_date", "9999-01-01", "1850"),
    ],
)
def test_a_form_says_at_the_field_what_is_wrong(browse: Browse, cast: Cast, field: str, value: str, words: str) -> None:
    answer = browse(cast.owner).post("/orders", data={**FORM, field: value})
    assert answer.status_code == 400
    assert words in answer.text
    assert f'id="{field}-error"' in answer.text
    assert "Pulmonary embolism?" in answer.text


def test_a_number_is_taken_once_and_given_when_none_is_written(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    order(scopes, cast.owner)
    with pytest.raises(NumberTaken):
        order(scopes, cast.owner)
    answer = browse(cast.owner).post("/orders", data=FORM)
    assert answer.status_code == 409
    assert 'id="accession_number-error"' in answer.text
    given = {order(scopes, cast.owner, accession_number="").accession_number for _ in range(20)}
    assert len(given) == 20
    assert all(len(each) <= 16 for each in given)


def test_the_api_has_the_same_verbs(browse: Browse, cast: Cast) -> None:
    manager = browse(cast.mercy_manager)
    made = manager.post("/api/orders", json=FORM)
    assert made.status_code == 201
    shown = made.json["order"]
    assert shown["study_instance_uid"].startswith("2.25.")
    address = f"/api/orders/{shown['id']}"
    assert manager.get(address).json["order"] == shown
    fields = {name: shown[name] for name in FORM}
    assert manager.put(address, json={**fields, "patient_sex": "M"}).json["order"]["patient_sex"] == "M"
    assert manager.post(f"{address}/status", json={"status": "arrived"}).json["order"]["status"] == "arrived"
    assert [each["id"] for each in manager.get(f"/api/orders?day={TODAY}").json["orders"]] == [shown["id"]]
    wrong = manager.post("/api/orders", json={**FORM, "modality": "XX", "accession_number": ""})
    assert (wrong.status_code, wrong.json["code"]) == (400, "invalid")
    assert "modality" in wrong.json["message"]
    assert manager.post("/api/orders", json=[1]).status_code == 400


def test_the_worklist_snapshot_offers_what_is_to_be_done_soon(scopes: Scopes, cast: Cast, tmp_path: Path) -> None:
    soon = order(scopes, cast.owner, accession_number="SOON", patient_name="Müller^Änne=山田^太郎")
    order(scopes, cast.owner, accession_number="FAR", scheduled_procedure_step_start_date=TODAY + timedelta(days=9))
    order(scopes, cast.owner, accession_number="PAST", scheduled_procedure_step_start_date=TODAY - timedelta(days=3))
    gone = order(scopes, cast.owner, accession_number="GONE")
    order(scopes, cast.luke_technician, accession_number="LUKE")
    with scopes.open(cast.owner.actor) as scope:
        service.move(scope, gone.id, status=OrderStatus.CANCELLED)
    with scopes.open(system_actor(cast.mercy)) as scope:
        cell = scope.session.scalars(select(Cell)).one()
    (tmp_path / str(cell.id)).mkdir()
    workshop = cast_workshop(scopes, tmp_path)
    jobs.write_worklists(workshop)
    path = tmp_path / str(cell.id) / "worklist.json"
    written = json.loads(path.read_bytes())
    assert (written["cell"], written["organisation"]) == (str(cell.id), str(cast.mercy))
    (step,) = written["steps"]
    assert step["PatientName"] == "Müller^Änne=山田^太郎"
    assert step["StudyInstanceUID"] == soon.study_instance_uid
    assert step["ScheduledProcedureStepSequence"][0]["ScheduledProcedureStepStatus"] == "SCHEDULED"
    before = path.stat().st_mtime_ns
    jobs.write_worklists(workshop)
    assert path.stat().st_mtime_ns == before, "nothing new, nothing written"
    arrive(scopes, cast.mercy, accession_number="SOON", patient_name="Müller^Änne")
    jobs.write_worklists(workshop)
    (step,) = json.loads(path.read_bytes())["steps"]
    assert step["ScheduledProcedureStepSequence"][0]["ScheduledProcedureStepStatus"] == "ARRIVED"


def cast_workshop(scopes: Scopes, directory: Path) -> Workshop:
    return cast("Workshop", SimpleNamespace(scopes=scopes, settings=SimpleNamespace(cells_dir=directory)))


def test_readers_see_the_order_of_their_study_and_change_nothing(scopes: Scopes, cast: Cast) -> None:
    made, other = order(scopes, cast.owner), order(scopes, cast.owner, accession_number="B-2")
    study = arrive(scopes, cast.mercy)
    with scopes.open(cast.reader.actor) as scope:
        assert [each.id for each in scope.session.scalars(select(Order))] == [made.id]
        with pytest.raises(Denied):
            service.change(scope, made.id, FACTS)
        with pytest.raises(Missing):
            service.move(scope, other.id, status=OrderStatus.CANCELLED)
        assert scope.session.execute(delete(OrderStudy).where(OrderStudy.study_id == study)).rowcount == 0
    with pytest.raises(DBAPIError, match="row-level security"), scopes.open(cast.reader.actor) as scope:
        scope.session.execute(update(Order).where(Order.id == made.id).values(status="cancelled"))
    with scopes.open(cast.own_radiologist.actor) as scope, pytest.raises(Denied):
        service.move(scope, made.id, status=OrderStatus.CANCELLED)
    with scopes.open(cast.reader.actor) as scope, pytest.raises(Denied):
        service.add(scope, FACTS)


def test_what_is_done_stays_done(scopes: Scopes, cast: Cast) -> None:
    made = order(scopes, cast.owner)
    with scopes.open(system_actor(cast.mercy)) as scope:
        service.move(scope, made.id, status=OrderStatus.COMPLETED)
    with scopes.open(cast.owner.actor) as scope, pytest.raises(Conflict, match="completed"):
        service.move(scope, made.id, status=OrderStatus.CANCELLED)


@pytest.mark.parametrize(
    "role", ["colleague", "own_radiologist", "mercy_admin", "reader", "lead", "platform_admin", "stranger", "strange_manager"]
)
def test_roles_without_the_permission_are_refused(browse: Browse, cast: Cast, role: str) -> None:
    visitor = browse(getattr(cast, role))
    for method, path in (("GET", "/orders"), ("GET", "/orders/new"), ("POST", "/orders"), ("GET", "/api/orders")):
        assert visitor.ask(method, path, data=FORM if method == "POST" else None).status_code == 403


def test_another_hospital_gets_what_an_unknown_id_gets(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    made, unknown = order(scopes, cast.owner), uuid4()
    for who in (cast.luke_technician, cast.strange_technician):
        stranger = browse(who)
        for method, path, body in (
            ("GET", "/orders/{}", {}),
            ("POST", "/orders/{}", {"data": FORM}),
            ("POST", "/orders/{}/status", {"data": {"status": "cancelled"}}),
            ("GET", "/api/orders/{}", {}),
            ("PUT", "/api/orders/{}", {"json": FORM}),
            ("POST", "/api/orders/{}/status", {"json": {"status": "cancelled"}}),
        ):
            theirs = stranger.ask(method, path.format(made.id), **body)
            nobodys = stranger.ask(method, path.format(unknown), **body)
            assert theirs.status_code == nobodys.status_code == 404, path
            assert alike(theirs, made.id) == alike(nobodys, unknown)
    with scopes.open(cast.stranger.actor) as scope, pytest.raises(Missing):
        queries.get(scope, made.id)
