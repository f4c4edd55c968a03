"""JSON: ``POST /api/studies/<id>/claim|release|assign|priority|take-back|offer-again``: one conditional change each, or a no."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from sidecar.assignment import queries, service
from sidecar.assignment.forms import (
    AssignTo,
    CandidatesAnswer,
    CandidateShown,
    NewPriority,
    Standing,
    StandingAnswer,
    TakenBack,
    TakenBackAnswer,
    TakingBack,
)
from sidecar.assignment.taking_back import offer_again, take_back
from sidecar.gate import api
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.studies import queries as studies
from sidecar.studies.service import set_priority
from sidecar.studies.tables import Study

bp = Blueprint("assignment", __name__)
CHANGES: dict[str, Any] = {"methods": ("POST",), "answer": StandingAnswer, "refusals": (409,)}


def _answer(study: Study) -> StandingAnswer:
    return StandingAnswer(study=Standing.model_validate(study))


@api.route(bp, "/api/studies/<uuid:study_id>/claim", needs=Permission.STUDY_CLAIM, **CHANGES)
def claim(scope: Scope, study_id: UUID) -> StandingAnswer:
    """Take it."""
    return _answer(service.claim(scope, study_id))


@api.route(bp, "/api/studies/<uuid:study_id>/release", needs=Permission.STUDY_READ, **CHANGES)
def release(scope: Scope, study_id: UUID) -> StandingAnswer:
    """Give it back to everybody."""
    return _answer(service.release(scope, study_id))


@api.route(bp, "/api/studies/<uuid:study_id>/candidates", needs=Permission.STUDY_ASSIGN, answer=CandidatesAnswer)
def candidates(scope: Scope, study_id: UUID) -> CandidatesAnswer:
    """List who could be given it."""
    found = queries.candidates(scope, studies.get(scope, study_id))
    return CandidatesAnswer(candidates=[CandidateShown(id=one.id, name=one.name, open=one.open_count) for one in found])


@api.route(bp, "/api/studies/<uuid:study_id>/assign", needs=Permission.STUDY_ASSIGN, body=AssignTo, **CHANGES)
def assign(scope: Scope, study_id: UUID, body: AssignTo) -> StandingAnswer:
    """Give it to somebody, whatever happened to it meanwhile; PUT does so only if it is as you saw it."""
    return _answer(service.assign(scope, study_id, user_id=body.user_id))


@api.route(bp, "/api/studies/<uuid:study_id>/priority", needs=Permission.STUDY_PRIORITISE, body=NewPriority, **CHANGES)
def prioritise(scope: Scope, study_id: UUID, body: NewPriority) -> StandingAnswer:
    """Make it more or less urgent."""
    return _answer(set_priority(scope, study_id, priority=body.priority))


@api.route(
    bp,
    "/api/studies/<uuid:study_id>/take-back",
    needs=Permission.STUDY_TAKE_BACK,
    methods=("POST",),
    body=TakingBack,
    answer=TakenBackAnswer,
    idempotent=True,
    refusals=(409,),
)
def take_study_back(scope: Scope, study_id: UUID, body: TakingBack) -> TakenBackAnswer:
    """Take an unsigned study back from the reading group; 409 with code being-read until that is confirmed."""
    made = take_back(scope, study_id, reason=body.reason, explanation=body.explanation, confirmed=body.confirmed)
    shown = {name: getattr(made, name.replace("organization", "organisation")) for name in TakenBack.model_fields}
    return TakenBackAnswer(take_back=TakenBack.model_validate(shown))


@api.route(bp, "/api/studies/<uuid:study_id>/offer-again", needs=Permission.STUDY_TAKE_BACK, **CHANGES)
def offer_study_again(scope: Scope, study_id: UUID) -> StandingAnswer:
    """Let contracts give it again to whom it was taken back from."""
    return _answer(offer_again(scope, study_id))
