"""What the JSON API of this room takes and answers; orders only to their own hospital."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from sidecar.gate.requests import Paging, Shown, Told
from sidecar.orders.model import MODALITIES, OrderStatus
from sidecar.orders.queries import Filters


class OrdersAsked(Paging):
    """Which orders."""

    day: Annotated[date | None, Field(description="On which day, by the hospital's clock.")] = None
    modality: Annotated[str, Field(json_schema_extra={"enum": ["", *MODALITIES]}, description="Modality (0008,0060).")] = ""
    status: OrderStatus | None = None

    def filters(self) -> Filters:
        """Return it in the words of the room."""
        return Filters(self.day, self.modality, self.status)


class OrderShown(Shown):
    """An order as it was written down, and what became of it. Fields that are DICOM elements carry their keyword."""

    id: UUID
    status: OrderStatus
    study_instance_uid: str
    requested_procedure_id: str
    studies: list[UUID]
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    accession_number: str
    modality: str
    scheduled_station_ae_title: str
    scheduled_procedure_step_start_date: str
    scheduled_procedure_step_start_time: str
    requested_procedure_description: str
    referring_physician_name: str
    reason_for_requested_procedure: str


class OrderAnswer(Told):
    """One order."""

    order: OrderShown


class OrdersAnswer(Told):
    """A page of orders; ``next`` is the cursor of the following one."""

    orders: list[OrderShown]
    next: str | None
