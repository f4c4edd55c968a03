"""One study: send it, hold it, delete it. Downloads are in ``taking``."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.archive import queries, rules, service
from sidecar.archive.forms import DeleteForm, HoldForm, NodeForm, ReasonForm
from sidecar.archive.model import Reason
from sidecar.archive.web.blueprint import bp, of_study
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.studies import queries as studies
from sidecar.ui.outcome import tell


@route(bp, "/studies/<uuid:study_id>/send", needs=Permission.STUDY_SEND)
def send_page(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Offer the nodes of the own archive."""
    study = studies.get(scope, study_id)
    return render_template("archive_send.html", **of_study(scope, study, "send"), nodes=queries.nodes(scope))


@route(bp, "/studies/<uuid:study_id>/send", needs=Permission.STUDY_SEND, methods=("POST",))
def send(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Have it sent; the list of jobs shows how far it is."""
    study = studies.get(scope, study_id)
    wanted = read(NodeForm, request.form).value
    if wanted is None:
        raise Invalid("Choose a node from the list.")
    job = service.send(scope, [study.id], node_id=wanted.node_id)[0]
    tell(f"On its way to {job.target}: {job.total} images.")
    return redirect("/archive/jobs")


@route(bp, "/studies/<uuid:study_id>/export", needs=Permission.EXPORT_ASK)
def export_page(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Lead to the form of de-identified exports with this study in it."""
    return redirect(f"/exports/new?studies={studies.get(scope, study_id).id}")


@route(bp, "/studies/<uuid:study_id>/delete", needs=Permission.STUDY_DELETE)
def delete_page(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Ask why."""
    return _ask_why(scope, study_id, Filled(None, {}))


@route(bp, "/studies/<uuid:study_id>/delete", needs=Permission.STUDY_DELETE, methods=("POST",))
def delete(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """First post: show what will happen and ask again. Second post, with the number of images shown: do it."""
    studies.get(scope, study_id)
    why = read(ReasonForm, request.form)
    if why.value is None:
        return _ask_why(scope, study_id, why), 400
    confirmed = read(DeleteForm, request.form)
    if confirmed.value is None:
        return _ask_again(scope, study_id, why.value)
    try:
        with tentatively(scope):
            made = service.delete(scope, study_id, **confirmed.value.model_dump())
    except Conflict as problem:
        return _ask_why(scope, study_id, why.refused("", problem.message)), problem.status
    tell("The study is deleted. Its images are removed in 7 days.", undo=f"/archive/deleted/{made.id}/undo")
    return redirect("/hospital")


def _ask_why(scope: Scope, study_id: UUID, filled: Filled[ReasonForm]) -> str:
    study = studies.get(scope, study_id)
    standing = queries.standing(scope, study)
    known: dict[str, Any] = {"reason": "", "explanation": "", **filled.values}
    return render_template(
        "archive_delete.html",
        **of_study(scope, study, "delete"),
        standing=standing,
        possible=_possible(scope, standing),
        values=known,
        errors=filled.errors,
        confirm=False,
    )


def _ask_again(scope: Scope, study_id: UUID, why: ReasonForm) -> ResponseReturnValue:
    study = studies.get(scope, study_id)
    standing = queries.standing(scope, study)
    hindrance = rules.why_not_delete(standing, why.reason, scope.now.date())
    errors = {"": f"This study cannot be deleted. {hindrance}"} if hindrance else {}
    page = render_template(
        "archive_delete.html",
        **of_study(scope, study, "delete"),
        standing=standing,
        possible=_possible(scope, standing),
        values=why.model_dump(),
        errors=errors,
        confirm=not hindrance,
    )
    return page, Conflict.status if hindrance else 200


def _possible(scope: Scope, standing: rules.Standing) -> list[Reason]:
    """Return the reasons for which the study could be deleted today."""
    return [each for each in Reason if not rules.why_not_delete(standing, each, scope.now.date())]


@route(bp, "/studies/<uuid:study_id>/hold", needs=Permission.STUDY_HOLD)
def hold_page(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Show whether the study is under legal hold, and was."""
    return _hold(scope, study_id, {})


@route(bp, "/studies/<uuid:study_id>/hold", needs=Permission.STUDY_HOLD, methods=("POST",))
def set_hold(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Set one."""
    studies.get(scope, study_id)
    filled = read(HoldForm, request.form)
    if filled.value is None:
        return _hold(scope, study_id, filled.errors), 400
    service.set_hold(scope, study_id, reason=filled.value.reason)
    tell("The study is under legal hold: nobody can delete it until the hold is lifted.")
    return redirect(f"/studies/{study_id}/hold")


@route(bp, "/studies/<uuid:study_id>/hold/lift", needs=Permission.STUDY_HOLD, methods=("POST",))
def lift_hold(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Lift it."""
    studies.get(scope, study_id)
    filled = read(HoldForm, request.form)
    if filled.value is None:
        return _hold(scope, study_id, filled.errors), 400
    service.lift_hold(scope, study_id, reason=filled.value.reason)
    tell("The legal hold is lifted. The retention period still holds.")
    return redirect(f"/studies/{study_id}/hold")


def _hold(scope: Scope, study_id: UUID, errors: Any) -> str:
    study = studies.get(scope, study_id)
    standing = queries.standing(scope, study)
    return render_template(
        "archive_hold.html",
        **of_study(scope, study, "hold"),
        holds=queries.holds(scope, study),
        standing=standing,
        errors=errors,
    )
