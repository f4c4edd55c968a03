"""What a page's script asks about its session. Nobody signed in gets 401 and no session, and disturbs nobody's sign-in."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from sidecar.accounts import asking, sessions, visits
from sidecar.accounts.visits import Visit
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Unauthenticated

bp = Blueprint("sessions", __name__)


@route(bp, "/session/token", needs=Permission.SIGNED_IN)
def session_token(_scope: Scope) -> ResponseReturnValue:
    """Return the form token of the session, for a page that was drawn under an earlier one."""
    return {"token": generate_csrf()}


@route(bp, "/session/state", needs=Permission.SIGNED_IN)
def session_state(_scope: Scope) -> ResponseReturnValue:
    """Say whose session this is and when it ends, without keeping it."""
    return _state(sessions.current_visit())


@route(bp, "/session/alive", needs=Permission.SIGNED_IN, methods=("POST",))
def session_alive(scope: Scope) -> ResponseReturnValue:
    """Somebody is in front of the page: the session is not idle."""
    return _state(visits.look(asking.redis(), scope.actor.session, now=scope.now, act=True))


def _state(visit: Visit | None) -> ResponseReturnValue:
    if visit is None:
        raise Unauthenticated("Please sign in.")
    return {"user": str(visit.user_id), "idle_at": visit.idle_at.isoformat(), "ends_at": visit.ends_at.isoformat()}
