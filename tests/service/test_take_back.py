"""A hospital takes an unsigned study back from its readers: their sight ends, nothing written is lost, the clock goes on."""

from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from typing import cast as typed
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from sidecar.accounts.carrying import still_open
from sidecar.assignment import service as assignment
from sidecar.assignment.taking_back import BeingRead, offer_again, take_back
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Conflict, Denied, Missing
from sidecar.kernel.journal import JournalRow
from sidecar.notifications.tables import Notification
from sidecar.organisations.model import Priors
from sidecar.organisations.tables import Contract
from sidecar.reports import service as reports
from sidecar.reports.taken_back import tell_all_groups, tell_groups
from sidecar.studies import access, contexts, queries
from sidecar.studies import service as studies
from sidecar.studies.jobs import route_all
from sidecar.studies.model import TakeBackReason
from sidecar.studies.tables import PriorLoan, Study, TakeBack
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import Made, make_study
from tests.service.test_carrying import carried
from tests.service.test_reading_end import agree, later, routed, sees

Browse = Callable[[Person | None], Browser]
OTHER_READER = {"reason": "another-reader"}


def taken(scopes: Scopes, who: Person, study: Made, **named: Any) -> TakeBack:
    with scopes.open(who.actor) as scope:
        return take_back(scope, study.id, **{"reason": TakeBackReason.ANOTHER_READER, **named})


def as_it_is(scopes: Scopes, cast: Cast, study: Made) -> Study:
    with scopes.open(system_actor(cast.mercy)) as scope:
        return queries.get(scope, study.id)


def told(scopes: Scopes, person: Person) -> list[tuple[str, str]]:
    with scopes.open(person.actor) as scope:
        return [(each.text, each.href) for each in scope.session.scalars(select(Notification).order_by(Notification.created_at))]


def agreed(scopes: Scopes, cast: Cast, group: UUID, **terms: Any) -> None:
    """Write another contract of Mercy's."""
    row = {"modalities": None, "turnaround_minutes": {"routine": 600}, "starts_on": date(2021, 1, 1), "priors": Priors.ALL.value}
    with scopes.open(cast.platform_admin.actor) as scope:
        made = Contract(
            organisation_id=cast.mercy, id=uuid4(), reading_organisation_id=group, created_at=scope.now, **row | terms
        )
        scope.session.add(made)


def round_of(scopes: Scopes, job: Callable[[Any], None]) -> None:
    job(typed("Any", SimpleNamespace(scopes=scopes)))


def test_what_is_taken_back_is_out_of_its_readers_sight(app: Flask, cast: Cast, scopes: Scopes, browse: Browse) -> None:
    agree(scopes, cast, Priors.ALL)
    older = make_study(scopes, cast.mercy, study_date="20230101", patient_name="CANARY^OLDER")
    study = routed(scopes, cast, patient_name="CANARY^TAKEN")
    reader = browse(cast.reader)
    with scopes.open(cast.reader.actor) as scope:
        context = contexts.open_context(scope, study.id)
    download, redis = carried(app, reader, f"/studies/{study.id}/archive.zip"), app.extensions["readingroom.redis"]
    assert still_open(scopes, redis, download)
    due = as_it_is(scopes, cast, study).due_at
    assert due is not None
    since = reader.get("/worklist").text.partition('data-cursor="')[2].partition('"')[0]

    made = browse(cast.mercy_manager).post(f"/api/studies/{study.id}/take-back", json=OTHER_READER)
    assert made.status_code == 200, made.text
    assert made.json["take_back"]["reading_organization_id"] == str(cast.nightowls)

    for person in (cast.reader, cast.second_reader, cast.lead, cast.stranger):
        for each in (study, older):
            assert not sees(scopes, person.actor, each.id)
    with pytest.raises(Missing), scopes.open(cast.reader.actor) as scope:
        contexts.look_in(scope, context.id)
    assert not still_open(scopes, redis, download)
    for path in (f"/reading/{study.id}", f"/dicom-web/{context.id}/studies/{study.uid}/metadata", f"/explorer/{context.id}"):
        assert reader.get(path).status_code == 404, path
    unknown = uuid4()
    assert alike(reader.get(f"/reading/{study.id}"), study.id) == alike(reader.get(f"/reading/{unknown}"), unknown)
    # Open lists are told that it is gone, and not whose it was.
    changes = reader.get(f"/worklist/changes?since={since}").text
    assert f'id="study-{study.id}" data-gone' in changes
    assert "CANARY" not in changes
    lead = browse(cast.lead).get(f"/hospital/changes?since={since}").text
    assert f'id="study-{study.id}" data-gone' in lead
    assert "CANARY" not in lead
    for stranger in (cast.stranger, cast.luke_manager):
        assert str(study.id) not in browse(stranger).get(f"/worklist/changes?since={since}").text
    # At the hospital it waits, and its clock goes on from arrival.
    now = as_it_is(scopes, cast, study)
    assert (now.status, now.assignee_id, now.lock_until, now.due_at) == ("unread", None, None, due)
    listed = browse(cast.mercy_manager).get("/hospital?state=back").text
    assert f"study-{study.id}" in listed
    assert "No reader" in listed
    assert "No reader" not in browse(cast.luke_manager).get("/hospital").text
    with scopes.open(cast.own_radiologist.actor) as scope:
        assert reports.open_report(scope, study.id).author_organisation_id == cast.mercy


def test_who_takes_back_and_what(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    study = routed(scopes, cast)
    path = f"/studies/{study.id}/take-back"
    for person, status in (
        (cast.mercy_manager, 200), (cast.mercy_admin, 200), (cast.own_radiologist, 403), (cast.owner, 403), (cast.colleague, 403),
        (cast.reader, 403), (cast.lead, 403), (cast.luke_manager, 404), (cast.luke_admin, 404), (cast.strange_manager, 403),
    ):  # fmt: skip
        assert browse(person).get(path).status_code == status, person.actor.name
        if status != 200:
            assert browse(person).post(path, data=OTHER_READER).status_code == status, person.actor.name
            assert browse(person).post(f"/api{path}", json=OTHER_READER).status_code == status, person.actor.name
            assert browse(person).post(f"/api/studies/{study.id}/offer-again").status_code == status, person.actor.name
    stranger, unknown = browse(cast.luke_manager), uuid4()
    for door in ("/api/studies/{}/take-back", "/studies/{}/take-back"):
        answers = [stranger.post(door.format(each), json=OTHER_READER, data=None) for each in (study.id, unknown)]
        assert alike(answers[0], study.id) == alike(answers[1], unknown)
    for who in (cast.lead, cast.own_radiologist):
        with pytest.raises(Denied), scopes.open(who.actor) as scope:
            take_back(scope, study.id, reason=TakeBackReason.OTHER)
    manager = browse(cast.mercy_manager)
    for bad in ({"reason": "contract-ended"}, {"reason": "other"}, {}):
        assert manager.post(f"/api{path}", json=bad).status_code == 400
        assert manager.post(path, data=bad).status_code == 400
    assert "Nothing could be clearer" not in browse(cast.reader).get("/worklist").text
    assert manager.post(path, data={"reason": "other", "explanation": "Nothing could be clearer"}).status_code == 302
    assert "Nothing could be clearer" in manager.get(path).text
    for again in (study, make_study(scopes, cast.mercy)):
        with pytest.raises(Conflict, match="No reading group"):
            taken(scopes, cast.mercy_manager, again)
    with pytest.raises(Conflict, match="signed"):
        taken(scopes, cast.mercy_admin, make_study(scopes, cast.mercy, reading=cast.nightowls, status="final"))


def test_who_has_begun_is_named_first_and_their_draft_stays_theirs(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    study = routed(scopes, cast)
    reader, manager = browse(cast.reader), browse(cast.mercy_manager)
    report = reader.post("/api/reports", json={"study_id": str(study.id)}).json["id"]
    words = {"sections": {"findings": "SECRETDRAFT"}, "revision": 0}
    assert reader.put(f"/api/reports/{report}/draft", json=words).status_code == 200
    asked = manager.post(f"/api/studies/{study.id}/take-back", json=OTHER_READER)
    assert (asked.status_code, asked.json["code"]) == (409, "being-read")
    assert "Dr. Nora Reader is reading it right now" in asked.json["message"]
    page = manager.post(f"/studies/{study.id}/take-back", data=OTHER_READER)
    assert page.status_code == 409
    assert "Take it back all the same?" in page.text
    with scopes.open(cast.lead.actor) as scope:  # neither a lock that ran out nor giving it back hides that a report was begun
        scope.session.execute(update(Study).where(Study.id == study.id).values(lock_until=scope.now, status="assigned"))
    with scopes.open(cast.lead.actor) as scope:
        assignment.release(scope, study.id)
    with pytest.raises(BeingRead, match="report on it was begun"):
        taken(scopes, cast.mercy_manager, study)
    assert manager.post(f"/studies/{study.id}/take-back", data=OTHER_READER | {"confirmed": "true"}).status_code == 302

    late = reader.put(f"/api/reports/{report}/draft", json=words | {"revision": 1})
    assert (late.status_code, "What was saved is kept" in late.json["message"]) == (409, True)
    assert reader.post(f"/reading/{study.id}/lock").status_code == 409  # the open page says so within 20 s
    kept = reader.get(f"/reports/{report}")
    assert "SECRETDRAFT" in kept.text
    assert "nobody signed it" in kept.text
    assert reader.get(f"/api/reports/{report}").json["sections"]["findings"] == "SECRETDRAFT"
    others = (cast.second_reader, cast.lead, cast.mercy_manager, cast.own_radiologist, cast.stranger)
    for person in others:
        assert browse(person).get(f"/reports/{report}").status_code == 404, person.actor.name
        assert "SECRETDRAFT" not in browse(person).get(f"/api/reports/{report}").text

    # The house's own radiologist writes one of their own, and it is the one that is signed.
    own = browse(cast.own_radiologist)
    assert "SECRETDRAFT" not in own.get(f"/reading/{study.id}").text
    mine = own.post("/api/reports", json={"study_id": str(study.id)}).json["id"]
    assert mine != report
    round_of(scopes, tell_groups)
    assert [href for _text, href in told(scopes, cast.reader)] == [f"/reports/{report}"]
    assert ["took back a study that nobody had signed" in each for each, _href in told(scopes, cast.lead)] == [True]
    round_of(scopes, tell_all_groups)
    assert len(told(scopes, cast.lead)) == 1
    for person in (cast.second_reader, cast.stranger, cast.strange_manager, cast.mercy_manager):
        assert told(scopes, person) == []


def test_it_goes_to_another_group_and_not_back_until_it_is_offered_again(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    agree(scopes, cast, Priors.ALL)
    older = make_study(scopes, cast.mercy, study_date="20230101", status="final")
    study = routed(scopes, cast)
    taken(scopes, cast.mercy_manager, study)
    for _each in range(2):  # the worker's round, and an image that comes late
        route_all(scopes, cast.mercy)
        with scopes.open(system_actor(cast.mercy)) as scope:
            studies.route(scope, study.id)
        assert not sees(scopes, cast.reader.actor, study.id)
    another = routed(scopes, cast)  # of the same patient: it does not come along with that one either
    assert not sees(scopes, cast.reader.actor, study.id)
    assert "waits for your own radiologists" in browse(cast.mercy_manager).get(f"/studies/{another.id}/take-back").text
    assert browse(cast.mercy_manager).post(f"/studies/{study.id}/offer-again").status_code == 302
    assert sees(scopes, cast.reader.actor, study.id)
    with pytest.raises(Conflict, match="has this study by now"), scopes.open(cast.mercy_admin.actor) as scope:
        offer_again(scope, study.id)
    taken(scopes, cast.mercy_manager, another)
    taken(scopes, cast.mercy_manager, study)
    assert not sees(scopes, cast.reader.actor, older.id)
    agreed(scopes, cast, cast.strangers)
    route_all(scopes, cast.mercy)
    assert sees(scopes, cast.stranger.actor, study.id)
    assert sees(scopes, cast.stranger.actor, older.id)  # lent anew, to the new group
    assert as_it_is(scopes, cast, study).due_at == as_it_is(scopes, cast, study).arrived_at + timedelta(minutes=600)
    for each in (study, older):
        assert not sees(scopes, cast.reader.actor, each.id)
    with pytest.raises(Missing), scopes.open(cast.luke_manager.actor) as scope:
        offer_again(scope, study.id)


def test_who_reads_in_the_house_keeps_it_when_a_contract_would_take_it(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy)
    with scopes.open(cast.own_radiologist.actor) as scope:
        assignment.claim(scope, study.id)
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert studies.route(scope, study.id).reading_organisation_id is None


def test_a_loan_that_is_made_meanwhile_is_not_made(cast: Cast, scopes: Scopes) -> None:
    agree(scopes, cast, Priors.ALL)
    study = routed(scopes, cast)
    taken(scopes, cast.mercy_manager, study)
    older = make_study(scopes, cast.mercy, study_date="20230101")
    with scopes.open(system_actor(cast.mercy)) as scope:  # by one who still took it for theirs
        loan = insert(PriorLoan).values(
            organisation_id=cast.mercy, study_id=older.id, for_study_id=study.id, reading_organisation_id=cast.nightowls,
            made_at=scope.now, ends_at=None,
        )  # fmt: skip
        scope.session.execute(loan)
        access.lend_priors(scope, older.id)
    for person in (cast.reader, cast.lead):
        assert not sees(scopes, person.actor, older.id)


def test_the_wall_leaves_taking_back_to_the_owner(cast: Cast, scopes: Scopes) -> None:
    study = routed(scopes, cast)
    with pytest.raises(ProgrammingError, match="row-level security"), scopes.open(cast.lead.actor) as scope:
        scope.session.execute(update(Study).where(Study.id == study.id).values(reading_organisation_id=None))
    made = taken(scopes, cast.mercy_manager, study, explanation="CANARY words")
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert [each.explanation for each in scope.session.scalars(select(TakeBack))] == ["CANARY words"]
    insiders = (cast.reader, cast.lead, cast.colleague, cast.stranger, cast.luke_manager, cast.platform_admin)
    for person in insiders:
        with scopes.open(person.actor) as scope:
            assert scope.session.scalars(select(TakeBack)).all() == []
            undo = update(TakeBack).where(TakeBack.id == made.id).values(undone_at=scope.now).returning(TakeBack.id)
            assert scope.session.scalars(undo).all() == []
            left = scope.session.scalar(text("SELECT taken_back_since(0)"))
        assert left == ([study.id] if person in {cast.reader, cast.lead} else []), person.actor.name
    for column in ("reason", "taken_by_name", "reading_organisation_id"):
        with pytest.raises(ProgrammingError, match="permission denied"), scopes.open(cast.mercy_admin.actor) as scope:
            scope.session.execute(text(f"UPDATE take_backs SET {column} = {column}"))  # noqa: S608 - of this list


def test_it_is_on_record_at_the_hospital(cast: Cast, scopes: Scopes) -> None:
    study = routed(scopes, cast)
    taken(scopes, cast.mercy_manager, study, reason=TakeBackReason.TOO_LONG, explanation="CANARY words")
    with scopes.open(cast.mercy_admin.actor) as scope:
        row = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "assignment.study.taken-back")).one()
    assert (row.study_id, row.actor_id) == (study.id, cast.mercy_manager.user_id)
    assert '"too-long"' in row.body
    assert "CANARY" not in row.body
    assert not sees(later(scopes, days=300), cast.reader.actor, study.id)
