"""Deleting studies: hidden first, erased later, and what forbids it; holds and retention; what a stranger sees."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from sidecar.archive import custody, queries, service
from sidecar.archive.jobs import withholding
from sidecar.archive.jobs.erasure import erase_due
from sidecar.archive.model import Reason
from sidecar.archive.tables import Deletion, InstanceDigest
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Invalid, Problem
from sidecar.kernel.journal import JournalRow
from sidecar.organisations import queries as organisations
from sidecar.studies import queries as studies
from sidecar.studies.service import register_arrival
from sidecar.studies.tables import ErasedStudy, Instance, Series, SeriesMetadata, Study
from tests.browser import Browser, alike
from tests.cast import PASSWORD, Cast, Person
from tests.factories.arrivals import arrived
from tests.factories.studies import Made, make_study
from tests.fakes.cell_work import FakeWork

Browse = Callable[[Person | None], Browser]
OLD = {"study_date": "20010101"}
"""A study whose retention period is over."""


def delete(scopes: Scopes, person: Person, study_id: UUID, *, images: int = 2, reason: Reason = Reason.TEST_IMAGES) -> UUID:
    with scopes.open(person.actor) as scope:
        return service.delete(scope, study_id, reason=reason, explanation="phantom", images=images).id


def seen(scopes: Scopes, person: Person, study_id: UUID) -> bool:
    with scopes.open(person.actor) as scope:
        return scope.session.scalar(select(func.count()).select_from(Study).where(Study.id == study_id)) == 1


def row(scopes: Scopes, owner: UUID, study_id: UUID) -> Study:
    with scopes.open(system_actor(owner)) as scope:
        return scope.session.scalars(select(Study).where(Study.id == study_id)).one()


def of(scopes: Scopes, owner: UUID, deletion_id: UUID) -> Deletion:
    with scopes.open(system_actor(owner)) as scope:
        return queries.deletion(scope, deletion_id)


def make_due(scopes: Scopes, owner: UUID, deletion_id: UUID) -> None:
    with scopes.open(system_actor(owner)) as scope:
        scope.session.execute(update(Deletion).where(Deletion.id == deletion_id).values(erase_at=scope.now))


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="CANARY^NAME")


def test_two_steps_delete_and_one_undoes(browse: Browse, scopes: Scopes, cast: Cast, study: Made) -> None:
    owner = browse(cast.owner)
    where = f"/studies/{study.id}/delete"
    assert owner.post(where, data={}).status_code == 400
    again = owner.post(where, data={"reason": "test-images", "explanation": "<b>phantom</b>"})
    assert again.status_code == 200
    assert "Delete this study?" in again.text
    assert "&lt;b&gt;phantom" in again.text
    assert seen(scopes, cast.owner, study.id)
    wrong = owner.post(where, data={"reason": "test-images", "images": "1"})
    assert (wrong.status_code, "has 2 images by now" in wrong.text) == (409, True)
    assert owner.post(where, data={"reason": "test-images", "images": "2"}).location == "/hospital"
    everybody = (cast.owner, cast.mercy_manager, cast.own_radiologist, cast.reader, cast.lead)
    for person in everybody:
        assert not seen(scopes, person, study.id)
        for page in ("/hospital", "/worklist", f"/reading/{study.id}", f"/studies/{study.id}/download"):
            assert "CANARY" not in browse(person).get(page).text
    deleted = owner.get("/archive/deleted").text
    assert "CANARY" in deleted
    assert "Tess Owner" in deleted
    with scopes.open(cast.owner.actor) as scope:
        deletion_id = queries.deletions(scope)[0].deletion.id
    assert owner.post(f"/archive/deleted/{deletion_id}/undo").status_code == 302
    assert "Coming back" in owner.get("/archive/deleted").text
    erase_due(scopes, FakeWork(), cast.mercy, host="h")
    assert all(seen(scopes, person, study.id) for person in everybody)
    assert owner.post(f"/archive/deleted/{deletion_id}/undo").status_code == 409


def test_open_lists_are_told_that_it_is_gone_and_nothing_more(browse: Browse, scopes: Scopes, cast: Cast, study: Made) -> None:
    """Who asks for all changes ever made reads no more of what is deleted, lent or in another view than that it is not here."""
    delete(scopes, cast.owner, study.id)
    for person in (cast.reader, cast.lead, cast.owner, cast.own_radiologist):
        for page in ("/worklist/changes?since=0", "/hospital/changes?since=0", "/hospital/changes?since=0&q=CANARY"):
            answer = browse(person).get(page)
            line = next(each for each in answer.text.split("<tr") if str(study.id) in each)
            assert re.sub(r"\s+", " ", line).strip() == f'id="study-{study.id}" data-gone></tr>', (person.actor.name, page)
            assert "CANARY" not in answer.text
    for person in (cast.stranger, cast.luke_technician):
        for page in ("/worklist/changes?since=0", "/hospital/changes?since=0"):
            assert str(study.id) not in browse(person).get(page).text


def test_nothing_is_erased_before_its_time_and_everything_after(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        study = register_arrival(scope, arrived([1, 2], accession_number="ACC9"))
    reader, work = browse(cast.reader), FakeWork(held={study.orthanc_id})
    report = str(reader.post("/api/reports", json={"study_id": str(study.id)}).json["id"])
    reader.put(f"/api/reports/{report}/draft", json={"sections": {"impression": "fine"}, "revision": 0})
    with scopes.open(system_actor(cast.mercy)) as scope:
        study = studies.get(scope, study.id)
        study.arrival, study.study_date = "complete", OLD["study_date"]
        of_study = {"organisation_id": cast.mercy, "instance_count": 1, "body": b"", "made_at": scope.now}
        scope.session.add_all(SeriesMetadata(series_id=each.id, **of_study) for each in studies.series_of(scope, study))
    proof = {"password": PASSWORD, "code": cast.reader.code(), "meaning": "author", "revision": 1}
    assert reader.post(f"/api/reports/{report}/sign", json=proof).status_code == 200

    deletion_id = delete(scopes, cast.owner, study.id, reason=Reason.RETENTION_OVER)
    erase_due(scopes, work, cast.mercy, host="h")
    assert work.asked == []
    assert of(scopes, cast.mercy, deletion_id).erase_at - datetime.now(UTC) > timedelta(days=6)
    assert browse(cast.owner).post(f"/archive/deleted/{deletion_id}/erase").status_code == 302
    erase_due(scopes, work, cast.mercy, host="h")
    assert work.held == set()
    assert of(scopes, cast.mercy, deletion_id).state == "erased"
    with scopes.open(system_actor(cast.mercy)) as scope:
        for table in (Series, Instance, SeriesMetadata):
            assert scope.session.scalar(select(func.count()).select_from(table).where(table.organisation_id == cast.mercy)) == 0
        left = scope.session.scalars(select(Study).where(Study.id == study.id)).one()
        assert (left.patient_name, left.patient_birth_date, left.instance_count) == ("", "", 0)
        kinds = set(scope.session.scalars(select(JournalRow.kind).where(JournalRow.study_id == study.id)))
        assert {"studies.study.arrived", "archive.study.deleted", "archive.study.erased", "reports.report.signed"} <= kinds
    pdf = browse(cast.owner).get(f"/reports/{report}/report.pdf")
    assert (pdf.status_code, pdf.data[:4]) == (200, b"%PDF")
    assert browse(cast.owner).get(f"/reports/{report}").status_code == 200
    assert "ACC9" in browse(cast.owner).get("/archive/deleted").text
    assert browse(cast.owner).post(f"/archive/deleted/{deletion_id}/undo").status_code == 409


def test_a_late_event_resurrects_nothing_and_a_study_sent_again_is_new(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    event, work = arrived([1, 2]), FakeWork()
    with scopes.open(system_actor(cast.mercy)) as scope:
        first = register_arrival(scope, event)
    deletion_id = delete(scopes, cast.owner, first.id)
    make_due(scopes, cast.mercy, deletion_id)
    erase_due(scopes, work, cast.mercy, host="h")
    with pytest.raises(Invalid, match="deleted here"), scopes.open(system_actor(cast.mercy)) as scope:
        register_arrival(scope, event)
    assert row(scopes, cast.mercy, first.id).instance_count == 0
    later = datetime.now(UTC) + timedelta(seconds=2)
    with scopes.open(system_actor(cast.mercy)) as scope:
        second = register_arrival(scope, arrived([1, 2], received_at=later))
        assert second.id != first.id
        assert "StudyCameBack" in {type(each).__name__ for each in scope.events}
    page = browse(cast.owner).get(f"/studies/{second.id}/download").text
    assert "This study was deleted here before" in page
    assert "Test or phantom images, asked for by Tess Owner" in page
    with scopes.open(cast.luke_technician.actor) as scope:
        assert scope.session.scalars(select(ErasedStudy)).all() == []


def test_new_images_for_a_hidden_study_bring_it_back(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        study = register_arrival(scope, arrived([1, 2]))
    deletion_id = delete(scopes, cast.owner, study.id)
    with scopes.open(system_actor(cast.mercy)) as scope:
        register_arrival(scope, arrived([1, 2]))
    assert of(scopes, cast.mercy, deletion_id).state == "hidden"
    with scopes.open(system_actor(cast.mercy)) as scope:
        register_arrival(scope, arrived([3]))
    assert of(scopes, cast.mercy, deletion_id).shown == "returning"
    erase_due(scopes, FakeWork(), cast.mercy, host="h")
    assert of(scopes, cast.mercy, deletion_id).state == "undone"
    assert seen(scopes, cast.owner, study.id)


def withheld(scopes: Scopes, owner: UUID) -> tuple[int, list[str]]:
    """Return the revision of a hospital's policy, and what it says is withheld."""
    with scopes.open(system_actor(owner)) as scope:
        return organisations.own_cell(scope).policy_revision, organisations.withheld(scope)


def test_a_study_is_withheld_while_it_is_hidden_and_shown_when_its_cell_has_all_of_it_again(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made
) -> None:
    owner, orthanc_id = browse(cast.owner), row(scopes, cast.mercy, study.id).orthanc_id
    revisions = [withheld(scopes, cast.mercy)[0]]

    def turned(*expected: str) -> bool:
        """Say whether the policy is another one since the last time, and withholds these."""
        revision, present = withheld(scopes, cast.mercy)
        revisions.append(revision)
        return present == [*expected] and revision > revisions[-2]

    deletion_id = delete(scopes, cast.owner, study.id)
    assert turned(orthanc_id)
    assert withheld(scopes, cast.luke)[1] == []
    told = owner.post(f"/api/deletions/{deletion_id}/undo")
    assert (told.status_code, told.json["study_id"]) == (200, str(study.id))
    assert turned()
    for again in ("undo", "erase"):
        assert owner.post(f"/api/deletions/{deletion_id}/{again}").status_code == 409
    for work, problem in (
        (FakeWork(revision=revisions[-1] - 1), ""),
        (FakeWork(silent=True), ""),
        (FakeWork(kept={orthanc_id: 2}), ""),
        (FakeWork(kept={orthanc_id: 1}, failing=1), "could not put 1 images back"),
    ):
        erase_due(scopes, work, cast.mercy, host="h")
        assert not seen(scopes, cast.owner, study.id)
        assert of(scopes, cast.mercy, deletion_id).shown == "returning"
        assert problem in of(scopes, cast.mercy, deletion_id).problem
        assert owner.get("/api/deletions").json["deletions"][0]["state"] == "returning"
    erase_due(scopes, FakeWork(revision=revisions[-1]), cast.mercy, host="h")
    assert seen(scopes, cast.owner, study.id)
    assert (of(scopes, cast.mercy, deletion_id).state, of(scopes, cast.mercy, deletion_id).problem) == ("undone", "")
    with scopes.open(system_actor(cast.mercy)) as scope:
        kinds = scope.session.scalars(select(JournalRow.kind).where(JournalRow.study_id == study.id)).all()
    assert [each for each in kinds if "undeleted" in each or "returned" in each].count("archive.study.returned") == 1

    twice, work = delete(scopes, cast.owner, study.id), FakeWork(kept={orthanc_id: 2})
    make_due(scopes, cast.mercy, twice)
    erase_due(scopes, work, cast.mercy, host="h")
    assert (of(scopes, cast.mercy, twice).state, work.kept) == ("erased", {})
    assert turned()


def test_a_cell_that_cannot_take_a_study_out_of_its_archive_is_told_of(
    browse: Browse, scopes: Scopes, cast: Cast, study: Made
) -> None:
    deletion_id, orthanc_id = delete(scopes, cast.owner, study.id), row(scopes, cast.mercy, study.id).orthanc_id
    shown, gone = FakeWork(held={orthanc_id}), FakeWork()

    def problem(work: FakeWork) -> str:
        withholding.look(scopes, work, cast.mercy, host="h")
        return of(scopes, cast.mercy, deletion_id).problem

    assert problem(shown) == ""
    assert shown.asked == [], "it has its time"
    with scopes.open(system_actor(cast.mercy)) as scope:
        past = scope.now - timedelta(minutes=1)
        scope.session.execute(update(Deletion).where(Deletion.id == deletion_id).values(asked_at=past))
    assert "workstations still show it" in problem(shown)
    assert "workstations still show it" in browse(cast.owner).get("/archive/deleted").text
    assert "workstations still show it" not in browse(cast.luke_technician).get("/archive/deleted").text
    assert "workstations still show it" in problem(FakeWork(silent=True))
    assert problem(gone) == ""
    assert browse(cast.owner).post(f"/archive/deleted/{deletion_id}/undo").status_code == 302
    assert problem(shown) == ""


def test_a_cell_that_keeps_images_or_its_silence_leaves_the_index_alone(scopes: Scopes, cast: Cast, study: Made) -> None:
    deletion_id = delete(scopes, cast.owner, study.id)
    for work in (FakeWork(held={row(scopes, cast.mercy, study.id).orthanc_id}, forgetful=True), FakeWork(silent=True)):
        make_due(scopes, cast.mercy, deletion_id)
        erase_due(scopes, work, cast.mercy, host="h")
        found = of(scopes, cast.mercy, deletion_id)
        assert (found.state, bool(found.problem)) == ("erasing", True)
        assert found.erase_at > datetime.now(UTC)
        assert row(scopes, cast.mercy, study.id).instance_count == 2


def test_what_forbids_a_deletion(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    old = make_study(scopes, cast.mercy, reading=cast.nightowls, **OLD)
    new = make_study(scopes, cast.mercy, reading=cast.nightowls, status="final")
    manager = browse(cast.mercy_manager)

    def why(study: Made, reason: str = "other") -> str:
        told = manager.post(f"/api/studies/{study.id}/deletion", json={"reason": reason, "explanation": "", "images": 2}).json
        return str(told.get("message", told["status"]))

    assert "must be kept until" in why(new)
    assert "has been reported" in why(new, "test-images")
    assert "cannot be deleted" in manager.get(f"/studies/{new.id}/delete").text
    assert manager.post(f"/studies/{old.id}/hold", data={"reason": "court"}).status_code == 302
    assert "legal hold" in why(old)
    assert manager.post(f"/studies/{old.id}/hold", data={"reason": "court"}).status_code == 409
    assert "Legal hold" in browse(cast.owner).get("/hospital").text
    assert "court" not in browse(cast.reader).get(f"/studies/{old.id}/download").text
    assert manager.post(f"/studies/{old.id}/hold/lift", data={"reason": " "}).status_code == 400
    assert manager.post(f"/studies/{old.id}/hold/lift", data={"reason": "settled"}).status_code == 302
    assert browse(cast.reader).post(f"/reading/{old.id}/lock").status_code == 200
    assert "Dr. Nora Reader is reading it" in why(old)
    browse(cast.reader).delete(f"/reading/{old.id}/lock")
    assert why(old) == "ok"


def test_a_hold_stops_a_deletion_under_way(scopes: Scopes, cast: Cast, study: Made) -> None:
    deletion_id = delete(scopes, cast.owner, study.id)
    with scopes.open(cast.mercy_admin.actor) as scope:
        service.set_hold(scope, study.id, reason="court")
    make_due(scopes, cast.mercy, deletion_id)
    work = FakeWork()
    erase_due(scopes, work, cast.mercy, host="h")
    assert work.asked == []
    assert "legal hold" in of(scopes, cast.mercy, deletion_id).problem
    with scopes.open(cast.mercy_admin.actor) as scope:
        service.lift_hold(scope, study.id, reason="settled")
    make_due(scopes, cast.mercy, deletion_id)
    erase_due(scopes, work, cast.mercy, host="h")
    assert of(scopes, cast.mercy, deletion_id).state == "erased"
    with pytest.raises(Problem, match="gone already"), scopes.open(cast.mercy_admin.actor) as scope:
        service.set_hold(scope, study.id, reason="too late")


def test_retention_proposes_and_deletes_nothing(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    old = make_study(scopes, cast.mercy, patient_name="OLD^PATIENT", **OLD)
    held = make_study(scopes, cast.mercy, patient_name="HELD^PATIENT", **OLD)
    make_study(scopes, cast.luke, patient_name="LUKES^PATIENT", **OLD)
    with scopes.open(cast.mercy_manager.actor) as scope:
        service.set_hold(scope, held.id, reason="court")
    manager = browse(cast.mercy_manager)
    page = manager.get("/archive/retention").text
    assert "OLD, PATIENT" in page
    assert f"/studies/{old.id}/delete" in page
    assert "HELD" not in page
    assert "LUKES" not in page
    assert manager.post("/archive/retention", data={"years": "101"}).status_code == 400
    assert manager.post("/archive/retention", data={"years": "99"}).status_code == 302
    assert "OLD, PATIENT" not in manager.get("/archive/retention").text
    assert browse(cast.luke_admin).get("/archive/retention").text.count('value="10"') == 1
    assert seen(scopes, cast.owner, old.id)


def test_roles_hold_and_delete_as_they_may(browse: Browse, cast: Cast, study: Made) -> None:
    may_delete = {cast.owner.user_id, cast.mercy_manager.user_id}
    may_hold = {cast.mercy_admin.user_id, cast.mercy_manager.user_id}
    people = (cast.owner, cast.colleague, cast.own_radiologist, cast.mercy_admin, cast.mercy_manager, cast.reader, cast.lead)
    for person in people:
        browser = browse(person)
        assert (browser.get(f"/studies/{study.id}/delete").status_code == 200) == (person.user_id in may_delete)
        assert (browser.get(f"/studies/{study.id}/hold").status_code == 200) == (person.user_id in may_hold)


def test_anothers_deletion_and_hold_are_unknown_ones(browse: Browse, scopes: Scopes, cast: Cast, study: Made) -> None:
    other = make_study(scopes, cast.mercy)
    deletion_id = delete(scopes, cast.owner, other.id)
    unknown = uuid4()
    for person in (
        cast.stranger,
        cast.strange_manager,
        cast.strange_admin,
        cast.strange_technician,
        cast.luke_technician,
        cast.luke_admin,
    ):
        browser = browse(person)
        for path, real in (
            ("/studies/{}/delete", study.id),
            ("/studies/{}/hold", study.id),
            ("/studies/{}/hold/lift", study.id),
            ("/studies/{}/delete", other.id),
            ("/api/studies/{}/deletion", study.id),
            ("/api/studies/{}/hold", study.id),
            ("/archive/deleted/{}/undo", deletion_id),
            ("/archive/deleted/{}/erase", deletion_id),
            ("/api/deletions/{}/undo", deletion_id),
        ):
            body = (
                {"data": {"reason": "test-images", "images": "2"}}
                if path.startswith(("/s", "/archive"))
                else {"json": {"reason": "test-images", "images": 2}}
            )
            answers = [browser.post(path.format(each), **body) for each in (real, unknown)]
            assert answers[0].status_code in {403, 404}
            assert alike(answers[0], real) == alike(answers[1], unknown), (person.actor.name, path)
        assert "CANARY" not in browser.get("/archive/deleted").text
    assert seen(scopes, cast.owner, study.id)
    assert of(scopes, cast.mercy, deletion_id).state == "hidden"


def test_a_study_deleted_while_its_files_are_read_is_not_called_damaged(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        study = register_arrival(scope, arrived([1, 2]))
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(update(InstanceDigest).values(due_at=scope.now))
        wanted = custody.due(scope)
    assert [each.study_id for each in wanted] == [study.id] * 2
    delete(scopes, cast.owner, study.id)
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert custody.write_down(scope, wanted, {each.orthanc_id: {} for each in wanted}) == 0
        assert custody.due(scope) == []
        assert scope.events == []
