"""The worklist snapshot: what the sidecar writes, the cell reads, finds in, and answers with."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from io import BytesIO
from pathlib import Path
from uuid import UUID

from pydicom import dcmread

from orthanc_plugin.worklist import Worklist
from sidecar.orders import snapshot
from sidecar.orders.tables import Order
from sidecar.organisations.snapshot import write_snapshot

CELL, ORGANISATION = UUID(int=1), UUID(int=2)
QUESTION = "Pulmonary embolism? Known carcinoma of the colon, operated in 2024, chemotherapy until May."


def order(number: str, status: str = "scheduled") -> Order:
    return Order(
        organisation_id=ORGANISATION, id=UUID(int=3), patient_id="P1", patient_name="Yamada^Tarou=山田^太郎",
        patient_birth_date="19700131", patient_sex="M", accession_number=number, requested_procedure_id=number,
        requested_procedure_description="CT chest", reason_for_requested_procedure=QUESTION,
        referring_physician_name="House^Greg", study_instance_uid="2.25.7", modality="CT", scheduled_station_ae_title="CT1",
        scheduled_procedure_step_start_date=date(2026, 11, 21), scheduled_procedure_step_start_time=time(14, 30),
        status=status, created_at=datetime(2026, 11, 21, tzinfo=UTC),
    )  # fmt: skip


def test_what_one_side_writes_the_other_answers_with(tmp_path: Path) -> None:
    path = tmp_path / "worklist.json"
    built = snapshot.build(cell_id=CELL, organisation_id=ORGANISATION, orders=[order("A1"), order("A2", "arrived")])
    write_snapshot(path, built)
    worklist = Worklist(path, cell=str(CELL), organisation=str(ORGANISATION))
    step = {"Modality": "CT", "ScheduledProcedureStepStartDate": "20261121", "ScheduledProcedureStepStartTime": "1400-1500"}
    (found,) = worklist.find({"PatientName": "山田*", "AccessionNumber": "A2", "ScheduledProcedureStepSequence": [step]})
    answer = dcmread(BytesIO(found))
    assert str(answer.PatientName) == "Yamada^Tarou=山田^太郎"
    assert answer.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus == "ARRIVED"
    assert answer.RequestedProcedureComments == QUESTION
    assert answer.ReasonForTheRequestedProcedure == QUESTION[:64].strip()
    said = {keyword for step in built["steps"] for keyword in (*step, *step["ScheduledProcedureStepSequence"][0])}
    assert said == {each.keyword for each in answer.iterall()}, "nothing the sidecar says is lost in the cell"
