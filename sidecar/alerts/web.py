"""The page of alerts: what nobody has looked at on top, and the note that says what it was."""

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.alerts import limits, queries, service, words
from sidecar.alerts.forms import LimitsForm, NoteForm
from sidecar.alerts.model import GRAVE
from sidecar.alerts.rules import CHOICES
from sidecar.gate.forms import Filled, read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh
from sidecar.ui.outcome import tell

bp = Blueprint("alerts", __name__)
HANDLE = Permission.ALERT_HANDLE


@route(bp, "/admin/alerts", needs=HANDLE)
def alerts(scope: Scope) -> ResponseReturnValue:
    """Show what is open, and what was settled lately."""
    return _page(scope)


@route(bp, "/admin/alerts/limits", needs=HANDLE, methods=("POST",))
def choose_limits(scope: Scope) -> ResponseReturnValue:
    """Choose from which number on there is an alert."""
    need_fresh(scope)  # whoever is about to take much along would begin here
    filled = read(LimitsForm, request.form)
    if filled.value is None:
        return _page(scope, limits_filled=filled), 400
    limits.set_limits(scope, filled.value.model_dump())
    tell("These are the limits from now on.")
    return redirect("/admin/alerts#limits")


@route(bp, "/admin/alerts/<uuid:alert_id>/acknowledge", needs=HANDLE, methods=("POST",))
def acknowledge(scope: Scope, alert_id: UUID) -> ResponseReturnValue:
    """Settle one, with a note."""
    filled = read(NoteForm, request.form)
    if filled.value is None:
        return _page(scope, alert_id, filled), 400
    service.acknowledge(scope, alert_id, note=filled.value.note)
    tell("Settled. It stays on record with your note.")
    return redirect("/admin/alerts")


def _page(
    scope: Scope,
    refused: UUID | None = None,
    filled: Filled[NoteForm] | None = None,
    *,
    limits_filled: Filled[LimitsForm] | None = None,
) -> str:
    standing, done = queries.open_alerts(scope), queries.settled_alerts(scope)
    about = [UUID(each.facts["user_id"]) for each in (*standing, *done) if each.facts.get("user_id")]
    known = queries.names(scope, about)
    in_force = limits.limits_of(scope)
    return render_template(
        "admin_alerts.html",
        choices=CHOICES,
        house=limits.HOUSE,
        limits={**{name: getattr(in_force, name) for name in CHOICES}, **(limits_filled.values if limits_filled else {})},
        wrong_limits=limits_filled.errors if limits_filled else {},
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
