"""From an order on a page to the scanner's worklist: two hospitals with equal orders, each scanner sees its own."""

from __future__ import annotations

from datetime import UTC, datetime, time

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import ModalityWorklistInformationFind  # type: ignore[attr-defined]

from sidecar.adapters.redis import wake_worker
from sidecar.gate.actor import Role
from sidecar.orders import service as orders
from sidecar.orders.model import OrderFacts, OrderStatus
from sidecar.organisations import service as organisations
from sidecar.organisations.tables import Cell
from tests.doors.hospital import until
from tests.doors.twin_world import Twin, World

AET, NUMBER = "WORKLIST_CT", "EQUAL-ORDER"


def ask(cell: Cell) -> list[Dataset]:
    """Ask as a scanner does: what is for me today? Nothing while it is not let in yet."""
    asked, step = Dataset(), Dataset()
    asked.PatientName = asked.StudyInstanceUID = asked.RequestedProcedureComments = ""
    asked.AccessionNumber = NUMBER
    step.ScheduledStationAETitle, step.Modality = AET, "CT"
    step.ScheduledProcedureStepStartDate = f"{datetime.now(UTC):%Y%m%d}"
    step.ScheduledProcedureStepStatus = ""
    asked.ScheduledProcedureStepSequence = [step]
    ae = AE(ae_title=AET)
    ae.add_requested_context(ModalityWorklistInformationFind)
    association = ae.associate("127.0.0.1", cell.dicom_port, ae_title=cell.aet)
    if not association.is_established or not association.accepted_contexts:
        return []
    found = [dataset for _, dataset in association.send_c_find(asked, ModalityWorklistInformationFind) if dataset]
    association.release()
    return found


def schedule(world: World, twin: Twin) -> orders.Order:
    facts = OrderFacts(
        patient_id="SAME-ORDERED",
        patient_name=f"{twin.name}CANARY^山田",
        accession_number=NUMBER,
        modality="CT",
        scheduled_station_ae_title=AET,
        scheduled_procedure_step_start_date=datetime.now(UTC).date(),
        scheduled_procedure_step_start_time=time(12),
        requested_procedure_description="CT chest",
        reason_for_requested_procedure=f"{twin.name} question",
    )
    with world.workshop.scopes.open(twin.people[Role.TECHNICIAN].actor) as scope:
        organisations.add_entity(scope, aet=AET, networks=["127.0.0.1/32"], services=["worklist"])
        return orders.add(scope, facts)


def test_each_scanner_sees_its_own_hospitals_orders(world: World) -> None:
    twins = (world.alpha, world.bravo)
    made = {twin.name: schedule(world, twin) for twin in twins}
    wake_worker(world.workshop.redis)  # as the pages do
    for twin in twins:
        until(lambda twin=twin: ask(twin.cell), 20, "the order is not on the worklist")
        (step,) = ask(twin.cell)
        assert str(step.PatientName) == f"{twin.name}CANARY^山田"
        assert step.StudyInstanceUID == made[twin.name].study_instance_uid
        assert step.RequestedProcedureComments == f"{twin.name} question"
        assert step.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus == "SCHEDULED"
    with world.workshop.scopes.open(world.alpha.people[Role.TECHNICIAN].actor) as scope:
        orders.move(scope, made["ALPHA"].id, status=OrderStatus.CANCELLED)
    wake_worker(world.workshop.redis)
    until(lambda: not ask(world.alpha.cell), 20, "a cancelled order is still offered")
    assert len(ask(world.bravo.cell)) == 1
