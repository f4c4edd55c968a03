"""What may be done to an order: schedule, edit, move from status to status, find the study that belongs to it."""

import secrets
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError

from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied
from sidecar.orders import queries, rules
from sidecar.orders.events import OrderAdded, OrderChanged, OrderMatched, OrderMoved, OrderUnmatched
from sidecar.orders.model import STATUS_WORDS, OrderFacts, OrderStatus, StudyFacts
from sidecar.orders.tables import Order, OrderStudy

NUMBER_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Signs of the numbers we give: none that is taken for another."""


class NumberTaken(Conflict):
    """Another order has this accession number."""


def add(scope: Scope, facts: OrderFacts) -> Order:
    """Schedule a procedure; an accession number is given if none was written. Raises NumberTaken, Denied."""
    if scope.actor.kind is not OrganisationKind.PROVIDER:
        raise Denied("Only a hospital schedules procedures.")
    number = facts.accession_number or _number(scope)
    order = Order(
        organisation_id=scope.organisation_id,
        id=uuid4(),
        requested_procedure_id=number,
        study_instance_uid=f"2.25.{uuid4().int}",  # a UID derived from a UUID (PS3.5 annex B.2)
        status=OrderStatus.SCHEDULED,
        created_at=scope.now,
    )
    _write(scope, order, {**asdict(facts), "accession_number": number})
    scope.emit(OrderAdded(organisation_id=order.organisation_id, order_id=order.id))
    return order


def change(scope: Scope, order_id: UUID, facts: OrderFacts) -> Order:
    """Edit an order. Raises Missing, NumberTaken, and Conflict for a cancelled one."""
    order = queries.get_locked(scope, order_id)
    _require_own(scope, order)
    if order.status == OrderStatus.CANCELLED:
        raise Conflict("This order was cancelled. Take the cancellation back first.")
    _write(scope, order, {**asdict(facts), "accession_number": facts.accession_number or order.accession_number})
    scope.emit(OrderChanged(organisation_id=order.organisation_id, order_id=order.id))
    return order


def move(scope: Scope, order_id: UUID, *, status: OrderStatus) -> Order:
    """Make an order arrived, cancelled, or scheduled again. Raises Missing, Conflict."""
    order = queries.get_locked(scope, order_id)
    _require_own(scope, order)
    previous = OrderStatus(order.status)
    if previous is status:
        return order
    if not rules.may_follow(previous, status):
        raise Conflict(f"This order is {STATUS_WORDS[previous].lower()}; it cannot become {STATUS_WORDS[status].lower()}.")
    order.status = status
    scope.session.flush()
    scope.emit(OrderMoved(organisation_id=order.organisation_id, order_id=order.id, status=status, previous=previous))
    return order


def match(scope: Scope, study: StudyFacts) -> Order | None:
    """Find the order a study belongs to and write that down; one that fits no more is let go. Idempotent."""
    orders = queries.candidates(scope, study_instance_uid=study.study_instance_uid, accession_number=study.accession_number)
    found = rules.find_order(study, orders)
    link = queries.link_of(scope, study.study_id)
    if link and (found is None or link.order_id != found[0].id):
        _let_go(scope, link)
        link = None
    if found is None:
        return None
    order, basis = found
    if link is None:
        scope.session.add(
            OrderStudy(
                organisation_id=order.organisation_id,
                study_id=study.study_id,
                order_id=order.id,
                basis=basis,
                matched_at=scope.now,
            )
        )
        wrong = rules.contradicts(order, study)
        scope.emit(
            OrderMatched(
                organisation_id=order.organisation_id,
                study_id=study.study_id,
                order_id=order.id,
                basis=basis,
                contradicts=wrong,
            )
        )
        if order.status == OrderStatus.SCHEDULED and not wrong:
            move(scope, order.id, status=OrderStatus.ARRIVED)
    return order


def complete(scope: Scope, study: StudyFacts) -> None:
    """All images of a study are there: its order is done, unless it seems to be another patient's."""
    order = queries.order_of(scope, study.study_id)
    if order is None or rules.contradicts(order, study) or not rules.may_follow(OrderStatus(order.status), OrderStatus.COMPLETED):
        return
    move(scope, order.id, status=OrderStatus.COMPLETED)


def _let_go(scope: Scope, link: OrderStudy) -> None:
    scope.session.delete(link)
    scope.session.flush()
    scope.emit(OrderUnmatched(organisation_id=link.organisation_id, study_id=link.study_id, order_id=link.order_id))


def _require_own(scope: Scope, order: Order) -> None:
    """Whoever sees an order beside a study may not touch it: only its hospital's own people, and the platform's machines."""
    if order.organisation_id != scope.organisation_id or scope.actor.role not in {Role.TECHNICIAN, Role.MANAGER, Role.SYSTEM}:
        raise Denied("Only the hospital's technicians and managers change orders.")


def _number(scope: Scope) -> str:
    """Return a new accession number: the day and six random signs, 13 characters of the 16 an SH may have."""
    return f"{queries.local_now(scope):%y%m%d}-" + "".join(secrets.choice(NUMBER_SIGNS) for _ in range(6))


def _write(scope: Scope, order: Order, values: dict[str, Any]) -> None:
    """Store the row; the database's own uniqueness decides, so that two who take a number at once cannot both."""
    try:
        with scope.session.begin_nested():
            for name, value in values.items():
                setattr(order, name, value)
            scope.session.add(order)
    except IntegrityError:
        raise NumberTaken("Another order has this accession number. Leave it empty, and one is given.") from None
