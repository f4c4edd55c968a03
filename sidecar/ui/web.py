"""The gallery: every component on one page, for whoever builds the next page."""

from datetime import timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope

bp = Blueprint("ui", __name__)


@route(bp, "/ui", needs=Permission.SIGNED_IN)
def gallery(scope: Scope) -> ResponseReturnValue:
    """Show all components with deadlines past, near and far."""
    samples = {
        "overdue": scope.now - timedelta(minutes=14),
        "soon": scope.now + timedelta(minutes=12),
        "later": scope.now + timedelta(hours=5),
    }
    return render_template("gallery.html", samples=samples)
