"""What happens to orders. Ids and enums only; the patient and the question stay in the row."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAdded(Event):
    """Somebody scheduled an imaging procedure."""

    kind: ClassVar[str] = "orders.order.added"
    order_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged(Event):
    """Somebody edited an order."""

    kind: ClassVar[str] = "orders.order.changed"
    order_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMoved(Event):
    """An order went from one status to another (OrderStatus values)."""

    kind: ClassVar[str] = "orders.order.moved"
    order_id: UUID
    status: str
    previous: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMatched(Event):
    """A study was found to belong to an order (``basis``); ``contradicts`` when they seem to be of different patients."""

    kind: ClassVar[str] = "orders.order.matched"
    order_id: UUID
    basis: str
    contradicts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnmatched(Event):
    """A study does not belong to its order any more: the order was edited."""

    kind: ClassVar[str] = "orders.order.unmatched"
    order_id: UUID
