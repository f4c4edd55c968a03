"""Words of orders, and the facts orders and studies are compared by. Fields that are DICOM elements carry their keyword."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from uuid import UUID


class OrderStatus(StrEnum):
    """How far the imaging is; the first two are offered to modalities."""

    SCHEDULED = "scheduled"
    ARRIVED = "arrived"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


STATUS_WORDS: Mapping[OrderStatus, str] = {
    OrderStatus.SCHEDULED: "Scheduled",
    OrderStatus.ARRIVED: "Arrived",
    OrderStatus.COMPLETED: "Completed",
    OrderStatus.CANCELLED: "Cancelled",
}
OFFERED = (OrderStatus.SCHEDULED, OrderStatus.ARRIVED)
"""The states in which a modality is told of the step."""

MODALITIES = ("CR", "CT", "DX", "MG", "MR", "NM", "OT", "PT", "RF", "US", "XA")
"""Modality (0008,0060) values offered for orders (PS3.3 C.7.3.1.1.1)."""


class Basis(StrEnum):
    """By what a study was found to belong to an order."""

    STUDY_INSTANCE_UID = "study-instance-uid"
    ACCESSION_NUMBER = "accession-number"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What a person writes down. ``patient_birth_date`` is a DA value or ""; the start is the hospital's local time."""

    patient_id: str
    patient_name: str
    patient_birth_date: str = ""
    patient_sex: str = ""
    accession_number: str = ""
    modality: str
    scheduled_station_ae_title: str
    scheduled_procedure_step_start_date: date
    scheduled_procedure_step_start_time: time
    requested_procedure_description: str
    referring_physician_name: str = ""
    reason_for_requested_procedure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """What a study says of itself, for finding its order."""

    study_id: UUID
    study_instance_uid: str
    accession_number: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    modalities_in_study: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One element that an order and the images have differently."""

    label: str
    ordered: str
    arrived: str
