"""The journal in words, narrowed by person, kind, time and outcome; and the timeline of one study."""

from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue

from sidecar.audit import forms, patients, queries, service
from sidecar.audit.model import Question
from sidecar.audit.web.blueprint import PAGE_ROWS, bp, note, tabs
from sidecar.audit.words import GROUPS
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.zones import viewer_zone


@route(bp, "/admin/audit", needs=Permission.AUDIT_READ)
def audit(scope: Scope) -> ResponseReturnValue:
    """Show who did what, newest first. Addresses hold ids of staff and studies, never a patient's."""
    filters = forms.read_filters(request.args, viewer_zone())
    rows = queries.page(scope, filters.question, after=forms.read_cursor(request.args), limit=PAGE_ROWS + 1)
    shown = rows[:PAGE_ROWS]
    note(scope, "journal", filters.narrowing, len(shown))
    return render_template(
        "admin_audit.html",
        tabs=tabs("/admin/audit"),
        entries=queries.entries(scope, shown),
        filters=filters,
        groups=GROUPS,
        people=[("", "Everybody"), *queries.people(scope)],
        outcomes=forms.OUTCOMES,
        keeping=service.known_keeping(scope),
        first="after" not in request.args,
        following=queries.following(rows, PAGE_ROWS),
    )


@route(bp, "/admin/audit/studies/<uuid:study_id>", needs=Permission.AUDIT_READ)
def study_timeline(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Show all that ever happened to one study, newest first."""
    study = patients.study(scope, study_id)
    rows = queries.page(scope, Question(studies=(study_id,)), after=forms.read_cursor(request.args), limit=PAGE_ROWS + 1)
    shown = rows[:PAGE_ROWS]
    note(scope, "a study's timeline", {"study": str(study_id)}, len(shown))
    return render_template(
        "audit_study.html",
        tabs=tabs(""),
        study=study,
        entries=queries.entries(scope, shown),
        first="after" not in request.args,
        following=queries.following(rows, PAGE_ROWS),
    )
