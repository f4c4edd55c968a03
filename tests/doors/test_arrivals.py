"""An image comes in at the DICOM door: who may send, and what the sidecar is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell

REJECTED = "Association Rejected"


def of_study(inbox: FakeInbox, uid: str) -> list[dict[str, Any]]:
    return [event for event in inbox.events("instances-stored") if event["study"]["StudyInstanceUID"] == uid]


def instances(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [instance for event in events for instance in event["instances"]]


def refusals(inbox: FakeInbox, reason: str, aet: str) -> list[dict[str, Any]]:
    return [e for e in inbox.events("association") if e["outcome"] == reason and e["aet"] == aet]


def test_a_registered_sender_stores_and_every_image_is_told_once(
    cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path
) -> None:
    datasets = phantom.study(25)
    uid = str(datasets[0].StudyInstanceUID)
    sent = phantom.storescu(cell.dicom_port, phantom.write(tmp_path, datasets))
    assert sent.stdout.count("Received Store Response (Success)") == 25
    module_inbox.wait_for(lambda: len(instances(of_study(module_inbox, uid))) >= 25)
    events = of_study(module_inbox, uid)
    told = [instance["SOPInstanceUID"] for instance in instances(events)]
    assert sorted(told) == sorted(str(dataset.SOPInstanceUID) for dataset in datasets)
    assert module_inbox.credentials == {f"Cell {cell.identifier}:{cell.secret}"}
    assert events[0]["study"] | {"ID": ""} == {
        "ID": "",
        "StudyInstanceUID": uid,
        "PatientID": "P-1",
        "PatientName": "Müller^Änne",
        "PatientBirthDate": "19700102",
        "PatientSex": "F",
        "AccessionNumber": "A1",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "StudyDescription": "CT chest",
        "StudyID": "1",
        "ReferringPhysicianName": "Doe^Jane",
        "RequestedProcedureDescription": "",
    }
    first = events[0]["instances"][0]
    assert (first["RemoteAET"], first["RemoteIP"]) == ("CT1", "127.0.0.1")
    assert (first["Rows"], first["Columns"], first["SOPClassUID"]) == ("32", "32", "1.2.840.10008.5.1.4.1.1.2")


def test_an_identical_image_sent_again_is_a_success_and_no_news(
    cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path
) -> None:
    datasets = phantom.study(2)
    uid = str(datasets[0].StudyInstanceUID)
    files = phantom.write(tmp_path, datasets)
    for _ in range(2):
        assert phantom.storescu(cell.dicom_port, files).stdout.count("(Success)") == 2
    module_inbox.wait_for(lambda: len(instances(of_study(module_inbox, uid))) >= 2)
    later = phantom.study(1)
    phantom.storescu(cell.dicom_port, phantom.write(tmp_path / "later", later))
    module_inbox.wait_for(lambda: bool(of_study(module_inbox, str(later[0].StudyInstanceUID))))
    assert len(instances(of_study(module_inbox, uid))) == 2


def test_another_image_under_the_same_uid_does_not_replace_the_first(
    cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path
) -> None:
    first = phantom.study(1)[0]
    uid = str(first.StudyInstanceUID)
    assert phantom.storescu(cell.dicom_port, phantom.write(tmp_path / "a", [first])).returncode == 0
    module_inbox.wait_for(lambda: bool(of_study(module_inbox, uid)))
    identifier = instances(of_study(module_inbox, uid))[0]["ID"]
    before = cell.get(f"/instances/{identifier}/file", cell.token()).content
    first.PixelData = bytes(len(first.PixelData))
    assert phantom.storescu(cell.dicom_port, phantom.write(tmp_path / "b", [first])).returncode == 0
    assert cell.get(f"/instances/{identifier}/file", cell.token()).content == before


def test_an_unknown_title_is_rejected_and_reported_with_its_attempts(
    cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path
) -> None:
    files = phantom.write(tmp_path, phantom.study(1))
    for _ in range(3):
        assert REJECTED in phantom.storescu(cell.dicom_port, files, calling="CT7").stdout
    reported = lambda: refusals(module_inbox, "unknown-aet", "CT7")  # noqa: E731
    module_inbox.wait_for(lambda: sum(event["count"] for event in reported()) == 3)
    assert {(event["address"], event["called_aet"]) for event in reported()} == {("127.0.0.1", "MERCY")}


def test_titles_are_compared_exactly(cell: RunningCell, tmp_path: Path) -> None:
    files = phantom.write(tmp_path, phantom.study(1))
    assert REJECTED in phantom.storescu(cell.dicom_port, files, calling="ct1").stdout
    assert REJECTED in phantom.storescu(cell.dicom_port, files, called="mercy").stdout


def test_a_wrong_called_title_is_rejected_and_reported_with_its_caller(
    cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path
) -> None:
    files = phantom.write(tmp_path, phantom.study(1))
    assert REJECTED in phantom.storescu(cell.dicom_port, files, called="LUKE").stdout
    module_inbox.wait_for(
        lambda: any(
            (event["called_aet"], event["address"]) == ("LUKE", "127.0.0.1")
            for event in refusals(module_inbox, "wrong-called-aet", "CT1")
        )
    )


@pytest.fixture
def far_sender(cell: RunningCell) -> str:
    """A sender that is registered, but for another network."""
    if all(sender["aet"] != "FAR" for sender in cell.senders):
        cell.senders.append({"aet": "FAR", "networks": ["10.0.0.0/8", "2001:db8::/32"]})
        cell.write_policy()
        cell.wait_until_ready()
    return "FAR"


def test_a_registered_title_from_a_wrong_address_is_rejected_like_an_unknown_one(
    cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path, far_sender: str
) -> None:
    before = cell.get("/statistics", cell.token()).json()["CountInstances"]
    files = phantom.write(tmp_path, phantom.study(2))
    refused = [phantom.storescu(cell.dicom_port, files, calling=calling).stdout for calling in (far_sender, "NOBODY")]
    assert REJECTED in refused[0]
    assert refused[0].replace(far_sender, "NOBODY") == refused[1]
    module_inbox.wait_for(lambda: bool(refusals(module_inbox, "wrong-address", "FAR")))
    assert cell.get("/statistics", cell.token()).json()["CountInstances"] == before


def test_a_sender_that_is_registered_while_the_cell_runs_may_send_within_seconds(cell: RunningCell, tmp_path: Path) -> None:
    files = phantom.write(tmp_path, phantom.study(1))
    assert REJECTED in phantom.storescu(cell.dicom_port, files, calling="MR 2").stdout
    cell.senders.append({"aet": "MR 2", "networks": ["127.0.0.1/32"]})
    cell.write_policy()
    cell.wait_until_ready()
    assert "(Success)" in phantom.storescu(cell.dicom_port, files, calling="MR 2").stdout
    cell.senders.pop()
    cell.write_policy()
    cell.wait_until_ready()
    assert REJECTED in phantom.storescu(cell.dicom_port, files, calling="MR 2").stdout


def test_the_reconciler_is_told_the_same_as_the_inbox(cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path) -> None:
    datasets = phantom.study(7) + phantom.study(3, PatientID="P-2", Modality="MR")
    phantom.storescu(cell.dicom_port, phantom.write(tmp_path, datasets))
    wanted = {str(dataset.SOPInstanceUID) for dataset in datasets}
    module_inbox.wait_for(lambda: wanted <= set(module_inbox.sop_instance_uids()))
    events, since, done = [], 0, False
    while not done:
        answer = cell.get(f"/readingroom/changes?since={since}&limit=4", cell.token()).json()
        events += answer["events"]
        since, done = answer["last"], answer["done"]
    live = {each["ID"]: each for each in instances(module_inbox.events("instances-stored"))}
    assert {each["ID"]: each for each in instances(events)} == live
    studies = {event["study"]["ID"]: event["study"] for event in events}
    assert studies == {event["study"]["ID"]: event["study"] for event in module_inbox.events("instances-stored")}


def test_one_study_uid_under_two_patients_stays_two_studies(cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path) -> None:
    """Within one hospital two patients may not share a StudyInstanceUID (PS3.5 section 9), but scanners do it.

    Orthanc keeps both (its identity is the pair); the plugin tells both. DICOMweb's metadata is answered 404, because
    the UID alone is ambiguous there; a reading context, which knows studies by that UID, gets neither's frames.
    """
    one = phantom.study(2, PatientID="CLASH-1")
    two = phantom.study(3, PatientID="CLASH-2", StudyInstanceUID=one[0].StudyInstanceUID)
    uid = str(one[0].StudyInstanceUID)
    sent = phantom.storescu(cell.dicom_port, phantom.write(tmp_path, one + two))
    assert sent.stdout.count("(Success)") == 5
    module_inbox.wait_for(lambda: len(instances(of_study(module_inbox, uid))) == 5)
    by_patient = {event["study"]["PatientID"]: event["study"]["ID"] for event in of_study(module_inbox, uid)}
    assert len(set(by_patient.values())) == 2
    assert cell.get(f"/dicom-web/studies/{uid}/metadata", cell.token()).status_code == 404
    image = one[0]
    path = f"/dicom-web/studies/{uid}/series/{image.SeriesInstanceUID}/instances/{image.SOPInstanceUID}/frames/1"
    assert cell.get(path, cell.token(studies=[uid])).status_code == 403


def test_a_device_that_names_no_character_set_is_read_as_its_hospital_says(module_inbox: FakeInbox, tmp_path: Path) -> None:
    """PS3.5 6.1.2.1: without (0008,0005) texts are plain ASCII, and devices write Latin-1 all the same."""
    (tmp_path / "cell").mkdir()
    cell = RunningCell(tmp_path / "cell", module_inbox.url)
    cell.character_set = "Latin1"
    cell.start()
    try:
        silent, (spoken,) = phantom.study(1)[0], phantom.study(1)
        silent.SpecificCharacterSet = "ISO_IR 100"
        (file,) = phantom.write(tmp_path / "files", [silent])
        raw = file.read_bytes()
        named = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"
        assert raw.count(named) == 1
        file.write_bytes(raw.replace(named, b""))
        sent = phantom.storescu(cell.dicom_port, [file, *phantom.write(tmp_path / "others", [spoken])])
        assert sent.stdout.count("(Success)") == 2, sent.stdout
        for dataset in (silent, spoken):
            uid = str(dataset.StudyInstanceUID)
            module_inbox.wait_for(lambda: bool(of_study(module_inbox, uid)))  # noqa: B023 - asked at once
            assert of_study(module_inbox, uid)[0]["study"]["PatientName"] == "Müller^Änne"
    finally:
        cell.stop()
