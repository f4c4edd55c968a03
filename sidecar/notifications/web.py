"""The bell on every page, and the page behind it."""

from uuid import UUID

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue

from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.notifications import queries, service

bp = Blueprint("notifications", __name__)

SHOWN = 100
"""Lines of the page: older ones nobody looks for here."""
NEEDS = Permission.SIGNED_IN


@route(bp, "/notifications", needs=NEEDS)
def notifications(scope: Scope) -> ResponseReturnValue:
    """Show what the actor was told, newest first."""
    told = queries.latest(scope, limit=SHOWN)
    return render_template("notifications.html", notifications=told, unread=queries.unread_count(scope))


@route(bp, "/notifications/bell", needs=NEEDS)
def bell(scope: Scope) -> ResponseReturnValue:
    """Draw the bell with its number. Pages ask for it when they are drawn, and every minute."""
    return render_template("_bell.html", unread=queries.unread_count(scope))


@route(bp, "/notifications/<uuid:notification_id>", needs=NEEDS, methods=("POST",))
def go(scope: Scope, notification_id: UUID) -> ResponseReturnValue:
    """Put one away and go where it leads."""
    return redirect(service.read_one(scope, notification_id).href or "/notifications")


@route(bp, "/notifications/read", needs=NEEDS, methods=("POST",))
def read(scope: Scope) -> ResponseReturnValue:
    """Put all away."""
    service.read_all(scope)
    return redirect("/notifications")
