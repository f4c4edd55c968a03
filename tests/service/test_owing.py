"""Who owes the worker what: one question, ids and nothing else, for the worker and nobody else."""

import sys
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Any
from typing import cast as typed
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from sidecar.alerts import jobs as alert_jobs
from sidecar.alerts.tables import Alert, AlertWatch, Forwarding
from sidecar.archive.model import DeletionState, JobKind, JobState
from sidecar.archive.tables import Deletion, InstanceDigest, Job
from sidecar.deidentification.model import ExportState
from sidecar.deidentification.tables import Export, Project
from sidecar.gate.actor import Actor, OrganisationKind, system_actor
from sidecar.gate.machine import Owed, everybody, owing
from sidecar.gate.scope import Scope, Scopes
from sidecar.instance import Instance
from sidecar.kernel.settings import Settings
from sidecar.orders import jobs as order_jobs
from sidecar.studies import jobs as study_jobs
from sidecar.studies import metadata
from sidecar.studies.events import StudyCompleted
from sidecar.studies.service import complete_due, register_arrival
from sidecar.studies.tables import Series, SeriesThumbnail, Study
from sidecar.studies.thumbnails import LOOK_BACK
from sidecar.worker import JOBS, find_job, open_workshop
from tests.cast import Cast
from tests.factories.arrivals import arrived
from tests.factories.studies import Made, make_study

HOUR = timedelta(hours=1)
Owes = Callable[..., bool]
OwedWhile = Callable[[Owed, Any, Collection[StrEnum]], None]


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls)


@pytest.fixture
def mercy(scopes: Scopes, cast: Cast) -> Iterator[Scope]:
    with scopes.open(system_actor(cast.mercy)) as scope:
        yield scope
        scope.session.commit()


@pytest.fixture
def owes(scopes: Scopes, cast: Cast) -> Owes:
    """Whether Mercy owes it; a stranger that had nothing to do with it never does."""

    def asked(work: Owed, kinds: frozenset[str] = frozenset({StudyCompleted.kind})) -> bool:
        named = owing(scopes, work, kinds=kinds, within=HOUR)
        assert cast.luke not in named
        assert cast.third not in named
        return cast.mercy in named

    return asked


@pytest.fixture
def owed_while(mercy: Scope, owes: Owes) -> OwedWhile:
    """Put a row through every state that there is: its work is owed in the ``open_`` ones and in no other."""

    def through(work: Owed, row: Any, open_: Collection[StrEnum]) -> None:
        for state in type(next(iter(open_))):
            row.state = state
            mercy.session.commit()
            assert owes(work) is (state in open_), state

    return through


def complete(mercy: Scope, study: Made) -> None:
    """Write into the journal that it is complete, now."""
    mercy.emit(StudyCompleted(organisation_id=mercy.organisation_id, study_id=study.id, completed_at=mercy.now, instances=1))
    mercy.write_journal(mercy.events)
    mercy.events.clear()
    mercy.session.commit()


def test_nobody_owes_anything_at_first(owes: Owes) -> None:
    assert [each for each in Owed if each is not Owed.ALERTS and owes(each)] == []
    assert len(Owed) == 10, "a new kind needs a test of its own below"


def test_a_send_is_owed_until_it_is_over(mercy: Scope, owes: Owes, owed_while: OwedWhile, study: Made, cast: Cast) -> None:
    job = Job(
        organisation_id=cast.mercy, id=uuid4(), kind=JobKind.SEND, state=JobState.WAITING, study_id=study.id,
        user_id=cast.owner.user_id, user_name="O", user_organisation_id=cast.mercy, created_at=mercy.now,
    )  # fmt: skip
    mercy.session.add(job)
    owed_while(Owed.SENDS, job, {JobState.WAITING, JobState.RUNNING, JobState.CANCELLING})
    job.kind, job.state = JobKind.DOWNLOAD, JobState.WAITING
    mercy.session.commit()
    assert not owes(Owed.SENDS)


def test_an_erasure_is_owed_when_its_time_has_come(
    mercy: Scope, owes: Owes, owed_while: OwedWhile, study: Made, cast: Cast
) -> None:
    deletion = Deletion(
        organisation_id=cast.mercy, id=uuid4(), study_id=study.id, state=DeletionState.HIDDEN, reason="other", explanation="",
        images=1, asked_at=mercy.now, asked_by_id=cast.owner.user_id, asked_by_name="O", erase_at=mercy.now + HOUR,
    )  # fmt: skip
    mercy.session.add(deletion)
    mercy.session.commit()
    assert not owes(Owed.ERASURE)
    deletion.erase_at = mercy.now - HOUR
    owed_while(Owed.ERASURE, deletion, {DeletionState.HIDDEN, DeletionState.ERASING})


def test_an_export_is_owed_when_it_waits_or_was_left(mercy: Scope, owes: Owes, owed_while: OwedWhile, cast: Cast) -> None:
    project = Project(organisation_id=cast.mercy, id=uuid4(), name=str(uuid4()), key_sealed=b"", created_at=mercy.now)
    mercy.session.add(project)
    mercy.session.flush()
    export = Export(
        organisation_id=cast.mercy, id=uuid4(), project_id=project.id, user_id=cast.owner.user_id, user_name="O", reason="",
        options=[], hold_heads=False, state=ExportState.WAITING, next_at=mercy.now + HOUR, created_at=mercy.now,
    )  # fmt: skip
    mercy.session.add(export)
    mercy.session.commit()
    assert not owes(Owed.EXPORTS)
    export.next_at = mercy.now - HOUR
    owed_while(Owed.EXPORTS, export, {ExportState.WAITING, ExportState.WORKING})


def test_an_arrival_owes_its_completion_then_what_the_viewer_wants(scopes: Scopes, mercy: Scope, owes: Owes, cast: Cast) -> None:
    study = register_arrival(mercy, arrived([0, 1], received_at=mercy.now))
    mercy.session.commit()
    assert owes(Owed.CUSTODY), "each file is read once soon after it came"
    assert not owes(Owed.COMPLETION), "it is not quiet yet"
    mercy.session.execute(update(Study).where(Study.id == study.id).values(completes_at=mercy.now, deleted_at=mercy.now))
    mercy.session.commit()
    assert not owes(Owed.COMPLETION), "what is deleted is not completed"
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(text("SELECT set_config('app.deleted', 'on', true)"))
        scope.session.execute(update(Study).where(Study.id == study.id).values(deleted_at=None))
    assert owes(Owed.COMPLETION)
    assert not owes(Owed.METADATA)
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert complete_due(scope) == [study.id]
    assert not owes(Owed.COMPLETION)
    assert owes(Owed.METADATA)
    assert owes(Owed.THUMBNAILS)
    assert not owes(Owed.METADATA, frozenset({"something.else"}))
    with scopes.open(system_actor(cast.mercy)) as scope:
        series = scope.session.scalars(select(Series).where(Series.study_id == study.id)).all()
        scope.session.execute(update(InstanceDigest).values(due_at=scope.now + HOUR))
        for each in series:
            picture = {"instance_count": each.instance_count, "body": b"", "made_at": scope.now}
            scope.session.add(SeriesThumbnail(organisation_id=cast.mercy, series_id=each.id, **picture))
    for each in series:
        assert metadata.keep(scopes, cast.mercy, each.id, body=b"[{}]", packed=metadata.pack(b"[{}]"))
    assert [each for each in (Owed.CUSTODY, Owed.METADATA, Owed.THUMBNAILS) if owes(each)] == []


def test_forwarding_is_owed_when_a_collector_is_behind(mercy: Scope, owes: Owes, study: Made, cast: Cast) -> None:
    complete(mercy, study)
    last = mercy.session.scalar(text("SELECT max(sequence) FROM journal WHERE organisation_id = app_org()"))
    row = Forwarding(
        organisation_id=cast.mercy, target="syslog", host="h", port=1, path="", authority="", client_certificate="", sequence=0,
        attempts=0, last_error="", next_try_at=mercy.now, set_at=mercy.now,
    )  # fmt: skip
    mercy.session.add(row)
    mercy.session.commit()
    assert owes(Owed.FORWARDING)
    row.next_try_at = mercy.now + HOUR
    mercy.session.commit()
    assert not owes(Owed.FORWARDING)
    row.next_try_at, row.sequence = mercy.now, typed("int", last)
    mercy.session.commit()
    assert not owes(Owed.FORWARDING)


def test_what_happened_is_owed_by_its_kind_and_for_a_while(
    scopes: Scopes, mercy: Scope, owes: Owes, study: Made, cast: Cast
) -> None:
    complete(mercy, study)
    assert owes(Owed.HAPPENED)
    assert not owes(Owed.HAPPENED, frozenset({"something.else"}))
    assert cast.mercy not in owing(scopes, Owed.HAPPENED, kinds=(StudyCompleted.kind,)), "nothing within no time"


def test_alerts_are_owed_where_something_was_written_or_nobody_was_told(
    scopes: Scopes, mercy: Scope, owes: Owes, study: Made, cast: Cast
) -> None:
    kinds = frozenset({StudyCompleted.kind})
    assert cast.mercy in owing(scopes, Owed.ALERTS, kinds=kinds, within=HOUR), "never looked at"
    for organisation in (cast.mercy, cast.luke, cast.third, cast.nightowls):
        with scopes.open(system_actor(organisation)) as scope:
            scope.session.add(AlertWatch(organisation_id=organisation, sequence=10**6))
    assert not owes(Owed.ALERTS)
    mercy.session.execute(update(AlertWatch).values(sequence=0))
    complete(mercy, study)
    assert owes(Owed.ALERTS)
    mercy.session.execute(update(AlertWatch).values(sequence=10**6))
    alert = Alert(
        organisation_id=cast.mercy,
        id=uuid4(),
        kind="x",
        subject="",
        facts={},
        first_at=mercy.now,
        last_at=mercy.now,
        raised_at=mercy.now,
    )
    mercy.session.add(alert)
    mercy.session.commit()
    assert owes(Owed.ALERTS)
    alert.told_at = mercy.now
    mercy.session.commit()
    assert not owes(Owed.ALERTS)


def test_what_readers_do_at_a_hospital_is_looked_at_in_their_own_house(scopes: Scopes, cast: Cast, study: Made) -> None:
    with scopes.open(system_actor(cast.nightowls)) as scope:
        scope.session.add(AlertWatch(organisation_id=cast.nightowls, sequence=10**6))
    kinds = frozenset({StudyCompleted.kind})
    assert cast.nightowls not in owing(scopes, Owed.ALERTS, kinds=kinds, within=HOUR)
    with scopes.open(cast.reader.actor) as scope:
        scope.emit(StudyCompleted(organisation_id=cast.mercy, study_id=study.id, completed_at=scope.now, instances=1))
    assert cast.nightowls in owing(scopes, Owed.ALERTS, kinds=kinds, within=HOUR)
    assert cast.nightowls not in owing(scopes, Owed.ALERTS, kinds=kinds)


def test_only_the_worker_may_ask(scopes: Scopes, cast: Cast) -> None:
    for person in (cast.owner, cast.mercy_admin, cast.colleague, cast.reader, cast.stranger, cast.platform_admin):
        with pytest.raises(DBAPIError, match="only the worker"), scopes.open(person.actor) as scope:
            scope.session.execute(text("SELECT organisations_owing('sends', '{}', now())"))
    with pytest.raises(DBAPIError, match="only the worker"), scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(text("SELECT organisations_owing('sends', '{}', now())"))


def test_everybody_is_everybody_of_a_kind(scopes: Scopes, cast: Cast) -> None:
    assert {cast.mercy, cast.luke, cast.nightowls, cast.platform} <= set(everybody(scopes))
    providers = everybody(scopes, OrganisationKind.PROVIDER)
    assert {cast.mercy, cast.luke} <= set(providers)
    assert not {cast.nightowls, cast.platform} & set(providers)


def test_what_is_asked_just_now_reaches_back_to_the_last_slow_round() -> None:
    """Each quick job has a slow one that enters everybody's walls; between the two nothing falls through."""
    every = dict(JOBS)
    assert every["sidecar.orders.jobs:write_all_worklists"] < order_jobs.JUST_NOW.total_seconds()
    assert every["sidecar.studies.jobs:route_waiting"] < study_jobs.JUST_NOW.total_seconds()
    assert every["sidecar.alerts.jobs:watch_all"] < alert_jobs.JUST_NOW.total_seconds()
    assert every["sidecar.dicomweb.jobs:fill_all_metadata"] < LOOK_BACK.total_seconds()


def test_at_rest_the_worker_enters_nobodys_walls(services: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs every few seconds costs a question, however many hospitals there are."""
    entered: list[str] = []
    name = ""
    opened = Scopes.open

    def noted(self: Scopes, actor: Actor, **more: Any) -> Any:
        if actor.organisation_id is not None:
            entered.append(name)
        return opened(self, actor, **more)

    quick = [name for name, seconds in JOBS if seconds <= 10 and not name.endswith((":tend_cells", ":answer_guests", ":deliver"))]
    assert len(quick) == 13
    jobs = [(name, find_job(name)) for name in quick]
    using = [each for name, each in sys.modules.items() if name.startswith("sidecar.") and vars(each).get("owing") is owing]
    for module in using:
        monkeypatch.setattr(module, "owing", lambda *_asked, **_how: [])  # what other tests left behind is owed for ever
    monkeypatch.setattr(Scopes, "open", noted)
    shop = open_workshop(Settings.from_env(services.env()))
    for name, job in jobs:  # noqa: B007 - noted() tells which
        job(shop)
    shop.close()
    assert entered == []
