"""C-MOVE and C-GET through the door: counts while they go on and at their end, whatever the other side does."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    MRImageStorage,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from orthanc_plugin.door import dimse
from tests.dcmtk import path_of
from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell, free_port
from tests.unit.door import requests

MOVE, GET = StudyRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelGet
FIND = StudyRootQueryRetrieveInformationModelFind
STUDY = phantom.study(7, PatientID="P-7", PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", StudyDate="20260105")
MIXED = [*phantom.study(2, PatientID="P-8", PatientName="Müller^Änne"), *phantom.study(3)]
for _number, _image in enumerate(MIXED[2:]):
    _image.StudyInstanceUID, _image.PatientID, _image.PatientName = MIXED[0].StudyInstanceUID, "P-8", "Müller^Änne"
    _image.SOPClassUID, _image.Modality = MRImageStorage, "MR"
    _image.file_meta.MediaStorageSOPClassUID = MRImageStorage
NODE, DEAD = free_port(), free_port()
Counts = tuple[int, int | None, int, int, int]
"""Status, remaining, completed, failed, warning."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, module_inbox: FakeInbox) -> Iterator[RunningCell]:
    cell = RunningCell(tmp_path_factory.mktemp("retrieve"), module_inbox.url)
    here = {"networks": ["127.0.0.0/8"], "services": ["echo", "store", "find", "move", "get"]}
    cell.senders = [
        {"aet": "CT1", **here},
        {"aet": "NODE", "networks": [], "services": [], "host": "127.0.0.1", "port": NODE},
        {"aet": "DEAD", "networks": [], "services": [], "host": "127.0.0.1", "port": DEAD},
    ]
    cell.write_policy()
    try:
        cell.start()
        files = phantom.write(tmp_path_factory.mktemp("images"), STUDY + MIXED)
        assert phantom.storescu(cell.dicom_port, files).stdout.count("(Success)") == len(STUDY) + len(MIXED)
        yield cell
    finally:
        cell.discard()


@contextmanager
def node(answer: Callable[[int], int] = lambda _number: 0x0000, *classes: Any) -> Iterator[list[str]]:
    """Run a PACS that gives the n-th object this status."""
    stored: list[str] = []

    def store(event: evt.Event) -> int:
        stored.append(str(event.request.AffectedSOPInstanceUID))
        return answer(len(stored))

    ae = AE(ae_title="NODE")
    for each in classes or (CTImageStorage, MRImageStorage):
        ae.add_supported_context(each, [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
    server = ae.start_server(("127.0.0.1", NODE), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        yield stored
    finally:
        server.shutdown()


def identifier(level: str = "STUDY", **keys: Any) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    return asked


STUDY_KEYS = {"StudyInstanceUID": STUDY[0].StudyInstanceUID}


def counts(status: Dataset) -> Counts:
    numbers = [status.get(f"NumberOf{each}Suboperations") for each in ("Remaining", "Completed", "Failed", "Warning")]
    return (status.Status, *numbers)


def uids(dataset: Dataset | None) -> list[str]:
    """Return what a response lists as failed."""
    listed = dataset.get("FailedSOPInstanceUIDList") if dataset else None
    return [listed] if isinstance(listed, str) else list(listed or [])


def open_to(cell: RunningCell, *contexts: Any, **options: Any) -> Any:
    ae = AE(ae_title="CT1")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
    for context in contexts:
        ae.add_requested_context(context)
    opened = ae.associate("127.0.0.1", cell.dicom_port, ae_title=cell.aet, **options)
    assert opened.is_established
    return opened


def move(cell: RunningCell, asked: Dataset, to: str = "NODE", *, model: Any = MOVE, cancel_at: int = 0) -> Any:
    """Return the counts of all responses, and the list of what failed."""
    association = open_to(cell, model)
    told, failed = [], []
    for status, dataset in association.send_c_move(asked, to, model, msg_id=7):
        told.append(counts(status))
        failed += uids(dataset)
        if len(told) == cancel_at:
            association.send_c_cancel(7, query_model=model)
    association.release()
    return told, failed


def get(cell: RunningCell, asked: Dataset, *classes: Any, answer: Callable[[int], int] = lambda _number: 0) -> Any:
    """Return the counts of all responses, what failed, and what came."""
    stored: list[str] = []

    def store(event: evt.Event) -> int:
        stored.append(str(event.request.AffectedSOPInstanceUID))
        return answer(len(stored))

    options = {"ext_neg": [build_role(each, scp_role=True) for each in classes], "evt_handlers": [(evt.EVT_C_STORE, store)]}
    association = open_to(cell, GET, *classes, **options)
    told, failed = [], []
    for status, dataset in association.send_c_get(asked, GET):
        told.append(counts(status))
        failed += uids(dataset)
    association.release()
    return told, failed, stored


def test_a_move_counts_down_and_up(filled: RunningCell) -> None:
    with node() as stored:
        told, failed = move(filled, identifier(**STUDY_KEYS))
    assert told == [*((0xFF00, 7 - n, n, 0, 0) for n in range(1, 7)), (0x0000, None, 7, 0, 0)]
    assert failed == []
    assert sorted(stored) == sorted(each.SOPInstanceUID for each in STUDY)


def test_what_the_node_refuses_is_counted_and_named_and_the_rest_goes_on(filled: RunningCell) -> None:
    with node(lambda number: 0xA700 if number in {2, 5} else 0) as stored:
        told, failed = move(filled, identifier(**STUDY_KEYS))
    assert told[-1] == (0xB000, None, 5, 2, 0)
    assert len(stored) == 7
    assert failed == [stored[1], stored[4]]
    assert all(each[0] == 0xFF00 and sum(each[1:]) == 7 for each in told[:-1])


@pytest.mark.parametrize("to", ["NOWHERE", "CT1", "MERCY", ""])
def test_what_is_not_an_own_node_is_an_unknown_destination(filled: RunningCell, to: str) -> None:
    told, _ = move(filled, identifier(**STUDY_KEYS), to or "X Y")
    assert [each[0] for each in told] == [0xA801]


def test_a_dead_node_fails_all_without_a_wait_for_each(filled: RunningCell) -> None:
    told, failed = move(filled, identifier(**STUDY_KEYS), "DEAD")
    assert told[-1] == (0xA702, None, 0, 7, 0)
    assert sorted(failed) == sorted(each.SOPInstanceUID for each in STUDY)


def test_a_cancelled_move_says_how_far_it_came(filled: RunningCell) -> None:
    with node() as stored:
        told, _ = move(filled, identifier(**STUDY_KEYS), cancel_at=2)
    status, remaining, completed, *_ = told[-1]
    assert status == 0xFE00
    assert remaining + completed == 7
    assert completed == len(stored)


@pytest.mark.parametrize(
    ("model", "level", "keys", "number"),
    [
        (PatientRootQueryRetrieveInformationModelMove, "PATIENT", {"PatientID": "P-7"}, 7),
        (MOVE, "SERIES", {**STUDY_KEYS, "SeriesInstanceUID": STUDY[0].SeriesInstanceUID}, 7),
        (MOVE, "IMAGE", {"SOPInstanceUID": [STUDY[0].SOPInstanceUID, STUDY[3].SOPInstanceUID]}, 2),
        (MOVE, "STUDY", {"StudyInstanceUID": [STUDY[0].StudyInstanceUID, MIXED[0].StudyInstanceUID]}, 12),
        (MOVE, "STUDY", {"StudyInstanceUID": "1.2.3.4"}, 0),
        (MOVE, "SERIES", {"StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": STUDY[0].SeriesInstanceUID}, 0),
    ],
)
def test_each_level_moves_what_it_names(filled: RunningCell, model: Any, level: str, keys: dict[str, Any], number: int) -> None:
    with node() as stored:
        told, _ = move(filled, identifier(level, **keys), model=model)
    assert told[-1] == (0x0000, None, number, 0, 0)
    assert len(set(stored)) == len(stored) == number


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(("level", "keys"), [("STUDY", {}), ("STUDY", {"StudyInstanceUID": "*"}), ("ROOM", STUDY_KEYS)])
def test_an_identifier_without_its_key_is_refused(filled: RunningCell, level: str, keys: dict[str, Any]) -> None:
    told, _ = move(filled, identifier(level, **keys))
    assert [each[0] for each in told] == [0xA900]


def test_a_get_brings_all_and_counts(filled: RunningCell) -> None:
    told, failed, stored = get(filled, identifier(**STUDY_KEYS), CTImageStorage)
    assert told[-1] == (0x0000, None, 7, 0, 0)
    assert told[0] == (0xFF00, 6, 1, 0, 0)
    assert (len(stored), failed) == (7, [])


def test_a_get_brings_what_the_caller_takes_and_names_the_rest(filled: RunningCell) -> None:
    asked = identifier(StudyInstanceUID=MIXED[0].StudyInstanceUID)
    told, failed, stored = get(filled, asked, CTImageStorage)
    assert told[-1] == (0xB000, None, 2, 3, 0)
    assert sorted(stored) == sorted(each.SOPInstanceUID for each in MIXED[:2])
    assert sorted(failed) == sorted(each.SOPInstanceUID for each in MIXED[2:])
    told, failed, stored = get(filled, identifier(**STUDY_KEYS), MRImageStorage)
    assert told == [(0xA702, None, 0, 7, 0)]
    assert stored == []


def test_a_get_counts_what_the_caller_refuses(filled: RunningCell) -> None:
    told, failed, stored = get(
        filled, identifier(**STUDY_KEYS), CTImageStorage, answer=lambda number: {3: 0xA700, 4: 0xB000}.get(number, 0)
    )
    assert told[-1] == (0xB000, None, 5, 1, 1)
    assert failed == [stored[2]]


def test_dcmtk_and_finds_beside_a_move_work_as_ever(filled: RunningCell, tmp_path: Path) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY[0].StudyInstanceUID}"]
    where = ["-aet", "CT1", "-aec", "MERCY", "127.0.0.1", str(filled.dicom_port)]
    done = subprocess.run(
        [path_of("getscu"), "-v", "-S", *where, *keys, "-od", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "Number of Completed Suboperations : 7" in done.stdout + done.stderr
    with node() as stored:
        done = subprocess.run(
            [path_of("movescu"), "-v", "-S", "-aem", "NODE", *where, *keys],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert "Received Final Move Response (Success)" in done.stdout + done.stderr
    assert len(stored) == 7
    association = open_to(filled, MOVE, FIND, CTImageStorage)
    assert association.send_c_store(STUDY[0]).Status == 0x0000
    found = [dataset for status, dataset in association.send_c_find(identifier(PatientID="P-7", PatientName=""), FIND) if dataset]
    assert [str(each.PatientName) for each in found] == ["Yamada^Tarou=山田^太郎=やまだ^たろう"]
    with node():
        assert list(association.send_c_move(identifier(**STUDY_KEYS), "NODE", MOVE))[-1][0].Status == 0x0000
    association.release()


@pytest.mark.parametrize(
    ("level", "keys", "number"),
    [
        ("STUDY", {"PatientName": "*山田*"}, 1),
        ("STUDY", {"PatientName": "müller*"}, 1),
        ("STUDY", {"PatientID": "P-?"}, 2),
        ("STUDY", {"StudyInstanceUID": [STUDY[0].StudyInstanceUID, MIXED[0].StudyInstanceUID]}, 2),
        ("STUDY", {"StudyDate": "20260104-20260105"}, 1),
        ("STUDY", {"StudyDate": "-20251231"}, 0),
        ("STUDY", {"ModalitiesInStudy": "MR"}, 1),
        ("STUDY", {"ModalitiesInStudy": ["MR", "CT"]}, 2),
        ("SERIES", {"StudyInstanceUID": MIXED[0].StudyInstanceUID, "Modality": "CT"}, 1),
        ("IMAGE", {"StudyInstanceUID": STUDY[0].StudyInstanceUID, "SeriesInstanceUID": STUDY[0].SeriesInstanceUID}, 7),
        ("PATIENT", {"PatientID": "P-*"}, 2),
        ("STUDY", {"PatientID": "NOBODY"}, 0),
    ],
)
def test_finds_match_as_the_standard_says(filled: RunningCell, level: str, keys: dict[str, Any], number: int) -> None:
    model = PatientRootQueryRetrieveInformationModelFind if level == "PATIENT" else FIND
    association = open_to(filled, model)
    asked = identifier(level, SpecificCharacterSet="ISO_IR 192", RetrieveAETitle="", **keys)
    answers = list(association.send_c_find(asked, model))
    association.release()
    assert [status.Status for status, _ in answers] == [0xFF00] * number + [0x0000]
    for _, dataset in answers[:-1]:
        assert dataset.RetrieveAETitle == "MERCY"
        assert dataset.SpecificCharacterSet == "ISO_IR 192"
        assert dataset.QueryRetrieveLevel == level


def test_what_became_of_retrievals_is_told(filled: RunningCell, module_inbox: FakeInbox) -> None:
    def ended(**facts: Any) -> bool:
        return any(facts.items() <= each.items() for each in module_inbox.events("association"))

    with node(lambda number: 0xA700 if number == 2 else 0):
        move(filled, identifier(**STUDY_KEYS))
        module_inbox.wait_for(lambda: ended(outcome="incomplete", objects=6, aet="CT1"))
    move(filled, identifier(**STUDY_KEYS), "ELSEWHERE")
    module_inbox.wait_for(lambda: ended(outcome="unknown-destination", called_aet="ELSEWHERE", objects=0))
    get(filled, identifier(**STUDY_KEYS), CTImageStorage)
    module_inbox.wait_for(lambda: ended(outcome="accepted", objects=7, services=["get", "store"]))


def test_nonsense_after_a_retrieval_leaves_it_on_record(filled: RunningCell, module_inbox: FakeInbox) -> None:
    """Whoever took images along must not take the line that says so along, by breaking what reads them."""

    def told() -> list[dict[str, Any]]:
        return [each for each in module_inbox.events("association") if "move" in each["services"] and each["aet"] == "CT1"]

    before = len(told())
    command = dimse.encode_command({dimse.Tag.COMMAND_FIELD: dimse.Field.C_MOVE_RQ, dimse.Tag.DATA_SET_TYPE: dimse.NO_DATA})
    nonsense = struct.pack("<HHI", 0, dimse.Tag.AFFECTED_SOP_CLASS_UID, 2) + b"\xff\xfe"
    with socket.create_connection(("127.0.0.1", filled.dicom_port), timeout=15) as caller:
        caller.sendall(requests.pdu(requests.content(str(MOVE))))
        assert caller.recv(1) == b"\x02"  # A-ASSOCIATE-AC
        caller.sendall(dimse.Piece(1, is_command=True, is_last=True, content=command + nonsense).pdu())
        while caller.recv(4096):
            pass
    module_inbox.wait_for(lambda: len(told()) > before)
    with node() as stored:  # and nobody else was kept waiting
        told_now, _ = move(filled, identifier(**STUDY_KEYS))
    assert (told_now[-1][0], len(stored)) == (0x0000, len(STUDY))
