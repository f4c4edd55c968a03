"""Alerts: raised within a minute of a scripted attack, told once, settled with a note, never another organisation's."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from sidecar.accounts.events import SignedIn, SignInFailed
from sidecar.adapters.seals import Seal
from sidecar.alerts import jobs, service
from sidecar.alerts.model import Kind
from sidecar.alerts.tables import Alert
from sidecar.archive.events import StudyDownloaded
from sidecar.gate.actor import NOBODY, OrganisationKind, Role, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.journal import JournalRow
from sidecar.mail.tables import Mail
from sidecar.notifications.tables import Notification
from sidecar.worker import JOBS
from tests.browser import Browser, alike
from tests.cast import Cast, Person, make_person
from tests.service.test_wall import add_study

Browse = Callable[[Person | None], Browser]
Watch = Callable[[UUID], None]


@pytest.fixture
def watch(scopes: Scopes, seal: Seal) -> Watch:
    """One round of the worker's job, for one organisation."""
    return lambda organisation_id: jobs.watch_one(scopes, seal, organisation_id)


@pytest.fixture
def moved(scopes: Scopes) -> Iterator[Callable[[timedelta], None]]:
    """Let time pass for the job."""

    def by(span: timedelta) -> None:
        scopes.clock = lambda: utc_now() + span

    yield by
    scopes.clock = utc_now


def raised(scopes: Scopes, organisation_id: UUID, *, due: bool = False) -> list[tuple[str, str]]:
    with scopes.open(system_actor(organisation_id)) as scope:
        found = scope.session.execute(select(Alert.kind, Alert.subject).order_by(Alert.raised_at)).all()
    return [(kind, subject) for kind, subject in found if due or kind != Kind.REVIEW_DUE]


def counted(scopes: Scopes, organisation_id: UUID, what: type[Mail] | type[Notification]) -> int:
    with scopes.open(system_actor(organisation_id)) as scope:
        return scope.session.scalar(select(func.count()).select_from(what)) or 0


def fail(scopes: Scopes, person: Person, times: int, *, address: str = "203.0.113.9") -> None:
    for _ in range(times):
        with scopes.open(NOBODY, login=scopes.lookup.of(person.email), address=address) as scope:
            scope.emit_refusal(SignInFailed(organisation_id=person.organisation_id, user_id=person.user_id, factor="password"))


def sign_in(scopes: Scopes, person: Person, address: str) -> None:
    with scopes.open(NOBODY, login=scopes.lookup.of(person.email), address=address) as scope:
        scope.emit(SignedIn(organisation_id=person.organisation_id, user_id=person.user_id))


def download(scopes: Scopes, cast: Cast, count: int) -> None:
    for _ in range(count):
        study = add_study(scopes, cast.mercy)
        with scopes.open(cast.owner.actor, address="10.1.2.3") as scope:
            job = uuid4()
            scope.emit(StudyDownloaded(organisation_id=cast.mercy, study_id=study, job_id=job, series_id=None, form="zip"))


def test_c09_a_scripted_attack_raises_its_alerts_within_a_minute(
    app: Flask, cast: Cast, scopes: Scopes, browse: Browse, watch: Watch
) -> None:
    """Passwords guessed, ids guessed, an archive carried off, the glass broken. The job runs every few seconds."""
    began = utc_now()
    fail(scopes, cast.colleague, 9)
    prober = browse(cast.own_radiologist)
    assert {prober.get(f"/reading/{uuid4()}").status_code for _ in range(13)} == {404}
    download(scopes, cast, 21)
    with scopes.open(cast.mercy_admin.actor) as scope:
        service.raise_alert(scope, organisation_id=cast.mercy, kind="break-glass", facts={"user_id": cast.mercy_admin.user_id})
    assert (Kind.BREAK_GLASS, str(cast.mercy_admin.user_id)) in raised(scopes, cast.mercy), "at once, without the worker"
    watch(cast.mercy)
    assert set(raised(scopes, cast.mercy)) == {
        (Kind.BREAK_GLASS, str(cast.mercy_admin.user_id)),
        (Kind.FAILED_SIGN_INS, str(cast.colleague.user_id)),
        (Kind.PROBING, str(cast.own_radiologist.user_id)),
        (Kind.MASS_DOWNLOAD, str(cast.owner.user_id)),
    }
    every = dict(JOBS)["sidecar.alerts.jobs:watch"]
    assert (utc_now() - began).total_seconds() + every < 60
    for other in (cast.luke, cast.nightowls, cast.strangers):
        watch(other)
        assert raised(scopes, other) == []


def test_a_storm_is_one_alert_one_mail_and_few_lines(
    cast: Cast, scopes: Scopes, watch: Watch, moved: Callable[[timedelta], None]
) -> None:
    watch(cast.mercy)
    mails, lines = (counted(scopes, cast.mercy, each) for each in (Mail, Notification))
    moved(timedelta(minutes=11))
    for _ in range(4):
        fail(scopes, cast.colleague, 10)
        watch(cast.mercy)
    assert raised(scopes, cast.mercy) == [
        (Kind.FAILED_SIGN_INS, str(cast.colleague.user_id)), (Kind.FAILED_SIGN_INS, "203.0.113.9"),
    ]  # fmt: skip
    assert counted(scopes, cast.mercy, Mail) == mails + 1
    assert counted(scopes, cast.mercy, Notification) <= lines + 2
    moved(timedelta(minutes=22))
    watch(cast.mercy)
    assert counted(scopes, cast.mercy, Mail) == mails + 2, "the second alert follows when there was no mail for ten minutes"
    watch(cast.mercy)
    assert counted(scopes, cast.mercy, Mail) == mails + 2


def test_a_new_place_is_told_to_the_person_and_their_administrators_a_first_or_known_one_is_not(
    cast: Cast, scopes: Scopes, watch: Watch
) -> None:
    for address in ("10.1.2.3", "10.1.2.77"):
        sign_in(scopes, cast.reader, address)
        watch(cast.nightowls)
    assert raised(scopes, cast.nightowls) == []
    sign_in(scopes, cast.reader, "198.51.100.7")
    watch(cast.nightowls)
    sign_in(scopes, cast.reader, "198.51.100.8")
    watch(cast.nightowls)
    assert raised(scopes, cast.nightowls) == [(Kind.NEW_PLACE, f"{cast.reader.user_id} 198.51.100.0/24")]
    with scopes.open(cast.reader.actor) as scope:
        told = scope.session.scalars(select(Notification.kind).where(Notification.user_id == cast.reader.user_id)).all()
    assert told == ["new-place"]


def test_an_administrator_settles_it_with_a_note_and_only_what_comes_later_counts(
    cast: Cast, scopes: Scopes, browse: Browse, watch: Watch
) -> None:
    fail(scopes, cast.colleague, 9)
    watch(cast.mercy)
    admin = browse(cast.mercy_admin)
    page = admin.get("/admin/alerts").text
    assert "9 failed sign-ins as Vic Colleague from 203.0.113.9." in page
    with scopes.open(system_actor(cast.mercy)) as scope:
        alert = scope.session.scalars(select(Alert.id).where(Alert.kind == Kind.FAILED_SIGN_INS)).one()
    assert admin.post(f"/admin/alerts/{alert}/acknowledge", data={"note": " "}).status_code == 400
    assert admin.post(f"/admin/alerts/{alert}/acknowledge", data={"note": "Forgot it on holiday <b>"}).status_code == 302
    page = admin.get("/admin/alerts").text
    assert "Forgot it on holiday &lt;b&gt;" in page
    watch(cast.mercy)
    assert len(raised(scopes, cast.mercy)) == 1
    fail(scopes, cast.colleague, 8)
    watch(cast.mercy)
    assert raised(scopes, cast.mercy)[1] == (Kind.FAILED_SIGN_INS, str(cast.colleague.user_id))
    assert admin.post(f"/admin/alerts/{alert}/acknowledge", data={"note": "again"}).status_code == 404
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = scope.session.scalars(
            select(JournalRow).where(JournalRow.kind.startswith("alerts.alert")).order_by(JournalRow.sequence)
        ).all()
    assert [(row.kind, row.actor_id) for row in rows if "review-due" not in row.body] == [
        ("alerts.alert.raised", None), ("alerts.alert.acknowledged", cast.mercy_admin.user_id), ("alerts.alert.raised", None),
        ("alerts.alert.raised", None),
    ]  # fmt: skip


def test_nobody_else_sees_or_settles_an_alert(cast: Cast, scopes: Scopes, browse: Browse, watch: Watch) -> None:
    fail(scopes, cast.colleague, 9)
    watch(cast.mercy)
    with scopes.open(system_actor(cast.mercy)) as scope:
        alert = scope.session.scalars(select(Alert.id).where(Alert.kind == Kind.FAILED_SIGN_INS)).one()
    for person in (cast.owner, cast.colleague, cast.reader, cast.mercy_manager, cast.stranger):
        assert browse(person).get("/admin/alerts").status_code == 403
    for other in (cast.strange_admin, cast.luke_admin, cast.nightowls_admin, cast.platform_admin):
        asking = browse(other)
        assert "Vic Colleague" not in asking.get("/admin/alerts").text
        foreign, unknown = (
            alike(asking.post(f"/admin/alerts/{each}/acknowledge", data={"note": "x"}), each) for each in (alert, uuid4())
        )
        assert foreign == unknown
        assert foreign.startswith("404")


def test_a_quarter_without_review_is_due_once(
    cast: Cast, scopes: Scopes, watch: Watch, moved: Callable[[timedelta], None]
) -> None:
    watch(cast.luke)
    assert raised(scopes, cast.luke, due=True) == [], "it was not here last quarter"
    moved(timedelta(days=95))
    for _ in range(3):
        watch(cast.luke)
    assert [kind for kind, _ in raised(scopes, cast.luke, due=True)] == [Kind.REVIEW_DUE]
    assert isinstance(utc_now(), datetime)


def test_nobody_settles_an_alert_about_themselves_while_somebody_else_can(
    cast: Cast, scopes: Scopes, seal: Seal, browse: Browse
) -> None:
    """What is settled is told to nobody again: whoever set it off would be the first to look, and the last."""

    def raised() -> str:
        with scopes.open(cast.mercy_admin.actor) as scope:
            facts = {"user_id": cast.mercy_admin.user_id, "studies": 70}
            service.raise_alert(scope, organisation_id=cast.mercy, kind="mass-download", facts=facts)
            return str(scope.session.scalars(select(Alert.id).where(Alert.acknowledged_at.is_(None))).one())

    note, alone = {"note": "It was me, all is well."}, raised()
    assert browse(cast.mercy_admin).post(f"/admin/alerts/{alone}/acknowledge", data=note).status_code == 302
    other = make_person(scopes, seal, cast.mercy, OrganisationKind.PROVIDER, Role.ADMIN, "Ann Other")
    alert = raised()
    refused = browse(cast.mercy_admin).post(f"/admin/alerts/{alert}/acknowledge", data=note)
    assert (refused.status_code, "another administrator" in refused.text) == (403, True)
    assert browse(other).post(f"/admin/alerts/{alert}/acknowledge", data=note).status_code == 302
