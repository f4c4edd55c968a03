"""The door of the cells: ``POST /intake/events`` (wire format 3). nginx answers 404 to everybody outside."""

from typing import cast

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from sidecar.adapters.cell_tokens import CellTokens
from sidecar.gate.http import request_id, route, scopes
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.intake import service
from sidecar.intake.forms import MAXIMUM_EVENTS
from sidecar.kernel.errors import Busy, Invalid

bp = Blueprint("intake", __name__)


@route(bp, "/intake/events", needs=Permission.PUBLIC, methods=("POST",), csrf=False)
def take_events(_scope: Scope) -> ResponseReturnValue:
    """Take a batch. 200 names the events that stand in the database; 400 names the malformed ones beside them.

    Each event has a transaction of its own, inside the walls of the cell's owner; the door's own is left empty.
    """
    cell = service.recognise(scopes(), request.headers.get("Authorization", ""))
    body = request.get_json(silent=True)
    batch = body.get("events") if isinstance(body, dict) else None
    if not isinstance(batch, list) or not 0 < len(batch) <= MAXIMUM_EVENTS:
        raise Invalid(f'Send {{"events": […]}} with 1 to {MAXIMUM_EVENTS} events.')
    tokens = cast("CellTokens", current_app.extensions["readingroom.cell_tokens"])
    taken = service.take_batch(scopes(), tokens, cell, batch, request_id=request_id())
    if taken.refused:
        named = "; ".join(f"{event}: {fault}" for event, fault in taken.refused.items())
        answer = jsonify(status="error", code="invalid", message=named, accepted=taken.accepted, refused=taken.refused)
        answer.status_code = 400
        return answer
    if not taken.accepted:
        raise Busy("No event could be stored. Keep them and try again.")
    return jsonify(accepted=taken.accepted)
