"""Broken glass: one patient of one's own organisation, an hour at most, told at once, reviewed by somebody else."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from sidecar.adapters.seals import Seal
from sidecar.alerts.jobs import watch_one
from sidecar.alerts.tables import Alert
from sidecar.audit.vocabulary import code_of
from sidecar.gate.actor import Actor, Role, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Conflict, Denied, Missing
from sidecar.kernel.journal import JournalRow
from sidecar.mail.tables import Mail
from sidecar.notifications.tables import Notification
from sidecar.sharing import glass, jobs
from sidecar.sharing.model import Verdict
from sidecar.sharing.tables import BrokenGlass
from sidecar.studies import queries
from tests.browser import Browser, alike
from tests.cast import PROVIDER, Cast, Person, make_person
from tests.factories.studies import Made, make_study
from tests.service.test_matrix import report_of

Browse = Callable[[Person | None], Browser]
REASON = "Unconscious in the emergency room, trauma call"


def later(scopes: Scopes, **ahead: float) -> Scopes:
    return replace(scopes, clock=lambda: utc_now() + timedelta(**ahead))


def broken_by(scopes: Scopes, person: Person, patient: str, *, minutes: int = 60) -> tuple[BrokenGlass, Actor]:
    with scopes.open(person.actor) as scope:
        broken = glass.break_for_patient(scope, written=patient, reason=REASON, minutes=minutes)
    return broken, replace(person.actor, glass=glass.as_key(broken))


def sees(scopes: Scopes, actor: Actor, study_id: UUID) -> bool:
    with scopes.open(actor) as scope:
        return queries.find(scope, study_id) is not None


@pytest.fixture
def study(cast: Cast, scopes: Scopes) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls, patient_id="EMERGENCY1", patient_name="Glass^Gina")


def test_b11_glass_needs_a_reason_and_lasts_an_hour_in_the_walls_themselves(
    cast: Cast, scopes: Scopes, browse: Browse, study: Made
) -> None:
    viewer = browse(cast.colleague)
    assert viewer.get(f"/reading/{study.id}").status_code == 404
    form = {"patient": "EMERGENCY1", "reason": REASON, "minutes": "60"}
    for wrong in ({"reason": ""}, {"reason": "   quick   "}, {"minutes": "61"}, {"minutes": "0"}, {"minutes": ""}):
        assert viewer.post("/glass", data=form | wrong).status_code == 400, wrong
    assert viewer.post("/glass", data=form).status_code == 302
    listed = viewer.get("/hospital").text
    assert "Glass" in listed
    assert "The glass is broken" in listed
    assert viewer.get(f"/reading/{study.id}").status_code == 200
    # Until 60:00 and not a second longer, whatever session or page believe: the walls look at the row.
    _, actor = broken_by(scopes, cast.colleague, "EMERGENCY1")
    assert sees(later(scopes, minutes=59), actor, study.id)
    assert not sees(later(scopes, minutes=60, seconds=1), actor, study.id)
    with scopes.open(cast.colleague.actor) as scope:
        scope.session.execute(update(BrokenGlass).values(closed_at=scope.now))
    assert viewer.get(f"/reading/{study.id}").status_code == 404


def test_b11_after_its_hour_the_door_is_shut_again(cast: Cast, scopes: Scopes, browse: Browse, study: Made) -> None:
    """After 60:01 minutes 403: an administrator, whose role opens no images. A session that believes otherwise finds nothing."""
    admin = browse(cast.mercy_admin)
    assert admin.get(f"/reading/{study.id}").status_code == 403
    assert admin.post("/glass", data={"patient": "EMERGENCY1", "reason": REASON, "minutes": "60"}).status_code == 302
    assert admin.get(f"/reading/{study.id}").status_code == 200
    over, _ = broken_by(later(scopes, minutes=-60, seconds=-1), cast.mercy_admin, "EMERGENCY1")
    for until, status in ((over.ends_at, 403), (utc_now() + timedelta(minutes=60), 404)):
        with admin.client.session_transaction() as session:
            session["glass"] = [str(over.id), until.isoformat()]
        assert admin.get(f"/reading/{study.id}").status_code == status


def test_b11_it_opens_one_patient_of_the_own_organisation_only(cast: Cast, scopes: Scopes, browse: Browse, study: Made) -> None:
    older = make_study(scopes, cast.mercy, patient_id="EMERGENCY1", accession_number="ACC77", study_date="20200101")
    other = make_study(scopes, cast.mercy, patient_id="SOMEBODYELSE")
    foreign = make_study(scopes, cast.luke, patient_id="LUKES1")
    report = report_of(browse, cast, study)
    for named in ("EMERGENCY1", "ACC77", str(older.id)):
        _, actor = broken_by(scopes, cast.colleague, named)
        assert sees(scopes, actor, study.id)
        assert sees(scopes, actor, older.id)
        assert not sees(scopes, actor, other.id)
        assert not sees(scopes, actor, foreign.id)
    _, admin = broken_by(scopes, cast.mercy_admin, "EMERGENCY1")
    assert not sees(scopes, admin, other.id)
    viewer = browse(cast.colleague)
    form = {"reason": REASON, "minutes": "10"}
    answers = []
    for patient in (str(foreign.id), "LUKES1", str(uuid4()), "NOBODY", "", "%", "' OR 1=1"):
        answer = viewer.post("/glass", data=form | {"patient": patient})
        assert answer.status_code == 404, patient
        answers.append(re.sub(r'value="[^"]*"', "", alike(answer, patient or "@@@")))
    assert len(set(answers)) == 1  # another tenant's study is told from an unknown id by nothing
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "sharing.glass.missed")).all()
    assert [(row.actor_id, row.outcome) for row in rows] == [(cast.colleague.user_id, 4)] * len(answers)
    assert not any("LUKES1" in row.body or str(foreign.id) in row.body for row in rows)
    assert viewer.post("/glass", data=form | {"patient": "EMERGENCY1", "organisation_id": str(cast.luke)}).status_code == 404
    assert viewer.post("/glass", data=form | {"patient": "ACC77"}).status_code == 302
    assert viewer.get(f"/reports/{report}").status_code == 200
    for person in (cast.owner, cast.reader, cast.lead, cast.nightowls_admin, cast.stranger):
        assert browse(person).post("/glass", data=form | {"patient": "EMERGENCY1"}).status_code == 403
    # Somebody else's glass is no key of one's own.
    stolen = replace(cast.luke_viewer.actor, glass=actor.glass)
    assert not sees(scopes, stolen, study.id)
    assert not sees(scopes, replace(cast.mercy_admin.actor, glass=actor.glass), study.id)


def test_b11_everybody_who_must_know_is_told_at_once_and_the_journal_is_marked(
    cast: Cast, scopes: Scopes, browse: Browse, study: Made
) -> None:
    viewer = browse(cast.colleague)
    viewer.post("/glass", data={"patient": "EMERGENCY1", "reason": REASON, "minutes": "10"})
    viewer.get(f"/reading/{study.id}")
    with scopes.open(cast.mercy_admin.actor) as scope:
        told = scope.session.scalars(select(Notification).where(Notification.kind == "sharing.glass.broken")).all()
        rows = scope.session.scalars(select(JournalRow).where(JournalRow.actor_id == cast.colleague.user_id)).all()
        broken = scope.session.scalars(select(BrokenGlass)).one()
    assert [each.user_id for each in told] == [cast.mercy_admin.user_id]
    assert "EMERGENCY1" not in told[0].text
    kinds = {row.kind: row for row in rows}
    assert "sharing.glass.broken" in kinds
    assert str(broken.id) in kinds["studies.study.opened"].body
    assert f'"glass":"{broken.id}"' in kinds["studies.study.opened"].body
    assert REASON not in kinds["sharing.glass.broken"].body
    code = code_of("sharing.glass.broken")
    assert (code.event.code, code.type and code.type.code) == ("110113", "110127"), "PS3.15: Security Alert, Emergency Override"


def test_b11_it_is_reviewed_within_72_hours_by_somebody_else(cast: Cast, scopes: Scopes, browse: Browse, seal: Seal) -> None:
    make_study(scopes, cast.mercy, patient_id="EMERGENCY1")
    second = make_person(scopes, seal, cast.mercy, PROVIDER, Role.ADMIN, "Abe Second")
    own, actor = broken_by(scopes, cast.mercy_admin, "EMERGENCY1", minutes=5)
    assert own.review_due_at - own.opened_at == timedelta(hours=72)
    page = f"/admin/glass/{own.id}/review"
    assert browse(second).post(page, data={"verdict": "justified"}).status_code == 409  # still open
    with scopes.open(actor) as scope:
        glass.close(scope, own.id)
    assert "Review due" in browse(second).get("/admin/glass").text
    with pytest.raises(Denied, match="another administrator"), scopes.open(cast.mercy_admin.actor) as scope:
        glass.review(scope, own.id, verdict=Verdict.JUSTIFIED, remark="")
    for person, status in ((cast.owner, 403), (cast.mercy_manager, 403), (cast.luke_admin, 404), (cast.strange_admin, 403)):
        assert browse(person).post(page, data={"verdict": "justified"}).status_code == status, person.actor.name
    assert browse(second).post(page, data={"verdict": "maybe"}).status_code == 400
    assert browse(second).post(page, data={"verdict": "not-justified", "remark": "Curiosity"}).status_code == 302
    assert browse(second).post(page, data={"verdict": "justified"}).status_code == 409
    with scopes.open(second.actor) as scope:
        row = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "sharing.glass.reviewed")).one()
        assert '"in_time":true' in row.body
        assert glass.all_of(scope)[0].verdict == "not-justified"
        alert = scope.session.scalars(select(Alert).where(Alert.subject == str(own.id))).one()
        assert (alert.acknowledged_by, alert.note) == (second.user_id, "Reviewed: not justified.")
    late, _ = broken_by(scopes, cast.colleague, "EMERGENCY1", minutes=5)
    with later(scopes, hours=73).open(second.actor) as scope:
        glass.review(scope, late.id, verdict=Verdict.JUSTIFIED, remark="")
        row = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "sharing.glass.reviewed")).all()
    assert late.review_due_at < utc_now() + timedelta(hours=73)


def told(scopes: Scopes, person: Person, mercy: UUID) -> tuple[int, int]:
    """How often somebody was notified of an alert about a review, and how many mails about alerts wait."""
    with scopes.open(person.actor) as scope:
        heard = select(Notification.text).where(
            Notification.kind == "alert", Notification.text.contains("nobody has reviewed it")
        )
        notified = len(scope.session.scalars(heard).all())
    with scopes.open(system_actor(mercy)) as scope:
        return notified, scope.session.scalar(select(func.count()).select_from(Mail)) or 0


def test_b11_who_does_not_review_in_72_hours_is_reminded_then_and_every_day(
    cast: Cast, scopes: Scopes, seal: Seal, browse: Browse, study: Made
) -> None:
    broken, _ = broken_by(scopes, cast.colleague, "EMERGENCY1")

    def round_at(hours: float, minutes: float = 0) -> int:
        at = later(scopes, hours=hours, minutes=minutes)
        with at.open(system_actor(cast.mercy)) as scope:
            found = jobs.remind(scope)
        watch_one(at, seal, cast.mercy)
        return found

    assert round_at(71, 59) == 0
    _, mails = told(scopes, cast.mercy_admin, cast.mercy)
    assert (round_at(72, 1), round_at(72, 6), round_at(96)) == (1, 0, 0)
    assert told(scopes, cast.mercy_admin, cast.mercy) == (1, mails + 1)
    assert (round_at(96, 2), round_at(120, 3)) == (1, 1)
    assert told(scopes, cast.mercy_admin, cast.mercy) == (3, mails + 3), "the alert that is open is told again, not raised again"
    assert told(scopes, cast.luke_admin, cast.luke)[0] == told(scopes, cast.strange_admin, cast.strangers)[0] == 0
    with scopes.open(cast.mercy_admin.actor) as scope:
        (alert,) = scope.session.scalars(select(Alert).where(Alert.kind == "glass-unreviewed")).all()
        assert (alert.subject, alert.facts["days"]) == (str(broken.id), 5)
        rows = scope.session.scalars(select(JournalRow.kind).where(JournalRow.kind == "sharing.glass.overdue")).all()
        assert len(rows) == 3
    page = browse(cast.mercy_admin).get("/admin/alerts").text
    assert "Vic Colleague broke the glass 5 days ago, and nobody has reviewed it." in page
    assert 'href="/admin/glass"' in page
    for other in (cast.luke_admin, cast.strange_admin, cast.nightowls_admin):
        assert "Vic Colleague" not in browse(other).get("/admin/alerts").text
    over = later(scopes, hours=120, minutes=4)
    with over.open(cast.mercy_admin.actor) as scope:
        glass.review(scope, broken.id, verdict=Verdict.JUSTIFIED, remark="")
    assert round_at(200) == 0, "reviewed is reviewed"


def test_b11_an_overdue_review_is_shown_as_overdue(cast: Cast, scopes: Scopes, browse: Browse, study: Made) -> None:
    late, _ = broken_by(later(scopes, hours=-73), cast.colleague, "EMERGENCY1")
    broken_by(scopes, cast.colleague, "EMERGENCY1")
    page = browse(cast.mercy_admin).get("/admin/glass").text
    assert page.count("Review overdue") == 1
    assert page.count("Review due:") == 1
    assert "1 review overdue" in page
    assert page.index("Review overdue") < page.index("Review due:"), "the overdue one on top"
    for other in (cast.luke_admin, cast.strange_admin):
        assert "overdue" not in browse(other).get("/admin/glass").text
    browse(cast.mercy_admin).post(f"/admin/glass/{late.id}/review", data={"verdict": "justified", "remark": ""})
    assert "overdue" not in browse(cast.mercy_admin).get("/admin/glass").text


def test_b11_the_platforms_own_glass_is_reminded_of_as_well(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    before = later(scopes, hours=-73)
    with before.open(cast.platform_admin.actor) as scope:
        glass.break_for_hospital(scope, cast.mercy, reason=REASON, minutes=10)
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert jobs.remind(scope) == 1
    watch_one(scopes, seal, cast.mercy)
    with scopes.open(cast.mercy_admin.actor) as scope:
        heard = scope.session.scalars(select(Notification.text).where(Notification.kind == "alert")).all()
    assert any(each.startswith("The platform's administrator broke the glass 3 days ago") for each in heard)


def test_the_platform_opens_a_named_hospital_and_its_administrators_hear_of_it(
    cast: Cast, scopes: Scopes, browse: Browse, study: Made
) -> None:
    report = report_of(browse, cast, study)
    platform = browse(cast.platform_admin)
    assert platform.get("/hospital").status_code == 403
    assert not sees(scopes, cast.platform_admin.actor, study.id)
    form = {"reason": "The hospital asks us to find a lost study", "minutes": "30"}
    assert platform.post("/glass", data=form | {"organisation_id": str(cast.nightowls)}).status_code == 404
    assert platform.post("/glass", data=form | {"organisation_id": str(uuid4())}).status_code == 404
    assert platform.post("/glass", data=form | {"patient": "EMERGENCY1"}).status_code == 404
    assert platform.post("/glass", data=form | {"organisation_id": str(cast.mercy)}).status_code == 302
    lukes = make_study(scopes, cast.luke, patient_name="Luke^Only")
    assert "Glass" in (listed := platform.get("/hospital").text)
    assert "Luke^Only" not in listed
    assert platform.get(f"/reading/{study.id}").status_code == 200
    assert platform.get(f"/reading/{lukes.id}").status_code == 404
    assert platform.get(f"/reports/{report}").status_code == 200
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert scope.session.scalars(select(Notification)).one().href == "/admin/glass"
        opened = select(JournalRow).where(
            JournalRow.kind == "studies.study.opened", JournalRow.actor_id == cast.platform_admin.user_id
        )
        assert '"glass"' in scope.session.scalars(opened).one().body
    assert "of the platform" in browse(cast.mercy_admin).get("/admin/glass").text
    assert platform.post("/glass/close").status_code == 302
    assert platform.get(f"/reading/{study.id}").status_code == 403


def test_the_database_itself_refuses_longer_glass_and_glass_for_others(cast: Cast, scopes: Scopes, study: Made) -> None:
    with scopes.open(cast.colleague.actor) as scope:
        row = {
            "organisation_id": cast.mercy, "id": uuid4(), "user_id": cast.colleague.user_id, "user_organisation_id": cast.mercy,
            "user_name": "x", "role": "viewer", "reason": "x", "study_ids": [study.id], "opened_at": scope.now,
            "ends_at": scope.now + timedelta(minutes=61), "review_due_at": scope.now,
        }  # fmt: skip
    with pytest.raises(IntegrityError, match="an_hour_at_most"), scopes.open(cast.colleague.actor) as scope:
        scope.session.add(BrokenGlass(**row))
    shorter = row | {"ends_at": row["opened_at"] + timedelta(minutes=5)}
    for actor in (cast.mercy_admin.actor, cast.luke_viewer.actor):
        with pytest.raises(DBAPIError, match="row-level security"), scopes.open(actor) as scope:
            scope.session.add(BrokenGlass(**shorter))
    with pytest.raises(DBAPIError, match="permission denied"), scopes.open(cast.colleague.actor) as scope:
        scope.session.execute(text("UPDATE glasses SET ends_at = ends_at + interval '1 hour'"))
    with pytest.raises(Missing), scopes.open(cast.luke_viewer.actor) as scope:
        glass.break_for_hospital(scope, cast.mercy, reason=REASON, minutes=5)


def test_only_its_user_closes_or_uses_it_elsewhere(cast: Cast, scopes: Scopes, browse: Browse, study: Made) -> None:
    own, _ = broken_by(scopes, cast.colleague, "EMERGENCY1")
    with pytest.raises(Missing), scopes.open(cast.mercy_admin.actor) as scope:
        glass.close(scope, own.id)
    assert browse(cast.mercy_admin).post("/glass/resume").status_code == 404
    viewer = browse(cast.colleague)
    assert "does not use it yet" in viewer.get("/glass").text
    assert viewer.get(f"/reading/{study.id}").status_code == 404
    assert viewer.post("/glass/resume").status_code == 302
    assert viewer.get(f"/reading/{study.id}").status_code == 200
    with pytest.raises(Conflict), scopes.open(cast.mercy_admin.actor) as scope:
        glass.review(scope, own.id, verdict=Verdict.JUSTIFIED, remark="")
