"""The verbs of this room as JSON. Downloads: ``GET /api/studies/<id>/download`` (``web.taking``). No patient data in answers."""

from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError

from sidecar.archive import forms, queries, rules, service
from sidecar.archive.tables import Deletion, Job
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.studies import queries as studies

bp = Blueprint("archive_api", __name__)
Form = TypeVar("Form", bound=BaseModel)


def _body(form: type[Form]) -> Form:
    try:
        return form.model_validate(request.get_json(silent=True))
    except ValidationError as error:
        raise Invalid(f"Send {{{', '.join(form.model_fields)}}} as JSON.") from error


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "kind": job.kind,
        "state": job.state,
        "study_id": str(job.study_id),
        "target": job.target,
        "done": job.done,
        "total": job.total,
        "problem": rules.PROBLEMS[job.problem].format(target=job.target) if job.problem else "",
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }


def _deletion(found: Deletion) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "state": found.state,
        "study_id": str(found.study_id),
        "reason": found.reason,
        "images": found.images,
        "erase_at": found.erase_at.isoformat(),
        "erased_at": found.erased_at.isoformat() if found.erased_at else None,
    }


@route(bp, "/api/nodes", needs=Permission.STUDY_SEND)
def nodes(scope: Scope) -> ResponseReturnValue:
    """List where studies can be sent."""
    return jsonify(status="ok", nodes=[{"id": str(each.id), "aet": each.aet} for each in queries.nodes(scope)])


@route(bp, "/api/sends", needs=Permission.STUDY_SEND, methods=("POST",))
def send_studies(scope: Scope) -> ResponseReturnValue:
    """Send studies: ``{"node_id", "study_ids"}``. One that is not the caller's, and none is sent."""
    wanted = _body(forms.SendForm)
    return jsonify(status="ok", jobs=[_job(each) for each in service.send(scope, wanted.study_ids, node_id=wanted.node_id)])


@route(bp, "/api/jobs", needs=Permission.JOB_READ)
def list_jobs(scope: Scope) -> ResponseReturnValue:
    """List the caller's jobs, those not over first."""
    return jsonify(status="ok", jobs=[_job(each.job) | {"seconds_left": each.seconds_left} for each in queries.jobs(scope)])


@route(bp, "/api/jobs/<uuid:job_id>", needs=Permission.JOB_READ)
def one_job(scope: Scope, job_id: UUID) -> ResponseReturnValue:
    """Say how far one is."""
    return jsonify(status="ok", job=_job(queries.job(scope, job_id)))


@route(bp, "/api/jobs/<uuid:job_id>/cancel", needs=Permission.JOB_READ, methods=("POST",))
def cancel(scope: Scope, job_id: UUID) -> ResponseReturnValue:
    """Stop one."""
    return jsonify(status="ok", job=_job(service.cancel(scope, job_id)))


@route(bp, "/api/jobs/<uuid:job_id>/repeat", needs=Permission.JOB_READ, methods=("POST",))
def repeat(scope: Scope, job_id: UUID) -> ResponseReturnValue:
    """Try one again."""
    return jsonify(status="ok", job=_job(service.repeat(scope, job_id)))


@route(bp, "/api/studies/<uuid:study_id>/deletion", needs=Permission.STUDY_DELETE, methods=("POST",))
def delete(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Delete it: ``{"reason", "explanation", "images"}``, images as many as the caller knows of."""
    studies.get(scope, study_id)
    return jsonify(status="ok", deletion=_deletion(service.delete(scope, study_id, **_body(forms.DeleteForm).model_dump())))


@route(bp, "/api/deletions", needs=Permission.DELETION_READ)
def list_deletions(scope: Scope) -> ResponseReturnValue:
    """List what was deleted."""
    return jsonify(status="ok", deletions=[_deletion(each.deletion) for each in queries.deletions(scope)])


@route(bp, "/api/deletions/<uuid:deletion_id>/undo", needs=Permission.STUDY_DELETE, methods=("POST",))
def undo(scope: Scope, deletion_id: UUID) -> ResponseReturnValue:
    """Bring it back."""
    return jsonify(status="ok", study_id=str(service.undo(scope, deletion_id).id))


@route(bp, "/api/deletions/<uuid:deletion_id>/erase", needs=Permission.STUDY_DELETE, methods=("POST",))
def erase(scope: Scope, deletion_id: UUID) -> ResponseReturnValue:
    """Remove its images now."""
    return jsonify(status="ok", deletion=_deletion(service.erase_now(scope, deletion_id)))


@route(bp, "/api/studies/<uuid:study_id>/hold", needs=Permission.STUDY_HOLD, methods=("POST",))
def hold(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Set a legal hold: ``{"reason"}``."""
    studies.get(scope, study_id)
    return jsonify(status="ok", hold_id=str(service.set_hold(scope, study_id, reason=_body(forms.HoldForm).reason).id))


@route(bp, "/api/studies/<uuid:study_id>/hold", needs=Permission.STUDY_HOLD, methods=("DELETE",))
def lift(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Lift the hold: ``{"reason"}``."""
    studies.get(scope, study_id)
    return jsonify(status="ok", hold_id=str(service.lift_hold(scope, study_id, reason=_body(forms.HoldForm).reason).id))


@route(bp, "/api/retention", needs=Permission.RETENTION_MANAGE, methods=("PUT",))
def retention(scope: Scope) -> ResponseReturnValue:
    """Keep studies for ``{"years"}``."""
    service.set_retention(scope, years=_body(forms.RetentionForm).years)
    return jsonify(status="ok", years=queries.retention_years(scope))
