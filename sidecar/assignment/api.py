"""JSON: ``POST /api/studies/<id>/claim|release|assign|priority``. Answers hold no patient data."""

from typing import TypeVar
from uuid import UUID

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError

from sidecar.assignment import forms, queries, service
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.studies import queries as studies
from sidecar.studies.service import set_priority
from sidecar.studies.tables import Study

bp = Blueprint("assignment", __name__)
Form = TypeVar("Form", bound=BaseModel)


def _body(form: type[Form]) -> Form:
    try:
        return form.model_validate(request.get_json(silent=True))
    except ValidationError as error:
        raise Invalid(f"Send {{{', '.join(form.model_fields)}}} as JSON.") from error


def _study(study: Study) -> ResponseReturnValue:
    return jsonify(
        status="ok",
        study={
            "id": str(study.id),
            "status": study.status,
            "priority": study.priority,
            "due_at": study.due_at.isoformat() if study.due_at else None,
            "assignee_id": str(study.assignee_id) if study.assignee_id else None,
            "assignee_name": study.assignee_name,
            "lock_until": study.lock_until.isoformat() if study.lock_until else None,
        },
    )


@route(bp, "/api/studies/<uuid:study_id>/claim", needs=Permission.STUDY_CLAIM, methods=("POST",))
def claim(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Take it."""
    return _study(service.claim(scope, study_id))


@route(bp, "/api/studies/<uuid:study_id>/release", needs=Permission.STUDY_READ, methods=("POST",))
def release(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Give it back to everybody."""
    return _study(service.release(scope, study_id))


@route(bp, "/api/studies/<uuid:study_id>/candidates", needs=Permission.STUDY_ASSIGN)
def candidates(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """List who could be given it."""
    found = queries.candidates(scope, studies.get(scope, study_id))
    return jsonify(status="ok", candidates=[{"id": str(one.id), "name": one.name, "open": one.open_count} for one in found])


@route(bp, "/api/studies/<uuid:study_id>/assign", needs=Permission.STUDY_ASSIGN, methods=("POST",))
def assign(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Give it to somebody: ``{"user_id": …}``."""
    return _study(service.assign(scope, study_id, user_id=_body(forms.AssignTo).user_id))


@route(bp, "/api/studies/<uuid:study_id>/priority", needs=Permission.STUDY_PRIORITISE, methods=("POST",))
def prioritise(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Make it more or less urgent: ``{"priority": "stat" | "urgent" | "routine"}``."""
    return _study(set_priority(scope, study_id, priority=_body(forms.NewPriority).priority))
