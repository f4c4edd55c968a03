"""The verbs of this room as JSON. Downloads: ``GET /api/studies/<id>/download`` (``web.taking``). No patient data in answers."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from sidecar.archive import answers, forms, queries, service
from sidecar.archive.answers import (
    DeletionAnswer,
    DeletionsPage,
    HoldAnswer,
    JobAnswer,
    JobsAnswer,
    JobsPage,
    NodesAnswer,
    RestoredAnswer,
    RetentionAnswer,
)
from sidecar.gate import api
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Paging
from sidecar.gate.scope import Scope
from sidecar.studies import queries as studies

bp = Blueprint("archive_api", __name__)
POST: dict[str, Any] = {"methods": ("POST",), "refusals": (409,)}


@api.route(bp, "/api/nodes", needs=Permission.STUDY_SEND, answer=NodesAnswer)
def nodes(scope: Scope) -> NodesAnswer:
    """List where studies can be sent."""
    return NodesAnswer(nodes=[answers.node(each) for each in queries.nodes(scope)])


@api.route(
    bp,
    "/api/sends",
    needs=Permission.STUDY_SEND,
    methods=("POST",),
    body=forms.SendForm,
    answer=JobsAnswer,
    idempotent=True,
    refusals=(404,),
)
def send_studies(scope: Scope, body: forms.SendForm) -> JobsAnswer:
    """Send studies. One that is not the caller's, and none is sent."""
    return JobsAnswer(jobs=[answers.job(each) for each in service.send(scope, body.study_ids, node_id=body.node_id)])


@api.route(bp, "/api/jobs", needs=Permission.JOB_READ, query=Paging, answer=JobsPage)
def list_jobs(scope: Scope, query: Paging) -> JobsPage:
    """List the caller's jobs, the newest first."""
    rows, following = queries.page_of_jobs(scope, query)
    return JobsPage(jobs=[answers.job(each.job, seconds_left=each.seconds_left) for each in rows], next=following)


@api.route(bp, "/api/jobs/<uuid:job_id>", needs=Permission.JOB_READ, answer=JobAnswer)
def one_job(scope: Scope, job_id: UUID) -> JobAnswer:
    """Say how far one is."""
    return JobAnswer(job=answers.job(queries.job(scope, job_id)))


@api.route(bp, "/api/jobs/<uuid:job_id>/cancel", needs=Permission.JOB_READ, answer=JobAnswer, **POST)
def cancel(scope: Scope, job_id: UUID) -> JobAnswer:
    """Stop one."""
    return JobAnswer(job=answers.job(service.cancel(scope, job_id)))


@api.route(bp, "/api/jobs/<uuid:job_id>/repeat", needs=Permission.JOB_READ, answer=JobAnswer, **POST)
def repeat(scope: Scope, job_id: UUID) -> JobAnswer:
    """Try one again."""
    return JobAnswer(job=answers.job(service.repeat(scope, job_id)))


@api.route(
    bp,
    "/api/studies/<uuid:study_id>/deletion",
    needs=Permission.STUDY_DELETE,
    body=forms.DeleteForm,
    answer=DeletionAnswer,
    idempotent=True,
    **POST,
)
def delete(scope: Scope, study_id: UUID, body: forms.DeleteForm) -> DeletionAnswer:
    """Delete it; images: as many as the caller knows of."""
    studies.get(scope, study_id)
    return DeletionAnswer(deletion=answers.deletion(service.delete(scope, study_id, **body.model_dump())))


@api.route(bp, "/api/deletions", needs=Permission.DELETION_READ, query=Paging, answer=DeletionsPage)
def list_deletions(scope: Scope, query: Paging) -> DeletionsPage:
    """List what was deleted, the latest first."""
    rows, following = queries.page_of_deletions(scope, query)
    return DeletionsPage(deletions=[answers.deletion(each) for each in rows], next=following)


@api.route(bp, "/api/deletions/<uuid:deletion_id>/undo", needs=Permission.STUDY_DELETE, answer=RestoredAnswer, **POST)
def undo(scope: Scope, deletion_id: UUID) -> RestoredAnswer:
    """Bring it back."""
    return RestoredAnswer(study_id=service.undo(scope, deletion_id).id)


@api.route(bp, "/api/deletions/<uuid:deletion_id>/erase", needs=Permission.STUDY_DELETE, answer=DeletionAnswer, **POST)
def erase(scope: Scope, deletion_id: UUID) -> DeletionAnswer:
    """Remove its images now."""
    return DeletionAnswer(deletion=answers.deletion(service.erase_now(scope, deletion_id)))


@api.route(bp, "/api/studies/<uuid:study_id>/hold", needs=Permission.STUDY_HOLD, answer=HoldAnswer, etag=True)
def show_hold(scope: Scope, study_id: UUID) -> HoldAnswer:
    """Say whether a legal hold stands."""
    standing = queries.standing_hold(scope, studies.get(scope, study_id))
    return HoldAnswer(hold_id=standing.id if standing else None)


@api.route(
    bp,
    "/api/studies/<uuid:study_id>/hold",
    needs=Permission.STUDY_HOLD,
    body=forms.HoldForm,
    answer=HoldAnswer,
    idempotent=True,
    **POST,
)
def hold(scope: Scope, study_id: UUID, body: forms.HoldForm) -> HoldAnswer:
    """Set a legal hold."""
    studies.get(scope, study_id)
    return HoldAnswer(hold_id=service.set_hold(scope, study_id, reason=body.reason).id)


@api.route(
    bp,
    "/api/studies/<uuid:study_id>/hold",
    needs=Permission.STUDY_HOLD,
    methods=("DELETE",),
    body=forms.HoldForm,
    answer=HoldAnswer,
    etag=show_hold,
)
def lift(scope: Scope, study_id: UUID, body: forms.HoldForm) -> HoldAnswer:
    """Lift the hold; the reason says why."""
    studies.get(scope, study_id)
    return HoldAnswer(hold_id=service.lift_hold(scope, study_id, reason=body.reason).id)


@api.route(bp, "/api/retention", needs=Permission.RETENTION_MANAGE, answer=RetentionAnswer, etag=True)
def show_retention(scope: Scope) -> RetentionAnswer:
    """Say for how many years studies are kept."""
    return RetentionAnswer(years=queries.retention_years(scope))


@api.route(
    bp,
    "/api/retention",
    needs=Permission.RETENTION_MANAGE,
    methods=("PUT",),
    body=forms.RetentionForm,
    answer=RetentionAnswer,
    etag=show_retention,
)
def retention(scope: Scope, body: forms.RetentionForm) -> RetentionAnswer:
    """Keep studies for so many years."""
    service.set_retention(scope, years=body.years)
    return RetentionAnswer(years=queries.retention_years(scope))
