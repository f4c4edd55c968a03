"""Orders as pages and the JSON API show them."""

from typing import Any
from uuid import UUID

from sidecar.gate.fields import value
from sidecar.gate.scope import Scope
from sidecar.orders import queries, rules
from sidecar.orders.model import MODALITIES, STATUS_WORDS, OrderStatus, StudyFacts
from sidecar.orders.queries import Filters
from sidecar.orders.tables import Order

SEXES = (("", "Not known"), ("F", "Female"), ("M", "Male"), ("O", "Other"))
WRITTEN = (
    "patient_id",
    "patient_name",
    "patient_sex",
    "accession_number",
    "modality",
    "scheduled_station_ae_title",
    "requested_procedure_description",
    "referring_physician_name",
    "reason_for_requested_procedure",
)
EMPTY = dict.fromkeys(
    (*WRITTEN, "patient_birth_date", "scheduled_procedure_step_start_date", "scheduled_procedure_step_start_time"), ""
)


def values(order: Order) -> dict[str, str]:
    """Return what a form holds for this order: what a person wrote."""
    born = order.patient_birth_date
    return {
        **{name: getattr(order, name) for name in WRITTEN},
        "patient_birth_date": f"{born[:4]}-{born[4:6]}-{born[6:]}" if born else "",
        "scheduled_procedure_step_start_date": order.scheduled_procedure_step_start_date.isoformat(),
        "scheduled_procedure_step_start_time": f"{order.scheduled_procedure_step_start_time:%H:%M}",
    }


def listing(scope: Scope, filters: Filters) -> dict[str, Any]:
    """Return the context of ``orders.html`` but for the form's own."""
    orders = queries.listed(scope, filters)
    studies = queries.studies_of(scope, [order.id for order in orders])
    return {
        "orders": [
            {"order": order, "status": OrderStatus(order.status), "studies": studies.get(order.id, [])} for order in orders
        ],
        "filters": {
            "day": filters.day.isoformat() if filters.day else "",
            "modality": filters.modality,
            "status": filters.status or "",
        },
        "modalities": [("", "All modalities"), *((code, code) for code in MODALITIES)],
        "statuses": [("", "Every status"), *((each.value, word) for each, word in STATUS_WORDS.items())],
        "today": queries.local_now(scope).date().isoformat(),
        "full": len(orders) == queries.SHOWN,
    }


def beside(scope: Scope, study: StudyFacts) -> dict[str, Any] | None:
    """Return a study's order as the reading page shows it, or None.

    What the order says of a patient who seems to be another is not shown as the question of this one; only the order's own
    hospital is told whose it is.
    """
    order = queries.order_of(scope, study.study_id)
    if order is None:
        return None
    wrong = rules.contradicts(order, study)
    own = order.organisation_id == scope.organisation_id
    return {
        "contradicts": wrong,
        "cancelled": order.status == OrderStatus.CANCELLED,
        "differences": [
            {"label": each.label, "ordered": each.ordered if own or not wrong else "", "arrived": each.arrived}
            for each in rules.differences(order, study)
        ],
        "accession_number": order.accession_number,
        "question": "" if wrong else value(scope.actor, "reason_for_requested_procedure", order.reason_for_requested_procedure),
        "procedure": "" if wrong else order.requested_procedure_description,
        "referring": "" if wrong else value(scope.actor, "referring_physician_name", order.referring_physician_name),
        "scheduled": f"{order.scheduled_procedure_step_start_date.isoformat()} {order.scheduled_procedure_step_start_time:%H:%M}",
        "href": f"/orders/{order.id}" if own else "",
    }


def as_json(order: Order, studies: list[UUID]) -> dict[str, Any]:
    """Return an order as the JSON API gives it to its own hospital."""
    return {
        "id": str(order.id),
        "status": order.status,
        "study_instance_uid": order.study_instance_uid,
        "requested_procedure_id": order.requested_procedure_id,
        "studies": [str(each) for each in studies],
        **values(order),
    }
