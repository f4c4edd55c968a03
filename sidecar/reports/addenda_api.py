"""The JSON door to addenda: open, save, look, throw away, sign."""

from uuid import UUID

from flask import Blueprint

from sidecar.accounts.asking import signature
from sidecar.gate import api
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Told
from sidecar.gate.scope import Scope
from sidecar.reports import addenda, queries, rules, service
from sidecar.reports.addenda_answers import AddendumAnswer, AddendumBody, StaleAddendumAnswer
from sidecar.reports.answers import CheckShown, SignBody, SignedAnswer
from sidecar.reports.api import version_answer
from sidecar.reports.errors import StaleAddendum
from sidecar.reports.model import Purpose, ReportStatus
from sidecar.reports.tables import Addendum

bp = Blueprint("addenda_api", __name__)
WRITE, SIGN = Permission.REPORT_WRITE, Permission.REPORT_SIGN
ONE = "/api/addenda/<uuid:addendum_id>"


@api.route(
    bp,
    "/api/reports/<uuid:report_id>/addenda",
    needs=WRITE,
    methods=("POST",),
    answer=AddendumAnswer,
    idempotent=True,
    refusals=(409,),
)
def open_addendum(scope: Scope, report_id: UUID) -> AddendumAnswer:
    """Open an addendum to a signed report for writing: a new one, or the one that is not signed yet."""
    return _addendum(addenda.open_addendum(scope, report_id))


@api.route(bp, ONE, needs=WRITE, answer=AddendumAnswer, etag=True)
def show_addendum(scope: Scope, addendum_id: UUID) -> AddendumAnswer:
    """Show an addendum to those who write it. It is on record."""
    addendum = queries.addendum(scope, addendum_id)
    service.note_draft(scope, queries.get(scope, addendum.report_id), form="json")
    return _addendum(addendum)


def current_addendum(scope: Scope, addendum_id: UUID) -> AddendumAnswer:
    """Return one as it is now, for a condition: nothing is read to anybody."""
    return _addendum(queries.addendum(scope, addendum_id))


@api.route(bp, ONE, needs=WRITE, methods=("PUT",), body=AddendumBody, answer=AddendumAnswer, revised=current_addendum)
def save_addendum(scope: Scope, addendum_id: UUID, body: AddendumBody, revision: int | None) -> AddendumAnswer | api.Otherwise:
    """Store the words; when another window was faster, the answer brings the newer ones along."""
    seen = body.revision if revision is None else revision
    try:
        return _addendum(addenda.save(scope, addendum_id, purpose=body.purpose, text=body.text, revision=seen))
    except StaleAddendum as stale:
        service.note_draft(scope, queries.get(scope, queries.addendum(scope, addendum_id).report_id), form="json")
        return api.Otherwise(stale.status if revision is None else 412, _newer(stale))


@api.route(bp, ONE, needs=WRITE, methods=("DELETE",), answer=Told, revised=current_addendum)
def discard_addendum(scope: Scope, addendum_id: UUID, revision: int | None) -> Told:
    """Throw away an addendum that nobody has signed."""
    addenda.discard(scope, addendum_id, revision=revision)
    return Told()


@api.route(
    bp,
    f"{ONE}/finalize",
    needs=SIGN,
    methods=("PUT",),
    body=SignBody,
    answer=SignedAnswer,
    revised=current_addendum,
    refusals=(409,),
)
def finalize_addendum(scope: Scope, addendum_id: UUID, body: SignBody, revision: int | None) -> SignedAnswer:
    """Sign it, if it is as you read it: it makes the next version of its report."""
    proof = signature(scope, body.model_dump(), of=str(addendum_id))
    seen = body.revision if revision is None else revision
    version = addenda.sign(scope, addendum_id, proof=proof, meaning=body.meaning, revision=seen)
    return SignedAnswer(**dict(version_answer(version)), next=f"/reports/{version.report_id}")


def _addendum(addendum: Addendum) -> AddendumAnswer:
    checks = rules.addendum_checks(text=addendum.text, status=addendum.status)
    return AddendumAnswer(
        id=addendum.id,
        report_id=addendum.report_id,
        status=ReportStatus(addendum.status),
        purpose=Purpose(addendum.purpose),
        text=addendum.text,
        author=addendum.author_name,
        revision=addendum.revision,
        saved_at=addendum.updated_at,
        version=addendum.version,
        checks=[CheckShown.model_validate(each) for each in checks],
    )


def _newer(stale: StaleAddendum) -> StaleAddendumAnswer:
    return StaleAddendumAnswer(
        message=stale.message,
        purpose=Purpose(stale.purpose),
        text=stale.text,
        revision=stale.revision,
        saved_by=stale.saved_by,
        saved_at=stale.saved_at,
    )
