"""The worklist's pages and fragments, and the line that says "look again". What the templates need stands at their heads."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from sidecar.accounts.sessions import session_watch
from sidecar.assignment import policy, service
from sidecar.assignment.queries import candidates
from sidecar.audit.reads import note_list, note_record
from sidecar.gate.fields import Show, seen, show
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.gate.zones import viewer_zone
from sidecar.kernel.errors import Denied, Invalid
from sidecar.studies import queries as studies
from sidecar.studies.routing import left_since
from sidecar.studies.tables import Study
from sidecar.worklist import forms, page, preview, queries, stream
from sidecar.worklist.lines import ELSEWHERE
from sidecar.worklist.model import Filters, Sort, Viewer

bp = Blueprint("worklist", __name__)


@route(bp, "/", needs=Permission.SIGNED_IN)
def home(scope: Scope) -> ResponseReturnValue:
    """Lead everybody to where their work is."""
    doors = (
        (Permission.STUDY_CLAIM, "/worklist"),
        (Permission.STUDY_ASSIGN, "/worklist"),
        (Permission.ORGANISATION_MANAGE, "/admin/organisations"),
        (Permission.USER_MANAGE, "/admin/users"),
        (Permission.STUDY_LIST, "/hospital"),
    )
    return redirect(next(where for needs, where in doors if may_ever(scope.actor, needs)))


@route(bp, "/worklist", needs=Permission.STUDY_READ)
def worklist(scope: Scope) -> ResponseReturnValue:
    """Show the list with its views and search."""
    g.live = True
    filters = _filters(scope, request.args)
    preview_open = request.cookies.get("preview") == "on"
    shown = page.whole(scope, filters, _viewer(scope))
    note_list(scope, "worklist", filters.asked(), shown["shown"])
    return render_template("worklist.html", **shown, preview_open=preview_open)


@route(bp, "/worklist/rows", needs=Permission.STUDY_READ, methods=("POST",))
def rows(scope: Scope) -> ResponseReturnValue:
    """Draw the list anew for other filters. POST: a search may hold a patient's name, and addresses end up in logs."""
    filters = _filters(scope, request.form)
    shown = page.listing(scope, filters, _viewer(scope))
    note_list(scope, "worklist", filters.asked(), shown["shown"])
    return render_template("_worklist_list.html", **shown)


@route(bp, "/worklist/changes", needs=Permission.STUDY_READ, methods=("GET", "POST"))
def changes(scope: Scope) -> ResponseReturnValue:
    """Answer the rows touched since ``since``, and in headers the next cursor and whether to ask again at once."""
    fields = request.values
    filters = _filters(scope, fields)
    found = queries.changes(scope, filters, _viewer(scope), since=forms.read_cursor(fields))
    note_list(scope, "worklist", filters.asked(), len(found.rows), refresh=True)
    gone = render_template("_gone_rows.html", gone=left_since(scope, forms.read_cursor(fields)))
    response = Response(render_template("_worklist_rows.html", **page.rows(scope, found.rows)) + gone, mimetype="text/html")
    response.headers["X-Worklist-Cursor"] = str(found.cursor)
    if found.more:
        response.headers["X-Worklist-More"] = "1"
    return response


@route(bp, "/worklist/views", needs=Permission.STUDY_READ)
def views(scope: Scope) -> ResponseReturnValue:
    """Count the saved views again."""
    current = forms.read_filters({"view": request.args.get("view", "open")}).view
    return render_template("_views.html", views=page.views(scope, current, _viewer(scope)))


@route(bp, "/worklist/events", needs=Permission.STUDY_READ)
def events(scope: Scope) -> ResponseReturnValue:
    """Keep the line open. The transaction of this request ends before the first event is sent."""
    lines = stream.changes(current_app.extensions["readingroom.changes"], scope.organisation_id, still_signed_in=session_watch())
    response = Response(stream_with_context(lines), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


@route(bp, "/worklist/<uuid:study_id>/preview", needs=Permission.STUDY_READ)
def study_preview(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Show one study beside the list."""
    return render_template("_preview.html", **preview.context(scope, studies.get(scope, study_id)))


@route(bp, "/worklist/<uuid:study_id>/claim", needs=Permission.STUDY_CLAIM, methods=("POST",))
def claim(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Take it; answer with its row."""
    return _row(scope, service.claim(scope, study_id))


@route(bp, "/worklist/<uuid:study_id>/release", needs=Permission.STUDY_READ, methods=("POST",))
def release(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Give it back; answer with its row."""
    return _row(scope, service.release(scope, study_id))


@route(bp, "/worklist/<uuid:study_id>/assign", needs=Permission.STUDY_ASSIGN)
def choose_reader(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Show who could be given it."""
    study = studies.get(scope, study_id)
    readers = [
        {"id": str(one.id), "name": one.name, "open_count": one.open_count, "may": True, "why": ""}
        for one in candidates(scope, study)
    ]
    if not policy.may_assign(scope.actor, study):
        raise Denied(ELSEWHERE)
    note_record(scope, "whom to give it to", organisation_id=study.organisation_id, study_id=study.id)
    return render_template(
        "_assign.html", study=seen(scope.actor, study), readers=readers, assignee_id=str(study.assignee_id or "")
    )


@route(bp, "/worklist/<uuid:study_id>/assign", needs=Permission.STUDY_ASSIGN, methods=("POST",))
def assign(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Give it to the chosen reader, or back to everybody when none is chosen; answer with its row."""
    chosen = request.form.get("reader", "")
    if not chosen:
        return _row(scope, service.release(scope, study_id))
    try:
        user_id = UUID(chosen)
    except ValueError as error:
        raise Invalid("Choose a reader of the list.") from error
    return _row(scope, service.assign(scope, study_id, user_id=user_id))


def _row(scope: Scope, study: Study) -> str:
    filters = _filters(scope, {name: request.form[name] for name in ("view", "sort") if name in request.form})
    return render_template("_worklist_rows.html", **page.rows(scope, [queries.one(scope, study, filters)]))


def _filters(scope: Scope, given: Mapping[str, str]) -> Filters:
    """Return what is asked for. Whom names are masked for cannot order by them: the order would spell them out."""
    filters = forms.read_filters(given)
    if filters.sort is Sort.PATIENT and show(scope.actor, "patient_name") is not Show.PLAIN:
        return replace(filters, sort=Sort.URGENCY)
    return filters


def _viewer(scope: Scope) -> Viewer:
    return page.viewer(scope, viewer_zone())
