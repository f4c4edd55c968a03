"""JSON: ``/api/orders``, the same verbs as the pages. Fields are named as in ``forms.OrderForm``; a bad one is named back."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from flask import Blueprint

from sidecar.audit.reads import note_list, note_record
from sidecar.gate import api
from sidecar.gate.fields import seen
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.orders import queries, service, show
from sidecar.orders.answers import OrderAnswer, OrdersAnswer, OrdersAsked, OrderShown
from sidecar.orders.forms import OrderForm, StatusForm
from sidecar.orders.tables import Order

bp = Blueprint("orders_api", __name__)
MANAGE = Permission.ORDER_MANAGE


def _shown(scope: Scope, orders: Sequence[Order]) -> list[OrderShown]:
    studies = queries.studies_of(scope, [order.id for order in orders])
    shown = ((seen(scope.actor, order), studies.get(order.id, [])) for order in orders)
    return [OrderShown.model_validate(show.as_json(order, of)) for order, of in shown]


def _answer(scope: Scope, order: Order) -> OrderAnswer:
    return OrderAnswer(order=_shown(scope, [order])[0])


@api.route(bp, "/api/orders", needs=MANAGE, query=OrdersAsked, answer=OrdersAnswer)
def api_orders(scope: Scope, query: OrdersAsked) -> OrdersAnswer:
    """List the orders, the latest written first."""
    filters = query.filters()
    rows, following = queries.page(scope, filters, query)
    note_list(scope, "orders", asdict(filters), len(rows))
    return OrdersAnswer(orders=_shown(scope, rows), next=following)


@api.route(
    bp,
    "/api/orders",
    needs=MANAGE,
    methods=("POST",),
    body=OrderForm,
    answer=OrderAnswer,
    status=201,
    idempotent=True,
    refusals=(409,),
)
def api_add_order(scope: Scope, body: OrderForm) -> OrderAnswer:
    """Schedule."""
    return _answer(scope, service.add(scope, body.facts()))


@api.route(bp, "/api/orders/<uuid:order_id>", needs=MANAGE, answer=OrderAnswer, etag=True)
def api_order(scope: Scope, order_id: UUID) -> OrderAnswer:
    """Show one."""
    order = queries.get(scope, order_id)
    note_record(scope, "an order", organisation_id=order.organisation_id, order_id=order.id)
    return _answer(scope, order)


@api.route(bp, "/api/orders/<uuid:order_id>", needs=MANAGE, methods=("PUT",), body=OrderForm, answer=OrderAnswer, etag=api_order)
def api_change_order(scope: Scope, order_id: UUID, body: OrderForm) -> OrderAnswer:
    """Edit: all fields, as shown."""
    return _answer(scope, service.change(scope, order_id, body.facts()))


@api.route(
    bp,
    "/api/orders/<uuid:order_id>/status",
    needs=MANAGE,
    methods=("POST",),
    body=StatusForm,
    answer=OrderAnswer,
    refusals=(409,),
)
def api_move_order(scope: Scope, order_id: UUID, body: StatusForm) -> OrderAnswer:
    """Move it on, or cancel it."""
    queries.get(scope, order_id)
    return _answer(scope, service.move(scope, order_id, status=body.status))
