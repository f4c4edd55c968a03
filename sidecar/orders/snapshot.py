"""What a cell offers its modalities: the worklist snapshot (wire format 1) on its disk. Pure.

``{"version": 1, "cell", "organisation", "steps": [...]}``. A step maps DICOM keywords to values, as PS3.4 table K.6-1 names
them; its one ScheduledProcedureStepSequence item is a list of one such mapping.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sidecar.orders.model import OrderStatus
from sidecar.orders.tables import Order

VERSION = 1
BEFORE, AFTER = timedelta(days=1), timedelta(days=7)
"""How far from today a step may lie to be offered."""
MOST = 1000
"""Steps of one snapshot, the soonest first."""
REASON = 64
"""Characters of Reason for the Requested Procedure, a Long String; the comments hold the whole."""
STEP_STATUS = {OrderStatus.SCHEDULED: "SCHEDULED", OrderStatus.ARRIVED: "ARRIVED"}


def window(today: date) -> tuple[date, date]:
    """Return the first and the last day offered."""
    return today - BEFORE, today + AFTER


def build(*, cell_id: UUID, organisation_id: UUID, orders: Iterable[Order]) -> dict[str, Any]:
    """Return the snapshot."""
    steps = [_step(order) for order in orders]
    return {"version": VERSION, "cell": str(cell_id), "organisation": str(organisation_id), "steps": steps}


def _step(order: Order) -> dict[str, Any]:
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "AccessionNumber": order.accession_number,
        "ReferringPhysicianName": order.referring_physician_name,
        "PatientName": order.patient_name,
        "PatientID": order.patient_id,
        "PatientBirthDate": order.patient_birth_date,
        "PatientSex": order.patient_sex,
        "StudyInstanceUID": order.study_instance_uid,
        "RequestedProcedureID": order.requested_procedure_id,
        "RequestedProcedureDescription": order.requested_procedure_description,
        "ReasonForTheRequestedProcedure": order.reason_for_requested_procedure[:REASON],
        "RequestedProcedureComments": order.reason_for_requested_procedure,
        "ScheduledProcedureStepSequence": [
            {
                "Modality": order.modality,
                "ScheduledStationAETitle": order.scheduled_station_ae_title,
                "ScheduledProcedureStepStartDate": f"{order.scheduled_procedure_step_start_date:%Y%m%d}",
                "ScheduledProcedureStepStartTime": f"{order.scheduled_procedure_step_start_time:%H%M%S}",
                "ScheduledProcedureStepDescription": order.requested_procedure_description,
                "ScheduledProcedureStepID": order.requested_procedure_id,
                "ScheduledProcedureStepStatus": STEP_STATUS[OrderStatus(order.status)],
            }
        ],
    }
