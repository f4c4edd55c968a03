"""A reading group sees a study from routing until some time after sign-off, and older studies as the contract says."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import ProgrammingError

from sidecar.gate.actor import Actor, Glass, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Conflict, Missing
from sidecar.kernel.journal import JournalRow
from sidecar.organisations import service as organisations
from sidecar.organisations.model import Priors
from sidecar.organisations.tables import Contract
from sidecar.reports import queries as reports
from sidecar.reports.tables import Report, ReportVersion
from sidecar.studies import access, contexts, deletion, queries
from sidecar.studies import service as studies
from sidecar.studies.tables import PriorLoan, Study
from tests.browser import Browser, alike
from tests.cast import Cast, Person
from tests.factories.studies import Made, make_study
from tests.service.test_matrix import report_of

Browse = Callable[[Person | None], Browser]


def later(scopes: Scopes, **ahead: float) -> Scopes:
    return replace(scopes, clock=lambda: utc_now() + timedelta(**ahead))


def sees(scopes: Scopes, actor: Actor, study_id: UUID) -> bool:
    with scopes.open(actor) as scope:
        return queries.find(scope, study_id) is not None


def agree(scopes: Scopes, cast: Cast, priors: Priors, *, hours: int = 72) -> None:
    with scopes.open(cast.platform_admin.actor) as scope:
        contract = scope.session.scalars(select(Contract.id).where(Contract.organisation_id == cast.mercy)).one()
        organisations.set_terms(scope, contract, reading_hours=hours, priors=priors)


def routed(scopes: Scopes, cast: Cast, **elements: object) -> Made:
    study = make_study(scopes, cast.mercy, **elements)
    with scopes.open(system_actor(cast.mercy)) as scope:
        studies.route(scope, study.id)
    return study


def test_access_begins_with_routing_and_ends_after_sign_off(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    agree(scopes, cast, Priors.READ, hours=48)
    study = make_study(scopes, cast.mercy)
    assert not sees(scopes, cast.reader.actor, study.id)
    with scopes.open(system_actor(cast.mercy)) as scope:
        studies.route(scope, study.id)
    for actor in (cast.reader.actor, cast.lead.actor):
        assert sees(later(scopes, days=300), actor, study.id)  # unsigned: no end
    with scopes.open(cast.reader.actor) as scope:
        context = contexts.open_context(scope, study.id)
    report_id = UUID(report_of(browse, cast, study))
    assert sees(later(scopes, hours=47), cast.reader.actor, study.id)
    for actor in (cast.reader.actor, cast.second_reader.actor, cast.lead.actor):
        assert not sees(later(scopes, hours=49), actor, study.id)
    assert sees(later(scopes, hours=49), cast.owner.actor, study.id)
    # What is open at that moment ends too: the context, its images, everything under it.
    with scopes.open(cast.reader.actor) as scope:
        scope.session.execute(update(contexts.ReadingContext).values(expires_at=scope.now + timedelta(days=9)))
    with pytest.raises(Missing), later(scopes, hours=49).open(cast.reader.actor) as scope:
        contexts.look_in(scope, context.id)
    # What was signed stays the group's own, and its colleague's.
    with later(scopes, days=400).open(cast.second_reader.actor) as scope:
        assert reports.version(scope, report_id).content["sections"]["findings"] == "SECRETFINDING"
    with pytest.raises(Missing), later(scopes, hours=49).open(cast.reader.actor) as scope:
        access.let_look_again(scope, study.id)
    for person in (cast.stranger, cast.luke_manager):
        assert not sees(scopes, person.actor, study.id)


def test_the_owner_lets_them_look_again_and_nobody_else_does(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    study = routed(scopes, cast)
    with pytest.raises(Conflict, match="signed"), scopes.open(cast.mercy_manager.actor) as scope:
        access.let_look_again(scope, study.id)
    report_of(browse, cast, study)
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.one(select(Study).where(Study.id == study.id)).reading_ends_at = scope.now - timedelta(hours=1)
    reader = browse(cast.reader)
    assert reader.get(f"/reading/{study.id}").status_code == 404
    assert alike(reader.get(f"/reading/{study.id}"), study.id) == alike(reader.get(f"/reading/{(other := uuid4())}"), other)
    page = browse(cast.mercy_manager).get(f"/studies/{study.id}/access")
    assert "saw it until" in page.text
    again = f"/studies/{study.id}/access/readers"
    for person, status in ((cast.reader, 403), (cast.owner, 403), (cast.luke_manager, 404), (cast.mercy_manager, 302)):
        assert browse(person).post(again).status_code == status, person.actor.name
    assert reader.get(f"/reading/{study.id}").status_code == 200
    assert "Let them look again" in browse(cast.mercy_manager).get(f"/studies/{study.id}/access").text


def test_a_signed_report_is_readable_after_the_end(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    study = routed(scopes, cast)
    report_id = report_of(browse, cast, study)
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.one(select(Study).where(Study.id == study.id)).reading_ends_at = scope.now - timedelta(hours=1)
    assert "SECRETFINDING" in browse(cast.reader).get(f"/reports/{report_id}").text
    assert browse(cast.reader).get(f"/reports/{report_id}/report.pdf").status_code == 200
    assert browse(cast.stranger).get(f"/reports/{report_id}").status_code == 404
    assert str(study.id) not in browse(cast.lead).get("/hospital").text


@pytest.mark.parametrize("priors", list(Priors))
def test_priors_come_along_as_the_contract_says(cast: Cast, scopes: Scopes, browse: Browse, priors: Priors) -> None:
    agree(scopes, cast, priors)
    read_before = routed(scopes, cast, study_date="20240101")
    report_of(browse, cast, read_before)
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.one(select(Study).where(Study.id == read_before.id)).reading_ends_at = scope.now - timedelta(days=1)
    never_routed = make_study(scopes, cast.mercy, study_date="20230101", modalities_in_study=["US"])
    another = make_study(scopes, cast.mercy, patient_id="P2")
    study = routed(scopes, cast)
    lent = {Priors.NONE: set(), Priors.READ: {read_before.id}, Priors.ALL: {read_before.id, never_routed.id}}[priors]
    with scopes.open(cast.reader.actor) as scope:
        assert {each.id for each in queries.priors(scope, queries.get(scope, study.id))} == lent
        assert set(contexts.open_context(scope, study.id).study_ids) == {study.id} | lent
        assert reports.signed_of(scope, [read_before.id]).keys() == {read_before.id}  # their own
    # A loan is no work: no list of the group shows it, and nobody takes it or carries it out of the house.
    assert str(never_routed.id) not in browse(cast.reader).get("/worklist").text
    assert str(never_routed.id) not in browse(cast.lead).get("/hospital").text
    for path in (f"/worklist/{never_routed.id}/claim", f"/api/studies/{never_routed.id}/claim"):
        assert browse(cast.reader).post(path).status_code in {403, 404, 405}
    assert browse(cast.reader).get(f"/studies/{never_routed.id}/archive.zip").status_code in {403, 404}
    for person in (cast.reader, cast.lead):
        assert not sees(scopes, person.actor, another.id)
    assert not sees(scopes, cast.stranger.actor, read_before.id)
    # It ends when that for whose sake it was lent ends.
    if priors is Priors.ALL:
        with scopes.open(cast.reader.actor) as scope:
            access.end_reading(scope, study.id)
        assert sees(later(scopes, hours=71), cast.reader.actor, never_routed.id)
        assert not sees(later(scopes, hours=73), cast.reader.actor, never_routed.id)


def test_a_prior_that_comes_later_is_lent_too_and_its_report_with_it(cast: Cast, scopes: Scopes) -> None:
    agree(scopes, cast, Priors.ALL)
    study = routed(scopes, cast)
    late = make_study(scopes, cast.mercy, study_date="20200101", status="final")
    with scopes.open(cast.own_radiologist.actor) as scope:
        report = Report(
            organisation_id=cast.mercy, id=uuid4(), study_id=late.id, status="final", author_id=cast.own_radiologist.user_id,
            author_organisation_id=cast.mercy, author_name="Rosa", sections={}, revision=1, created_at=scope.now,
            updated_at=scope.now,
        )  # fmt: skip
        scope.session.add(report)
    with scopes.open(system_actor(cast.mercy)) as scope:
        access.lend_priors(scope, late.id)
        access.lend_priors(scope, late.id)  # once more changes nothing
    with scopes.open(system_actor(cast.mercy)) as scope:
        rows = select(JournalRow.body).where(JournalRow.kind == "studies.priors.lent", JournalRow.organisation_id == cast.mercy)
        lent = [json.loads(body)["facts"] for body in scope.session.scalars(rows)]
    assert [each["priors"] for each in lent] == [1]
    with scopes.open(cast.reader.actor) as scope:
        assert [each.id for each in queries.priors(scope, queries.get(scope, study.id))] == [late.id]
        assert reports.signed_of(scope, [late.id]).keys() == {late.id}
    with scopes.open(cast.stranger.actor) as scope:
        assert reports.signed_of(scope, [late.id]) == {}


def test_a_reading_group_cannot_lend_itself_anything_or_move_an_end(cast: Cast, scopes: Scopes) -> None:
    agree(scopes, cast, Priors.ALL)
    other = make_study(scopes, cast.mercy, patient_id="P7")
    study = routed(scopes, cast)
    with pytest.raises(ProgrammingError, match="row-level security"), scopes.open(cast.reader.actor) as scope:
        scope.session.add(
            PriorLoan(
                organisation_id=cast.mercy, study_id=other.id, for_study_id=study.id, made_at=scope.now,
                reading_organisation_id=cast.nightowls,
            )
        )  # fmt: skip
        scope.session.flush()
    with pytest.raises(ProgrammingError, match="permission denied"), scopes.open(cast.reader.actor) as scope:
        scope.session.execute(update(PriorLoan).values(ends_at=None))


def test_what_was_lent_for_a_study_that_is_deleted_is_lent_no_more(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    """Sent under the wrong patient's number and deleted: the group must not keep that patient's older studies for ever."""
    agree(scopes, cast, Priors.ALL)
    older = make_study(scopes, cast.mercy, study_date="20230101", patient_name="CANARY^OLDER")
    wrong = routed(scopes, cast)
    reader = browse(cast.reader)
    assert reader.get(f"/reading/{older.id}").status_code == 200
    with scopes.open(cast.owner.actor) as scope:
        deletion.hide(scope, queries.get(scope, wrong.id))
    for person in (cast.reader, cast.lead):
        assert not sees(scopes, person.actor, older.id)
        assert not sees(later(scopes, days=30), person.actor, older.id)
    assert alike(reader.get(f"/reading/{older.id}"), older.id) == alike(reader.get(f"/reading/{(none := uuid4())}"), none)
    assert reader.get(f"/reading/{older.id}").status_code == 404
    with scopes.open(system_actor(cast.mercy)) as scope:  # another that comes meanwhile is not lent for its sake either
        late = make_study(scopes, cast.mercy, study_date="20220101")
        access.lend_priors(scope, late.id)
    assert not sees(scopes, cast.reader.actor, late.id)
    with scopes.open(cast.owner.actor) as scope, deletion.seeing_deleted(scope):
        deletion.show_again(scope, queries.get(scope, wrong.id))
    assert sees(scopes, cast.reader.actor, older.id)
    assert not sees(scopes, cast.stranger.actor, older.id)


def test_who_deletes_a_study_and_who_lends_for_it_do_not_wait_for_each_other(cast: Cast, scopes: Scopes) -> None:
    agree(scopes, cast, Priors.ALL)
    study = routed(scopes, cast)
    older = make_study(scopes, cast.mercy, study_date="20230101")

    def lend() -> None:
        with scopes.open(system_actor(cast.mercy)) as scope:
            access.lend_priors(scope, older.id)

    with ThreadPoolExecutor(1) as pool:
        with scopes.open(cast.owner.actor) as scope:
            held = queries.get_locked(scope, study.id)
            lending = pool.submit(lend)
            time.sleep(0.3)  # it waits for the row
            deletion.hide(scope, held)
        lending.result(timeout=10)
    assert not sees(scopes, cast.reader.actor, older.id)


@pytest.mark.parametrize("first", ["loan", "signature"])
def test_a_loan_made_while_its_study_is_signed_ends_with_it(cast: Cast, scopes: Scopes, first: str) -> None:
    """An older study comes in the moment of the signature: whichever is first, the loan has an end."""
    agree(scopes, cast, Priors.ALL)
    study = routed(scopes, cast)
    older = make_study(scopes, cast.mercy, study_date="20230101")
    acts = {
        "loan": (system_actor(cast.mercy), access.lend_priors, older.id),
        "signature": (cast.reader.actor, access.end_reading, study.id),
    }
    second = next(each for each in acts if each != first)

    def act(which: str, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        actor, what, study_id = acts[which]
        with scopes.open(actor) as scope:
            what(scope, study_id)
            meanwhile()

    def begin_the_other() -> None:
        begun.append(pool.submit(act, second))
        time.sleep(0.3)  # it is under way, or waits, before this is committed

    begun: list[Future[None]] = []
    with ThreadPoolExecutor(1) as pool:
        act(first, meanwhile=begin_the_other)
        begun[0].result(timeout=10)
    assert sees(later(scopes, hours=71), cast.reader.actor, older.id)
    assert not sees(later(scopes, hours=73), cast.reader.actor, older.id)
    assert not sees(scopes, cast.stranger.actor, older.id)


def test_a_viewer_sees_what_is_shared_with_them_and_nothing_else(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    """Role matrix: signed reports and images of what was shared with them (referrer)."""
    shared = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="Shared^One")
    other = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="Other^One")
    report = report_of(browse, cast, shared)
    viewer, manager = browse(cast.colleague), browse(cast.mercy_manager)
    assert "Shared" not in viewer.get("/hospital").text
    assert viewer.get(f"/reports/{report}").status_code == 404
    people = f"/studies/{shared.id}/access/people"
    assert manager.post(people, data={"user_id": str(cast.owner.user_id)}).status_code == 404  # no viewer
    assert manager.post(people, data={"user_id": str(cast.luke_viewer.user_id)}).status_code == 404
    for _again in range(2):  # the second time nothing is shared that was not, and nothing said of it
        assert manager.post(people, data={"user_id": str(cast.colleague.user_id)}).status_code == 302
    with scopes.open(cast.owner.actor) as scope:
        rows = select(JournalRow.kind).where(JournalRow.study_id == shared.id, JournalRow.kind == "sharing.study.shared")
        assert len(scope.session.scalars(rows).all()) == 1
    listed = viewer.get("/hospital").text
    assert "Shared" in listed
    assert "Other" not in listed
    assert viewer.get(f"/reading/{shared.id}").status_code == 200
    assert viewer.get(f"/reports/{report}").status_code == 200
    assert viewer.get(f"/reading/{other.id}").status_code == 404
    assert alike(viewer.get(f"/reading/{other.id}"), other.id) == alike(viewer.get(f"/reading/{(none := uuid4())}"), none)
    found = viewer.get("/dicom-web/own/studies").get_json()
    assert [each["0020000D"]["Value"][0] for each in found] == [shared.uid]
    with scopes.open(cast.colleague.actor) as scope:
        assert {each.study_id for each in scope.session.scalars(select(Report))} == {shared.id}
        assert len(scope.session.scalars(select(ReportVersion)).all()) == 1
    assert manager.post(f"{people}/{cast.colleague.user_id}/end").status_code == 302
    assert viewer.get(f"/reading/{shared.id}").status_code == 404
    assert manager.post(f"{people}/{cast.colleague.user_id}/end").status_code == 404
    for stranger in (cast.luke_manager, cast.strange_manager):
        assert browse(stranger).post(people, data={"user_id": str(cast.colleague.user_id)}).status_code in {403, 404}


def test_what_outlives_a_request_ends_with_the_sight(cast: Cast, scopes: Scopes) -> None:
    study = routed(scopes, cast)
    longest = timedelta(seconds=120)
    with scopes.open(cast.reader.actor) as scope:
        row = queries.get(scope, study.id)
        assert access.in_sight(scope, [row], at_most=longest) == longest
        row.reading_ends_at = scope.now + timedelta(seconds=40)
        assert access.in_sight(scope, [row], at_most=longest) == timedelta(seconds=40)
    with scopes.open(cast.owner.actor) as scope:
        assert access.in_sight(scope, [queries.get(scope, study.id)], at_most=longest) == longest
    # What was read long ago and is lent again, and what is lent alone, are seen as long as they are lent.
    agree(scopes, cast, Priors.ALL)
    read, never = (make_study(scopes, cast.mercy, patient_id="P9", reading=reader) for reader in (cast.nightowls, None))
    with scopes.open(system_actor(cast.mercy)) as scope:
        queries.get(scope, read.id).reading_ends_at = scope.now - timedelta(days=9)
    now = routed(scopes, cast, patient_id="P9")
    for ends, told in ((None, longest), (timedelta(seconds=30), timedelta(seconds=30))):
        with scopes.open(system_actor(cast.mercy)) as scope:
            queries.get(scope, now.id).reading_ends_at = scope.now + ends if ends else None
        with scopes.open(cast.reader.actor) as scope:
            for each in (read, never):
                found = access.in_sight(scope, [queries.get(scope, each.id)], at_most=longest)
                assert told - timedelta(seconds=5) < found <= told, each
    glass = Glass(uuid4(), utc_now() + timedelta(seconds=30))
    with scopes.open(replace(cast.mercy_admin.actor, glass=glass)) as scope:
        assert timedelta(0) < access.in_sight(scope, [], at_most=longest) <= timedelta(seconds=30)
