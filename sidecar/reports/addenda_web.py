"""The pages' acts on addenda: begin or take over, review, hold, leave. The writing itself is done at the reading desk."""

from uuid import UUID

from flask import Blueprint, jsonify, redirect, render_template
from flask.typing import ResponseReturnValue

from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.reports import addenda, addendum_desk, queries

bp = Blueprint("addenda", __name__)
ADDENDUM = "/reports/<uuid:report_id>/addendum"


@route(bp, ADDENDUM, needs=Permission.REPORT_WRITE, methods=("POST",))
def begin(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """Open an addendum, or go on with what is open, beside the images."""
    addenda.open_addendum(scope, report_id)
    return redirect(f"/reading/{queries.get(scope, report_id).study_id}", 303)


@route(bp, f"{ADDENDUM}/review", needs=Permission.REPORT_WRITE)
def review(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """The report as it will be printed with the addendum, with the checks: the sign dialog's fragment."""
    return render_template("_review.html", **addendum_desk.review(scope, queries.get(scope, report_id)))


@route(bp, f"{ADDENDUM}/lock", needs=Permission.REPORT_WRITE, methods=("POST",))
def keep_lock(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """A sign of life of the page: the addendum stays its author's, or 409 tells who has it. → {revision} of the draft."""
    return jsonify(revision=addenda.keep_lock(scope, report_id).revision)


@route(bp, f"{ADDENDUM}/lock", needs=Permission.REPORT_WRITE, methods=("DELETE",))
def give_lock_back(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """The page was left."""
    addenda.leave(scope, report_id)
    return "", 204
