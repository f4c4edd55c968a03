"""The hospital's pages of orders: the day's list, the form, one press for each status and one to take it back."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.audit.reads import note_list, note_record
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.orders import queries, service, show
from sidecar.orders.forms import OrderForm, StatusForm
from sidecar.orders.model import MODALITIES, OrderStatus
from sidecar.orders.queries import Filters
from sidecar.orders.service import NumberTaken
from sidecar.orders.tables import Order
from sidecar.ui.outcome import tell

bp = Blueprint("orders", __name__)
MANAGE = Permission.ORDER_MANAGE
DONE = {
    OrderStatus.SCHEDULED: "The order is scheduled.",
    OrderStatus.ARRIVED: "The patient has arrived.",
    OrderStatus.CANCELLED: "The order was cancelled. Its modality is not offered it any more.",
}


def read_filters(fields: Mapping[str, str]) -> Filters:
    """Return what is looked for; Invalid when a filter means nothing."""
    day, modality, status = (fields.get(name, "") for name in ("day", "modality", "status"))
    if modality and modality not in MODALITIES:
        raise Invalid("The list does not understand these filters.")
    try:
        return Filters(date.fromisoformat(day) if day else None, modality, OrderStatus(status) if status else None)
    except ValueError:
        raise Invalid("The list does not understand these filters.") from None


@route(bp, "/orders", needs=MANAGE)
def orders(scope: Scope) -> ResponseReturnValue:
    """List the orders of a day, today unless another or every one (``day=``) is asked for."""
    fields = {"day": queries.local_now(scope).date().isoformat(), **request.args.to_dict()}
    filters = read_filters(fields)
    shown = show.listing(scope, filters)
    note_list(scope, "orders", asdict(filters), len(shown["orders"]))
    return render_template("orders.html", **shown)


def _form(scope: Scope, filled: Filled[OrderForm], order: Order | None = None) -> str:
    return render_template(
        "order_form.html",
        order=order,
        studies=queries.studies_of(scope, [order.id]).get(order.id, []) if order else [],
        values={**show.EMPTY, **filled.values},
        errors=filled.errors,
        modalities=[(code, code) for code in MODALITIES],
        sexes=show.SEXES,
    )


@route(bp, "/orders/new", needs=MANAGE)
def new_order(scope: Scope) -> ResponseReturnValue:
    """Show the form, with the hospital's present day and hour."""
    now = queries.local_now(scope)
    known = {
        "scheduled_procedure_step_start_date": now.date().isoformat(),
        "scheduled_procedure_step_start_time": f"{now:%H}:00",
        "modality": "CT",
    }
    return _form(scope, Filled(None, known))


@route(bp, "/orders", needs=MANAGE, methods=("POST",))
def add_order(scope: Scope) -> ResponseReturnValue:
    """Schedule a procedure."""
    filled = read(OrderForm, request.form)
    if filled.value is None:
        return _form(scope, filled), 400
    try:
        with tentatively(scope):
            order = service.add(scope, filled.value.facts())
    except NumberTaken as problem:
        return _form(scope, filled.refused("accession_number", problem.message)), problem.status
    tell(f"Order {order.accession_number} was added.", undo=f"/orders/{order.id}/status", status="cancelled")
    return redirect(f"/orders?day={order.scheduled_procedure_step_start_date}")


@route(bp, "/orders/<uuid:order_id>", needs=MANAGE)
def edit_order(scope: Scope, order_id: UUID) -> ResponseReturnValue:
    """Show one order's form."""
    order = queries.get(scope, order_id)
    note_record(scope, "an order", organisation_id=order.organisation_id, order_id=order.id)
    return _form(scope, Filled(None, show.values(order)), order)


@route(bp, "/orders/<uuid:order_id>", needs=MANAGE, methods=("POST",))
def change_order(scope: Scope, order_id: UUID) -> ResponseReturnValue:
    """Save one order; the next page offers what it was before."""
    order = queries.get(scope, order_id)
    before = show.values(order)
    filled = read(OrderForm, request.form)
    if filled.value is None:
        return _form(scope, filled, order), 400
    try:
        with tentatively(scope):
            service.change(scope, order_id, filled.value.facts())
    except NumberTaken as problem:
        scope.session.refresh(order)
        return _form(scope, filled.refused("accession_number", problem.message), order), problem.status
    tell(f"Order {order.accession_number} was saved.", undo=f"/orders/{order_id}", **before)
    return redirect(f"/orders?day={order.scheduled_procedure_step_start_date}")


@route(bp, "/orders/<uuid:order_id>/status", needs=MANAGE, methods=("POST",))
def move_order(scope: Scope, order_id: UUID) -> ResponseReturnValue:
    """Make an order arrived, cancelled or scheduled; the next page offers to take it back."""
    before = queries.get(scope, order_id).status
    filled = read(StatusForm, request.form)
    if filled.value is None:
        raise Invalid(filled.errors["status"])
    order = service.move(scope, order_id, status=filled.value.status)
    tell(DONE[filled.value.status], undo=f"/orders/{order_id}/status", status=before)
    return redirect(f"/orders?day={order.scheduled_procedure_step_start_date}")
