"""Sends: handed to the cell that has the images, followed until they are over. The cell is asked outside any transaction."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.adapters.cell_work import CellWork, Work
from sidecar.adapters.outbound import OffLimits, OwnGround, find
from sidecar.archive import queries, rules
from sidecar.archive.model import OPEN, JobKind, JobState
from sidecar.archive.service.running import change, finish
from sidecar.archive.tables import Job
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Owed, Workshop, owing
from sidecar.gate.scope import Scope, Scopes
from sidecar.kernel.errors import Broken, Busy, Missing
from sidecar.studies import queries as studies
from sidecar.studies.cells import cell_of

LOG = structlog.get_logger("sends")
HANDED_OVER = timedelta(seconds=90)
"""A send that began but has no name in the cell after so long was in the hands of a worker that died: it begins anew."""
NODE_KNOWN = timedelta(seconds=30)
"""A node that was registered a moment ago is known to the cell by then; a send waits for it so long."""
CANCELLED = 37
"""Orthanc's error code of a job that was cancelled."""


def follow_sends(workshop: Workshop) -> None:
    """Begin waiting sends and look how far the others are, one provider with such work after the other."""
    ground = OwnGround.of(workshop.settings)
    with CellClient(workshop.tokens) as client:
        for organisation_id in owing(workshop.scopes, Owed.SENDS):
            follow(workshop.scopes, CellWork(client), organisation_id, host=workshop.settings.cell_host, ground=ground)


def follow(scopes: Scopes, work: Work, organisation_id: UUID, *, host: str, ground: OwnGround) -> None:
    """Move all open sends of one provider on. A cell that does not answer is asked again at the next tick.

    To a node that leads to ``ground`` nothing is sent. Its cell has no address of it either; this is where it is said.
    """
    with scopes.open(system_actor(organisation_id)) as scope:
        todo = _open(scope)
        if not todo:
            return
        cell = cell_of(scope, organisation_id, host=host)
    for job in todo:
        try:
            if job.cell_job:
                _look(scopes, work, cell, job)
            else:
                _begin(scopes, work, cell, job, ground)
        except Busy:
            LOG.warning("cell is not answering", organisation=str(organisation_id))
            with scopes.open(system_actor(organisation_id)) as scope:
                change(scope, job, OPEN, problem="silent")
            return
        except Broken:  # this send's own trouble: the others go on
            LOG.exception("send given up", job=str(job.id))
            with scopes.open(system_actor(organisation_id)) as scope:
                finish(scope, job, JobState.FAILED, problem="other")


def _open(scope: Scope) -> Sequence[Job]:
    found = select(Job).where(Job.kind == JobKind.SEND, Job.state.in_(OPEN)).order_by(Job.created_at)
    return scope.session.scalars(found).all()


def _begin(scopes: Scopes, work: Work, cell: CellAddress, job: Job, ground: OwnGround) -> None:
    """Take a waiting send and hand it over. Between the two it belongs to nobody for HANDED_OVER at most."""
    with scopes.open(system_actor(job.organisation_id)) as scope:
        if job.state == JobState.CANCELLING:
            finish(scope, job, JobState.CANCELLED)
            return
        if job.state == JobState.RUNNING and job.started_at and scope.now - job.started_at < HANDED_OVER:
            return
        study = studies.get(scope, job.study_id)
        if study.deleted_at is not None:
            finish(scope, job, JobState.FAILED, problem="gone")
            return
        to = [(each.host, each.port) for each in queries.nodes(scope) if each.aet == job.target]
        begun = {"attempts": job.attempts + 1, "started_at": scope.now, "total": study.instance_count}
        if change(scope, job, {job_state(job)}, state=JobState.RUNNING, **begun) is None:
            return
    if any(_is_off_limits(*each, ground) for each in to):
        with scopes.open(system_actor(job.organisation_id)) as scope:
            finish(scope, job, JobState.FAILED, problem="off-limits")
        return
    try:
        name = work.send(cell, aet=job.target, orthanc_id=study.orthanc_id)
    except Missing:
        there = work.holds_study(cell, study.orthanc_id)
        with scopes.open(system_actor(job.organisation_id)) as scope:
            if there and scope.now - job.created_at < NODE_KNOWN and any(each.aet == job.target for each in queries.nodes(scope)):
                change(scope, job, {JobState.RUNNING}, state=JobState.WAITING, started_at=None)
            else:
                finish(scope, job, JobState.FAILED, problem="unknown-node" if there else "gone")
        return
    except Busy:
        with scopes.open(system_actor(job.organisation_id)) as scope:
            change(scope, job, {JobState.RUNNING}, state=JobState.WAITING, started_at=None)
        raise
    with scopes.open(system_actor(job.organisation_id)) as scope:
        change(scope, job, OPEN, cell_job=name, problem="")


def _is_off_limits(host: str, port: int, ground: OwnGround) -> bool:
    try:
        find(host, port, ground)
    except OffLimits:
        return True
    except OSError:  # no such host, or nobody to ask: the cell will not reach it, and that is said then
        return False
    return False


def job_state(job: Job) -> JobState:
    """Return a row's state as the word it is."""
    return JobState(job.state)


def _look(scopes: Scopes, work: Work, cell: CellAddress, job: Job) -> None:
    """Ask how far a send is, after stopping it if somebody wants that, and write it down."""
    try:
        if job.state == JobState.CANCELLING:
            work.cancel(cell, job.cell_job)
        progress = work.progress(cell, job.cell_job)
    except Missing:
        with scopes.open(system_actor(job.organisation_id)) as scope:
            lost = JobState.CANCELLED if job.state == JobState.CANCELLING else JobState.FAILED
            finish(scope, job, lost, problem="restarted" if lost == JobState.FAILED else "")
        return
    total = progress.images or job.total
    with scopes.open(system_actor(job.organisation_id)) as scope:
        counted = {"done": round(progress.share * total), "total": total}
        if progress.running:
            if (job.done, job.total, job.problem) != (counted["done"], total, ""):
                change(scope, job, OPEN, problem="", **counted)
        elif not progress.error_code:
            finish(scope, job, JobState.DONE, problem="", done=total, total=total)
        elif progress.error_code == CANCELLED:
            finish(scope, job, JobState.CANCELLED, problem="", **counted)
        else:
            code, detail = rules.problem(progress.error_code, progress.details)
            finish(scope, job, JobState.FAILED, problem=code, problem_detail=detail, **counted)
