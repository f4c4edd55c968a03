"""Buttons that try a node: echo and test image."""

from typing import cast
from uuid import UUID

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from sidecar.adapters.nodes import Nodes
from sidecar.gate.http import route
from sidecar.gate.scope import Scope
from sidecar.organisations import service
from sidecar.organisations.service import Trial
from sidecar.organisations.web.blueprint import bp, settings
from sidecar.organisations.web.entities import LIST, MANAGE


def _try(scope: Scope, entity_id: UUID, trial: Trial) -> str:
    nodes = cast("Nodes", current_app.extensions["readingroom.nodes"])
    answer = service.try_node(scope, entity_id, nodes, trial=trial, cell_host=settings().cell_host)
    return render_template("_ae_tried.html", answer=answer)


@route(bp, f"{LIST}/<uuid:entity_id>/echo", needs=MANAGE, methods=("POST",))
def echo_node(scope: Scope, entity_id: UUID) -> ResponseReturnValue:
    """Let the archive send an echo to a node."""
    return _try(scope, entity_id, Trial.ECHO)


@route(bp, f"{LIST}/<uuid:entity_id>/test-send", needs=MANAGE, methods=("POST",))
def send_test_image(scope: Scope, entity_id: UUID) -> ResponseReturnValue:
    """Let the archive send the test image to a node."""
    return _try(scope, entity_id, Trial.SEND)
