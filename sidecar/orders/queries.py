"""Reading orders. The walls decide what is seen; nothing here filters by tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select

from sidecar.gate.paging import After, cut, newest_first
from sidecar.gate.requests import Paging
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.orders.model import OFFERED, OrderStatus
from sidecar.orders.tables import Order, OrderStudy
from sidecar.organisations.tables import Organisation

SHOWN = 500
"""Orders of one list."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for; None and "" are everything."""

    day: date | None = None
    modality: str = ""
    status: OrderStatus | None = None


def get(scope: Scope, order_id: UUID) -> Order:
    """Return one order, or Missing."""
    found: Order = scope.one(select(Order).where(Order.id == order_id))
    return found


def get_locked(scope: Scope, order_id: UUID) -> Order:
    """Return one order as it is now, its row held until the transaction ends."""
    statement = select(Order).where(Order.id == order_id).with_for_update().execution_options(populate_existing=True)
    found: Order = scope.one(statement)
    return found


def listed(scope: Scope, filters: Filters) -> Sequence[Order]:
    """Return the orders these filters describe by day and time, at most SHOWN."""
    return scope.session.scalars(_described(filters).order_by(*_START, Order.id).limit(SHOWN)).all()


def page(scope: Scope, filters: Filters, asked: Paging) -> tuple[Sequence[Order], str | None]:
    """Return a page of the orders these filters describe, the latest written first, and the cursor of the next."""
    rows = scope.session.scalars(newest_first(_described(filters), asked, Order.created_at, Order.id)).all()
    return cut(asked, rows, lambda each: After(each.created_at, each.id))


def _described(filters: Filters) -> Select[Order]:
    statement = select(Order)
    if filters.day:
        statement = statement.where(Order.scheduled_procedure_step_start_date == filters.day)
    if filters.modality:
        statement = statement.where(Order.modality == filters.modality)
    if filters.status:
        statement = statement.where(Order.status == filters.status)
    return statement


def offered(scope: Scope, *, first: date, last: date, limit: int) -> Sequence[Order]:
    """Return what modalities are told of: the steps still to be done, from ``first`` to ``last`` day, the soonest first."""
    return scope.session.scalars(
        select(Order)
        .where(Order.status.in_(OFFERED), Order.scheduled_procedure_step_start_date.between(first, last))
        .order_by(*_START, Order.id)
        .limit(limit)
    ).all()


def candidates(scope: Scope, *, study_instance_uid: str, accession_number: str) -> Sequence[Order]:
    """Return the orders a study might belong to: those with its UID, or its accession number if it has one."""
    same = [Order.study_instance_uid == study_instance_uid]
    if accession_number:
        same.append(Order.accession_number == accession_number)
    own = Order.organisation_id == scope.organisation_id
    return scope.session.scalars(select(Order).where(own, or_(*same)).order_by(*_START, Order.id)).all()


def link_of(scope: Scope, study_id: UUID) -> OrderStudy | None:
    """Return what a study has to do with an order, if anything."""
    return scope.session.scalar(select(OrderStudy).where(OrderStudy.study_id == study_id))


def order_of(scope: Scope, study_id: UUID) -> Order | None:
    """Return the order a study belongs to."""
    joined = (OrderStudy.organisation_id == Order.organisation_id) & (OrderStudy.order_id == Order.id)
    return scope.session.scalar(select(Order).join(OrderStudy, joined).where(OrderStudy.study_id == study_id))


def studies_of(scope: Scope, order_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return the ids of the studies that belong to orders, the first matched first."""
    found: dict[UUID, list[UUID]] = {}
    statement = select(OrderStudy).where(OrderStudy.order_id.in_(order_ids)).order_by(OrderStudy.matched_at)
    for link in scope.session.scalars(statement):
        found.setdefault(link.order_id, []).append(link.study_id)
    return found


def local_now(scope: Scope) -> datetime:
    """Return the time on the hospital's own clock: steps are scheduled by it."""
    zone = scope.session.scalar(select(Organisation.zone).where(Organisation.id == scope.organisation_id))
    if zone is None:
        raise Missing
    return scope.now.astimezone(ZoneInfo(zone))


_START = (Order.scheduled_procedure_step_start_date, Order.scheduled_procedure_step_start_time)
