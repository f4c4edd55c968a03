"""Wire format 3: what the plugin writes, the sidecar reads."""

import json
from uuid import uuid4

from orthanc_plugin import events
from orthanc_plugin.door.admission import Caller, Outcome
from orthanc_plugin.door.tally import Record, Tally
from orthanc_plugin.entities import Service
from orthanc_plugin.harvest import encode
from sidecar.intake import forms
from sidecar.kernel.clock import utc_now
from sidecar.organisations import model

CELL = str(uuid4())
AT = events.timestamp(1_795_000_000.5)
STUDY = {
    "ID": "st",
    "PatientMainDicomTags": {"PatientID": "P1", "PatientName": "山田^太郎", "PatientBirthDate": "19700101", "PatientSex": "O"},
    "MainDicomTags": {"StudyInstanceUID": "1.2.3", "StudyDate": "20261121", "AccessionNumber": "A1", "StudyDescription": "CT"},
}
SERIES = {
    "ID": "se",
    "ParentStudy": "st",
    "MainDicomTags": {"SeriesInstanceUID": "1.2.3.4", "Modality": "CT", "SeriesNumber": "2"},
}


def image(number: int) -> dict[str, object]:
    return {
        "ID": f"in{number}",
        "ParentSeries": "se",
        "MainDicomTags": {"SOPInstanceUID": f"1.2.3.4.{number}", "InstanceNumber": str(number)},
        "Metadata": {
            "SopClassUid": "1.2.840.10008.5.1.4.1.1.2", "RemoteAET": "CT1", "RemoteIP": "10.0.0.7",
            "ReceptionDate": "20261121T195959",
        },
    }  # fmt: skip


def test_stored_instances() -> None:
    told = list(
        events.instances_stored(
            cell=CELL,
            at=AT,
            batch="7",
            instances=[image(number) for number in range(501)],
            series={"se": SERIES},
            studies={"st": STUDY},
        )
    )
    assert len(told) == 2
    read = [forms.EVENT.validate_python(json.loads(encode(event))) for event in told]
    assert all(isinstance(event, forms.InstancesStored) for event in read)
    first = read[0]
    assert isinstance(first, forms.InstancesStored)
    facts = first.facts(now=utc_now())
    assert (facts.study.patient_name, facts.study.accession_number) == ("山田^太郎", "A1")
    assert (facts.series[0].modality, facts.series[0].series_number) == ("CT", 2)
    assert len(facts.instances) == forms.MAXIMUM_INSTANCES == events.MAXIMUM_INSTANCES
    assert (facts.instances[3].instance_number, facts.instances[3].remote_aet) == (3, "CT1")
    assert facts.instances[3].number_of_frames == 1


def test_a_start() -> None:
    told = events.cell_started(
        event_id=str(uuid4()), at=AT, system={"Version": "1.13.0"}, plugins={"python": "7.1"}, unknown_routes=["/odd"]
    )
    read = forms.EVENT.validate_python(json.loads(encode(told)))
    assert isinstance(read, forms.CellStarted)
    assert (read.orthanc, read.unknown_routes) == ("1.13.0", ["/odd"])


def test_a_refused_association() -> None:
    tally, at = Tally(), 1_795_000_000.5
    for _ in range(3):
        tally.add(Record(Caller("10.1.2.3"), Outcome.UNKNOWN_AET, at, at, "CT7", "MERCY", frozenset({Service.STORE})))
    (told,) = (record.event() for record in tally.take())
    read = forms.EVENT.validate_python(json.loads(encode(told)))
    assert isinstance(read, forms.Association)
    record = read.record()
    assert (record.aet, record.address, record.outcome.value, record.count) == ("CT7", "10.1.2.3", "unknown-aet", 3)
    assert (record.port, record.certificate, record.services) == ("plain", "", ("store",))


def test_both_sides_know_the_same_outcomes_and_services() -> None:
    assert {each.value for each in Outcome} == {each.value for each in model.Outcome}
    assert {each.value for each in Service} == {each.value for each in model.Service}
