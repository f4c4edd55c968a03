"""The page of alerts: what nobody has looked at on top, and the note that says what it was."""

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.alerts import queries, service, words
from sidecar.alerts.forms import NoteForm
from sidecar.alerts.model import GRAVE
from sidecar.gate.forms import Filled, read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope

bp = Blueprint("alerts", __name__)
HANDLE = Permission.ALERT_HANDLE


@route(bp, "/admin/alerts", needs=HANDLE)
def alerts(scope: Scope) -> ResponseReturnValue:
    """Show what is open, and what was settled lately."""
    return _page(scope)


@route(bp, "/admin/alerts/<uuid:alert_id>/acknowledge", needs=HANDLE, methods=("POST",))
def acknowledge(scope: Scope, alert_id: UUID) -> ResponseReturnValue:
    """Settle one, with a note."""
    filled = read(NoteForm, request.form)
    if filled.value is None:
        return _page(scope, alert_id, filled), 400
    service.acknowledge(scope, alert_id, note=filled.value.note)
    flash({"text": "Settled. It stays on record with your note.", "undo": "", "fields": {}}, "ok")  # type: ignore[arg-type]
    return redirect("/admin/alerts")


def _page(scope: Scope, refused: UUID | None = None, filled: Filled[NoteForm] | None = None) -> str:
    standing, done = queries.open_alerts(scope), queries.settled_alerts(scope)
    about = [UUID(each.facts["user_id"]) for each in (*standing, *done) if each.facts.get("user_id")]
    known = queries.names(scope, about)
    return render_template(
        "admin_alerts.html",
        standing=standing,
        done=done,
        said={each.id: words.happened(each.kind, each.facts, service.person(each, known)) for each in (*standing, *done)},
        label=words.label,
        advice=words.advice,
        grave={each.value for each in GRAVE},
        brief=timedelta(minutes=1),
        refused=refused,
        error=filled.errors.get("note", "") if filled else "",
    )
