"""Jobs under way: stopped, tried again. Each is one conditional UPDATE that changes one row or says who was faster."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import update

from sidecar.archive import policy, queries
from sidecar.archive.events import JobEnded, JobRepeated
from sidecar.archive.model import OPEN, REPEATABLE, JobKind, JobState
from sidecar.archive.tables import Job
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict
from sidecar.studies import queries as studies

AFRESH: dict[str, Any] = {"done": 0, "cell_job": "", "problem": "", "problem_detail": "", "started_at": None, "finished_at": None}


def cancel(scope: Scope, job_id: UUID) -> Job:
    """Stop a job. One that has not begun is over at once; another as soon as the archive has let go.

    Raises Missing, Denied, Conflict.
    """
    job = queries.job(scope, job_id)
    policy.need_conduct(scope.actor, job)
    waiting = change(scope, job, {JobState.WAITING}, state=JobState.CANCELLED, finished_at=scope.now)
    if waiting:
        ended(scope, waiting)
        return waiting
    running = change(scope, job, {JobState.RUNNING, JobState.CANCELLING}, state=JobState.CANCELLING)
    if running is None:
        raise Conflict("It is over already.")
    return running


def repeat(scope: Scope, job_id: UUID) -> Job:
    """Try a job again that failed or was cancelled, as who started it would. Raises Missing, Denied, Conflict."""
    job = queries.job(scope, job_id)
    policy.need_conduct(scope.actor, job)
    studies.get(scope, job.study_id)  # what was deleted meanwhile goes nowhere
    again = change(scope, job, REPEATABLE, state=JobState.WAITING, **AFRESH)
    if again is None or job.kind == JobKind.DOWNLOAD:
        raise Conflict("It cannot be tried again.")
    scope.emit(JobRepeated(organisation_id=job.organisation_id, study_id=job.study_id, job_id=job.id, job=job.kind))
    return again


def change(scope: Scope, job: Job, states: Iterable[JobState], **values: Any) -> Job | None:
    """Change this one job if it still is in one of these states; None when it is not."""
    return scope.session.scalars(
        update(Job)
        .where(Job.organisation_id == job.organisation_id, Job.id == job.id, Job.state.in_(list(states)))
        .values(**values)
        .returning(Job)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one_or_none()


def finish(scope: Scope, job: Job, state: JobState, **values: Any) -> Job | None:
    """End a job that is under way and say so; None when it was over already."""
    done = change(scope, job, OPEN, state=state, finished_at=scope.now, **values)
    if done:
        ended(scope, done)
    return done


def ended(scope: Scope, job: Job) -> None:
    """Put on record how a job ended."""
    scope.emit(
        JobEnded(
            organisation_id=job.organisation_id,
            study_id=job.study_id,
            job_id=job.id,
            job=job.kind,
            aet=job.target if job.kind == JobKind.SEND else "",
            state=job.state,
            problem=job.problem,
            images=job.done,
        )
    )
