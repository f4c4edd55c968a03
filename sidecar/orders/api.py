"""JSON: ``/api/orders``, the same verbs as the pages. Fields are named as in ``forms.OrderForm``; a bad one is named back."""

from uuid import UUID

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from sidecar.gate.forms import read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.orders import queries, service, show
from sidecar.orders.forms import OrderForm, StatusForm
from sidecar.orders.model import OrderFacts
from sidecar.orders.tables import Order
from sidecar.orders.web import read_filters

bp = Blueprint("orders_api", __name__)
MANAGE = Permission.ORDER_MANAGE


def _facts() -> OrderFacts:
    body = request.get_json(silent=True)
    filled = read(OrderForm, body if isinstance(body, dict) else {})
    if filled.value is None:
        raise Invalid("; ".join(f"{name}: {words}" for name, words in sorted(filled.errors.items())))
    return filled.value.facts()


def _answer(scope: Scope, order: Order) -> Response:
    studies = queries.studies_of(scope, [order.id]).get(order.id, [])
    return jsonify(status="ok", order=show.as_json(order, studies))


@route(bp, "/api/orders", needs=MANAGE)
def api_orders(scope: Scope) -> ResponseReturnValue:
    """List: ``?day=2026-11-21&modality=CT&status=scheduled``, each optional."""
    found = queries.listed(scope, read_filters(request.args))
    studies = queries.studies_of(scope, [order.id for order in found])
    return jsonify(status="ok", orders=[show.as_json(order, studies.get(order.id, [])) for order in found])


@route(bp, "/api/orders", needs=MANAGE, methods=("POST",))
def api_add_order(scope: Scope) -> ResponseReturnValue:
    """Schedule."""
    return _answer(scope, service.add(scope, _facts())), 201


@route(bp, "/api/orders/<uuid:order_id>", needs=MANAGE)
def api_order(scope: Scope, order_id: UUID) -> ResponseReturnValue:
    """Show one."""
    return _answer(scope, queries.get(scope, order_id))


@route(bp, "/api/orders/<uuid:order_id>", needs=MANAGE, methods=("PUT",))
def api_change_order(scope: Scope, order_id: UUID) -> ResponseReturnValue:
    """Edit: all fields, as shown."""
    queries.get(scope, order_id)
    return _answer(scope, service.change(scope, order_id, _facts()))


@route(bp, "/api/orders/<uuid:order_id>/status", needs=MANAGE, methods=("POST",))
def api_move_order(scope: Scope, order_id: UUID) -> ResponseReturnValue:
    """Move: ``{"status": "scheduled" | "arrived" | "cancelled"}``."""
    queries.get(scope, order_id)
    body = request.get_json(silent=True)
    filled = read(StatusForm, body if isinstance(body, dict) else {})
    if filled.value is None:
        raise Invalid("Send {status} as JSON: scheduled, arrived or cancelled.")
    return _answer(scope, service.move(scope, order_id, status=filled.value.status))
