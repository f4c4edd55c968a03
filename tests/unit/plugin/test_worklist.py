"""What a modality may ask, and what it is told: PS3.4 section C.2.2.2 and annex K."""

import json
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from orthanc_plugin.encoding import encode
from orthanc_plugin.matching import matches
from orthanc_plugin.worklist import Worklist, WorklistError

STEP: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 192",
    "AccessionNumber": "A-77",
    "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "PatientID": "P1",
    "PatientBirthDate": "",
    "StudyInstanceUID": "2.25.7",
    "RequestedProcedureID": "A-77",
    "ScheduledProcedureStepSequence": [
        {
            "Modality": "CT",
            "ScheduledStationAETitle": "MERCY_CT1",
            "ScheduledProcedureStepStartDate": "20261121",
            "ScheduledProcedureStepStartTime": "143000",
        }
    ],
}


def step(**asked: Any) -> dict[str, Any]:
    return {"ScheduledProcedureStepSequence": [asked]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, True),
        ({"PatientName": "", "AccessionNumber": None, "ScheduledProcedureStepSequence": []}, True),
        ({"PatientName": "*"}, True),
        ({"PatientID": "P1 "}, True),
        ({"PatientID": "P"}, False),
        ({"PatientID": "P?"}, True),
        ({"PatientID": "p1"}, False),
        ({"PatientID": "P1.*"}, False),
        ({"AccessionNumber": "A-*"}, True),
        ({"AccessionNumber": "X\\A-77"}, True),
        ({"PatientName": "yamada*"}, True),
        ({"PatientName": "YAMADA^TAROU^^^"}, True),
        ({"PatientName": "山田^太郎"}, True),
        ({"PatientName": "*太郎*"}, True),
        ({"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"}, True),
        ({"PatientName": "Yamada"}, False),
        ({"StudyInstanceUID": "2.25.7"}, True),
        ({"StudyInstanceUID": "2.25.8\\2.25.7"}, True),
        ({"StudyInstanceUID": "2.25.*"}, False),
        ({"PatientBirthDate": "19700131"}, False),
        ({"PatientBirthDate": "-"}, False),
        ({"InstitutionName": "no such key here", "QueryRetrieveLevel": "STUDY", "SpecificCharacterSet": "ISO_IR 100"}, True),
        (step(Modality="CT", ScheduledStationAETitle="MERCY_CT1"), True),
        (step(Modality="MR"), False),
        (step(Modality="MR\\CT"), True),
        (step(ScheduledProcedureStepStartDate="20261121"), True),
        (step(ScheduledProcedureStepStartDate="20261120"), False),
        (step(ScheduledProcedureStepStartDate="20261120-20261122"), True),
        (step(ScheduledProcedureStepStartDate="20261122-"), False),
        (step(ScheduledProcedureStepStartDate="-20261121"), True),
        (step(ScheduledProcedureStepStartDate="2026.11.21"), True),
        (step(ScheduledProcedureStepStartTime="14"), True),
        (step(ScheduledProcedureStepStartTime="1430"), True),
        (step(ScheduledProcedureStepStartTime="1500-"), False),
        (step(ScheduledProcedureStepStartTime="1000-1430"), True),
        (step(ScheduledProcedureStepStartTime="14:00:00-14:59:59"), True),
        (step(ScheduledStationAETitle="OTHER"), False),
    ],
)
def test_keys_match_as_the_standard_says(query: dict[str, Any], found: bool) -> None:
    assert matches(query, STEP) is found


@given(st.dictionaries(st.sampled_from([*STEP, "Modality", "X"]), st.text(max_size=70) | st.none(), max_size=4))
def test_no_query_breaks_it(query: dict[str, Any]) -> None:
    query.pop("ScheduledProcedureStepSequence", None)
    assert matches(query, STEP) in {True, False}


def test_no_pattern_takes_long() -> None:
    began = time.perf_counter()
    assert not matches({"PatientID": "*a" * 32 + "b"}, {"PatientID": "a" * 64})
    assert time.perf_counter() - began < 20


def snapshot(path: Path, *steps: dict[str, Any], **changes: Any) -> None:
    document = {"version": 1, "cell": "c", "organisation": "o", "steps": list(steps), **changes}
    path.write_text(json.dumps(document))


def worklist(path: Path) -> Worklist:
    return Worklist(path, cell="c", organisation="o")


def ids(kept: Worklist, **query: str) -> list[str]:
    return [str(dcmread(BytesIO(each)).PatientID) for each in kept.find(query)]


def test_a_new_snapshot_is_in_force_at_the_next_question(tmp_path: Path) -> None:
    path = tmp_path / "worklist.json"
    kept = worklist(path)
    assert ids(kept) == []
    snapshot(path, STEP)
    assert ids(kept, AccessionNumber="A-77") == ["P1"]
    snapshot(path, STEP, STEP | {"PatientID": "P2"})
    assert ids(kept, PatientID="P2") == ["P2"]
    snapshot(path)
    assert ids(kept) == []


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"cell": "other"}, {"organisation": "other"}, {"steps": [1]}, {"steps": None}]
)
def test_a_broken_one_is_told_once_and_the_last_good_one_stays(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "worklist.json"
    kept = worklist(path)
    snapshot(path, STEP)
    assert ids(kept) == ["P1"]
    snapshot(path, STEP, STEP, **change)
    with pytest.raises(WorklistError):
        kept.find({})
    assert ids(kept) == ["P1"]
    path.write_text("{")
    with pytest.raises(WorklistError):
        kept.find({})


def test_a_step_is_a_dicom_file() -> None:
    read = dcmread(BytesIO(encode(STEP | {"Unknown": "x", "StudyInstanceUID": "2.25.123"})))
    assert str(read.PatientName) == STEP["PatientName"]
    assert (read.PatientID, read.StudyInstanceUID, read.PatientBirthDate) == ("P1", "2.25.123", "")
    assert read.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "MERCY_CT1"
    again = BytesIO()
    read.save_as(again, enforce_file_format=True)
    assert dcmread(BytesIO(again.getvalue())) == read
