"""Reading jobs, deletions and holds back. The walls decide whose; a job is also its starter's alone (``policy``)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from sidecar.archive import policy, rules
from sidecar.archive.model import OPEN, DeletionState
from sidecar.archive.tables import Deletion, Job, LegalHold, RetentionPeriod
from sidecar.gate.fields import seen
from sidecar.gate.paging import After, cut, newest_first
from sidecar.gate.requests import Paging
from sidecar.gate.scope import Scope
from sidecar.organisations import queries as organisations
from sidecar.organisations.tables import ApplicationEntity
from sidecar.studies import queries as studies
from sidecar.studies.deletion import erased_before, seeing_deleted
from sidecar.studies.model import Status
from sidecar.studies.tables import Study

SHOWN = 100
"""Rows of one list."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with its study, if that is still to be seen, and how long it will take (seconds)."""

    job: Job
    study: Study | None
    seconds_left: int | None
    is_mine: bool


@dataclass(frozen=True, slots=True)
class DeletionView:
    """A deletion with what is left of its study."""

    deletion: Deletion
    study: Study


def job(scope: Scope, job_id: UUID) -> Job:
    """Return one job; Missing when it is another's."""
    found: Job = scope.one(select(Job).where(Job.id == job_id, policy.own_jobs(scope.actor)))
    return found


def jobs(scope: Scope, *, limit: int = SHOWN) -> list[JobView]:
    """Return the actor's jobs, those that are not over first, then the newest."""
    study = aliased(Study)
    is_open = Job.state.in_(OPEN)
    rows = scope.session.execute(
        select(Job, study)
        .outerjoin(study, (study.organisation_id == Job.organisation_id) & (study.id == Job.study_id))
        .where(policy.own_jobs(scope.actor))
        .order_by(is_open.desc(), Job.created_at.desc())
        .limit(limit)
    )
    return [_view(scope, each, of) for each, of in rows]


def page_of_jobs(scope: Scope, asked: Paging) -> tuple[Sequence[JobView], str | None]:
    """Return a page of the actor's jobs, the newest first, and the cursor of the next; without their studies."""
    mine = select(Job).where(policy.own_jobs(scope.actor))
    rows = scope.session.scalars(newest_first(mine, asked, Job.created_at, Job.id)).all()
    return cut(asked, [_view(scope, each, None) for each in rows], lambda each: After(each.job.created_at, each.job.id))


def _view(scope: Scope, each: Job, of: Study | None) -> JobView:
    left = rules.seconds_left(each.started_at, scope.now, done=each.done, total=each.total) if each.state in OPEN else None
    return JobView(each, seen(scope.actor, of) if of else None, left, each.user_id == scope.actor.user_id)


def nodes(scope: Scope) -> list[ApplicationEntity]:
    """Return where the own archive may send to."""
    return [each for each in organisations.entities(scope) if each.host]


def standing_hold(scope: Scope, study: Study) -> LegalHold | None:
    """Return the legal hold in force, or None."""
    found = select(LegalHold).where(LegalHold.organisation_id == study.organisation_id, LegalHold.study_id == study.id)
    return scope.session.scalars(found.where(LegalHold.lifted_at.is_(None))).one_or_none()


def holds(scope: Scope, study: Study) -> Sequence[LegalHold]:
    """Return all holds of a study, the newest first."""
    of_study = (LegalHold.organisation_id == study.organisation_id, LegalHold.study_id == study.id)
    return scope.session.scalars(select(LegalHold).where(*of_study).order_by(LegalHold.set_at.desc())).all()


def held(scope: Scope, study_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Return which of these studies are under legal hold, as far as that is the caller's to know."""
    found = select(LegalHold.study_id).where(LegalHold.study_id.in_(list(study_ids)), LegalHold.lifted_at.is_(None))
    return frozenset(scope.session.scalars(found))


def retention_years(scope: Scope) -> int:
    """Return how many years the scope's organisation keeps its studies."""
    found = select(RetentionPeriod.years).where(RetentionPeriod.organisation_id == scope.organisation_id)
    years = scope.session.scalar(found)
    return rules.DEFAULT_YEARS if years is None else years


def standing(scope: Scope, study: Study) -> rules.Standing:
    """Return what there is to know before the study is deleted, in its owner's scope."""
    read_by = study.lock_user_name if study.lock_until is not None and study.lock_until > scope.now else ""
    return rules.Standing(
        held=standing_hold(scope, study) is not None,
        kept_until=rules.kept_until(study.study_date, studies.arrival_day(scope, study), retention_years(scope)),
        reported=study.status in {Status.PRELIMINARY, Status.FINAL},
        read_by=read_by,
    )


def deletion(scope: Scope, deletion_id: UUID) -> Deletion:
    """Return one deletion of the own organisation, or Missing."""
    found: Deletion = scope.one(select(Deletion).where(Deletion.id == deletion_id))
    return found


def hiding(scope: Scope, study: Study) -> Deletion | None:
    """Return the deletion that hides a study now, or None."""
    of_study = (Deletion.organisation_id == study.organisation_id, Deletion.study_id == study.id)
    found = select(Deletion).where(*of_study, Deletion.state.in_([DeletionState.HIDDEN, DeletionState.ERASING]))
    return scope.session.scalars(found).one_or_none()


def is_being_removed(scope: Scope, study: Study) -> bool:
    """Say whether a deletion of the study can no longer be stopped: its images are on their way out, or gone."""
    of_study = (Deletion.organisation_id == study.organisation_id, Deletion.study_id == study.id)
    too_late = select(Deletion.id).where(*of_study, Deletion.state.in_([DeletionState.ERASING, DeletionState.ERASED]))
    return scope.session.scalar(too_late.limit(1)) is not None


def deletions(scope: Scope, *, limit: int = SHOWN) -> list[DeletionView]:
    """Return the latest deletions of the own organisation with what is left of their studies."""
    with seeing_deleted(scope):
        rows = scope.session.execute(
            select(Deletion, Study)
            .join(Study, (Study.organisation_id == Deletion.organisation_id) & (Study.id == Deletion.study_id))
            .order_by(Deletion.asked_at.desc())
            .limit(limit)
        ).all()
    return [DeletionView(deletion, seen(scope.actor, study)) for deletion, study in rows]


def page_of_deletions(scope: Scope, asked: Paging) -> tuple[Sequence[Deletion], str | None]:
    """Return a page of the own organisation's deletions, the latest first, and the cursor of the next."""
    rows = scope.session.scalars(newest_first(select(Deletion), asked, Deletion.asked_at, Deletion.id)).all()
    return cut(asked, rows, lambda each: After(each.asked_at, each.id))


def earlier_deletion(scope: Scope, study: Study) -> Deletion | None:
    """Return how the same study had been deleted here before it was sent again, or None."""
    before = erased_before(scope, study)
    if before is None:
        return None
    found = select(Deletion).where(Deletion.study_id == before, Deletion.state == DeletionState.ERASED)
    return scope.session.scalars(found).one_or_none()


def past_retention(scope: Scope, *, today: date, limit: int = SHOWN) -> tuple[int, Sequence[Study]]:
    """Return how many of the own studies need not be kept any longer, and the oldest of them. Held ones are left out.

    Only studies that say their date: what has none is looked at by hand.
    """
    last = rules.last_expired(today, retention_years(scope))
    expired = (
        Study.organisation_id == scope.organisation_id,
        Study.study_date != "",
        Study.study_date <= f"{last:%Y%m%d}",
        func.length(Study.study_date) == len("20261121"),
        ~select(LegalHold.id)
        .where(LegalHold.organisation_id == Study.organisation_id, LegalHold.study_id == Study.id, LegalHold.lifted_at.is_(None))
        .exists(),
    )
    total = scope.session.scalar(select(func.count()).select_from(Study).where(*expired)) or 0
    return total, scope.session.scalars(select(Study).where(*expired).order_by(Study.study_date).limit(limit)).all()
