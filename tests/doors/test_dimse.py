"""What a registered sender may do at the DICOM door: verify and store. Everything else is shut in this issue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, Association, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from tests.doors import phantom
from tests.doors.running_cell import RunningCell, free_port

STUDY = phantom.study(1)


@pytest.fixture(scope="module", autouse=True)
def _filled(cell: RunningCell, tmp_path_factory: pytest.TempPathFactory) -> None:
    files = phantom.write(tmp_path_factory.mktemp("files"), STUDY)
    assert "(Success)" in phantom.storescu(cell.dicom_port, files).stdout


def associate(cell: RunningCell, *contexts: Any, calling: str = "CT1", **options: Any) -> Association:
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
    for context in contexts:
        ae.add_requested_context(context)
    return ae.associate("127.0.0.1", cell.dicom_port, ae_title=cell.aet, **options)


def identifier(level: str = "STUDY") -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    query.StudyInstanceUID = STUDY[0].StudyInstanceUID
    query.PatientID = ""
    return query


@pytest.fixture
def association(cell: RunningCell) -> Iterator[Any]:
    opened: list[Association] = []

    def opener(*contexts: Any, **options: Any) -> Association:
        opened.append(associate(cell, *contexts, **options))
        return opened[-1]

    yield opener
    for each in opened:
        if each.is_established:
            each.release()


def test_echo_is_open_to_registered_senders_only(association: Any) -> None:
    assert association(Verification).send_c_echo().Status == 0x0000
    assert association(Verification, calling="NOBODY").is_rejected


@pytest.mark.parametrize(
    "model",
    [
        StudyRootQueryRetrieveInformationModelFind,
        PatientRootQueryRetrieveInformationModelFind,
        ModalityWorklistInformationFind,
    ],
)
def test_find_answers_nothing(association: Any, model: Any) -> None:
    opened = association(model)
    answers = list(opened.send_c_find(identifier(), model)) if opened.accepted_contexts else []
    assert all(status.get("Status") not in {0x0000, 0xFF00, 0xFF01} for status, _ in answers)
    assert all(dataset is None for _, dataset in answers)


def test_move_sends_nothing(association: Any) -> None:
    received: list[Any] = []
    receiver = AE(ae_title="CT1")
    receiver.add_supported_context(CTImageStorage)
    server = receiver.start_server(
        ("127.0.0.1", free_port()), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: received.append(event) or 0)]
    )
    try:
        model = StudyRootQueryRetrieveInformationModelMove
        opened = association(model)
        answers = list(opened.send_c_move(identifier(), "CT1", model)) if opened.accepted_contexts else []
        assert all(status.get("Status") != 0x0000 for status, _ in answers)
        assert received == []
    finally:
        server.shutdown()


def test_get_sends_nothing(association: Any) -> None:
    received: list[Any] = []
    model = StudyRootQueryRetrieveInformationModelGet
    opened = association(
        model,
        CTImageStorage,
        ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, lambda event: received.append(event) or 0)],
    )
    if any(context.abstract_syntax == model for context in opened.accepted_contexts):
        answers = list(opened.send_c_get(identifier(), model))
        assert all(status.get("Status") != 0x0000 for status, _ in answers)
    assert received == []


def test_storage_commitment_says_nothing(association: Any) -> None:
    opened = association(StorageCommitmentPushModel)
    if not opened.accepted_contexts:
        return
    request = Dataset()
    request.TransactionUID = generate_uid()
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = STUDY[0].SOPClassUID, STUDY[0].SOPInstanceUID
    request.ReferencedSOPSequence = [item]
    status, _ = opened.send_n_action(request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    assert status.get("Status") != 0x0000
