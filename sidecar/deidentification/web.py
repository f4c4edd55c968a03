"""The pages: ask for an export, see how far it is, look at what is held, take the file."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from flask import Blueprint, Response, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.accounts.carrying import hand_over
from sidecar.adapters.seals import Seal
from sidecar.audit.reads import note_list
from sidecar.deidentification import policy, queries, service, words
from sidecar.deidentification.forms import AskForm, DecisionForm
from sidecar.deidentification.model import SHUT, Decision, ExportState, Risk
from sidecar.deidentification.queries import Held
from sidecar.deidentification.store import file_of
from sidecar.gate.forms import Filled, read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh_person
from sidecar.kernel.errors import Invalid, Missing
from sidecar.studies import contexts
from sidecar.ui.outcome import tell

ASK, REVIEW = Permission.EXPORT_ASK, Permission.EXPORT_REVIEW
LONGEST_SEARCH = 200
bp = Blueprint("deidentification", __name__)


@route(bp, "/exports", needs=ASK)
def exports(scope: Scope) -> ResponseReturnValue:
    """List the exports: one's own, and for reviewers all of the house."""
    return render_template("exports.html", exports=queries.exports(scope), **_words(scope))


@route(bp, "/exports/new", needs=ASK)
def new_export(scope: Scope) -> ResponseReturnValue:
    """Show the form, with studies to choose from."""
    return _form(scope, Filled(None, {"study": request.args.get("studies", "").split(","), "heads": "y"}))


@route(bp, "/exports/studies", needs=ASK, methods=("POST",))
def find_studies(scope: Scope) -> ResponseReturnValue:
    """Show the same form with the studies a search finds, those already ticked first. A search names patients: never a GET."""
    return _form(scope, Filled(None, {"study": request.form.getlist("study"), "heads": "y"}))


@route(bp, "/exports", needs=ASK, methods=("POST",))
def ask(scope: Scope) -> ResponseReturnValue:
    """Ask for an export."""
    lists = {name: request.form.getlist(name) for name in ("study", "option")}
    filled = read(AskForm, {**request.form, **lists})
    if filled.value is None:
        return _form(scope, filled), 400
    form = filled.value
    need_fresh_person(scope)
    export = service.ask(
        scope, form.study, project=form.project, options=form.option, hold_heads=form.heads, reason=form.reason, seal=_seal()
    )
    return redirect(f"/exports/{export.id}")


@route(bp, "/exports/<uuid:export_id>", needs=ASK)
def export(scope: Scope, export_id: UUID) -> ResponseReturnValue:
    """Show one export and how far it is."""
    return render_template("export.html", view=queries.view(scope, export_id), **_words(scope))


@route(bp, "/exports/<uuid:export_id>/cancel", needs=ASK, methods=("POST",))
def cancel(scope: Scope, export_id: UUID) -> ResponseReturnValue:
    """Stop it, or throw its file away."""
    service.cancel(scope, export_id)
    return redirect(f"/exports/{export_id}")


@route(bp, "/exports/<uuid:export_id>/download", needs=ASK)
def download(scope: Scope, export_id: UUID) -> ResponseReturnValue:
    """Have the carrier bring the file; its name says nothing of anybody."""
    need_fresh_person(scope)
    export = service.download(scope, export_id)
    response = Response(mimetype="application/zip")
    response.headers["X-Accel-Redirect"] = hand_over(scope, file=file_of(export.organisation_id, export.id))
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = f'attachment; filename="anonymised-{str(export.id)[:8]}.zip"'
    return response


@route(bp, "/exports/<uuid:export_id>/review", needs=REVIEW)
def review(scope: Scope, export_id: UUID) -> ResponseReturnValue:
    """Show the held images by series; one of them large when it is named."""
    view = queries.view(scope, export_id)
    held = queries.held(scope, export_id)
    wanted = request.args.get("image", "")
    current = next((each for each in held if each.held.orthanc_id == wanted), None)
    if wanted and current is None:
        raise Missing
    roots = _roots(scope, held) if view.export.state == ExportState.HELD else {}
    if not roots:
        note_list(scope, "held images of an export", {"export": str(export_id)}, len(held))
    return render_template(
        "export_review.html",
        view=view,
        groups=_groups(held),
        current=current,
        frame=_frame(current),
        following=_following(held, current),
        source=lambda each, frame, size: _source(roots, each, frame, size),
        shut={each.held.orthanc_id for each in held if SHUT & set(each.held.risks)},
        **_words(scope),
    )


@route(bp, "/exports/<uuid:export_id>/review", needs=REVIEW, methods=("POST",))
def decide(scope: Scope, export_id: UUID) -> ResponseReturnValue:
    """Decide about one image or several."""
    queries.get(scope, export_id)
    filled = read(DecisionForm, {**request.form, "image": request.form.getlist("image")})
    if filled.value is None:
        raise Invalid(next(iter(filled.errors.values())))
    form = filled.value
    still = service.decide(scope, export_id, form.image, decision=form.decision, masks=form.masks)
    done = {Decision.RELEASE: "released", Decision.MASK: "blacked out and released", Decision.DROP: "left out"}[form.decision]
    number = len(form.image)
    tell(f"{number} image{'s' if number > 1 else ''} {done}. {still} to look at.")
    following = next((each for each in queries.held(scope, export_id) if not each.held.decision), None)
    to = f"?image={following.held.orthanc_id}" if following and "one" in request.args else ""
    return redirect(f"/exports/{export_id}/review{to}")


@route(bp, "/exports/<uuid:export_id>/resume", needs=REVIEW, methods=("POST",))
def resume(scope: Scope, export_id: UUID) -> ResponseReturnValue:
    """Everything is decided: make the file."""
    service.resume(scope, export_id)
    return redirect(f"/exports/{export_id}")


def _form(scope: Scope, filled: Filled[AskForm]) -> str:
    chosen = [each for each in map(_uuid, filled.values.get("study", [])) if each]
    q = request.form.get("q", "")[:LONGEST_SEARCH]
    studies = queries.exportable(scope, q=q, chosen=chosen)
    note_list(scope, "studies to export", {"q": q, "chosen": [str(each) for each in chosen]}, len(studies))
    return render_template(
        "export_form.html",
        studies=studies,
        chosen=chosen,
        q=q,
        projects=queries.projects(scope),
        options=words.OPTIONS,
        values={"project": "", "option": [], "reason": "", "heads": "", **filled.values},
        errors=filled.errors,
    )


def _groups(held: Sequence[Held]) -> list[dict[str, Any]]:
    """Return the held images by series, those with the same reasons and size together: what one decision can be about."""
    groups: dict[tuple[object, ...], dict[str, Any]] = {}
    for each in held:
        key = (each.series.id, tuple(each.held.risks), each.instance.rows, each.instance.columns)
        group = groups.setdefault(key, {"study": each.study, "series": each.series, "risks": each.held.risks, "images": []})
        group["images"].append(each)
    return list(groups.values())


def _following(held: Sequence[Held], current: Held | None) -> dict[str, str]:
    """Return the neighbours of the image that is shown large."""
    if current is None:
        return {"before": "", "after": ""}
    ids = [each.held.orthanc_id for each in held]
    place = ids.index(current.held.orthanc_id)
    return {"before": ids[place - 1] if place else "", "after": ids[place + 1] if place + 1 < len(ids) else ""}


def _roots(scope: Scope, held: Sequence[Held]) -> dict[UUID, str]:
    """Return where each study's pixels are. Whoever looks has opened the study: that goes on record."""
    studies = {each.study.id: each.study for each in held}
    return {
        study_id: f"/dicom-web/{contexts.open_context(scope, study_id, preview=True).id}/studies/{study.study_instance_uid}"
        for study_id, study in studies.items()
    }


def _source(roots: dict[UUID, str], each: Held, frame: int, size: int) -> str:
    """Return the address of one frame as a picture; "" where there is none to see."""
    if each.study.id not in roots or not each.instance.rows or set(each.held.risks) & {Risk.DOCUMENT, Risk.UNREADABLE}:
        return ""
    image = f"series/{each.series.series_instance_uid}/instances/{each.instance.sop_instance_uid}"
    frames = f"/frames/{frame}" if each.instance.number_of_frames > 1 else ""
    return f"{roots[each.study.id]}/{image}{frames}/rendered" + (f"?viewport={size},{size}" if size else "")


def _frame(current: Held | None) -> int:
    """Return which frame is asked for, from 1."""
    asked = request.args.get("frame", "1")
    last = current.instance.number_of_frames if current else 1
    return min(max(1, int(asked)), max(1, last)) if asked.isdecimal() and len(asked) < 7 else 1  # noqa: PLR2004 - digits


def _words(scope: Scope) -> dict[str, Any]:
    return {
        "states": words.STATES,
        "risks": words.RISKS,
        "problems": words.PROBLEMS,
        "labels": {option: label for option, label, _text in words.OPTIONS},
        "may_review": policy.may_review(scope.actor),
    }


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _seal() -> Seal:
    return cast("Seal", current_app.extensions["readingroom.seal"])
