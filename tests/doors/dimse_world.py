"""Two hospitals with equal identifiers behind their doors, and the nine DIMSE services as a caller asks for them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell, free_port

ALL = ("echo", "store", "find", "move", "get", "worklist", "commitment")
SHARED = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
PENDING, SUCCESS = {0xFF00, 0xFF01}, 0x0000


@dataclass(slots=True)
class Hospital:
    """One cell with its door, one study and one scheduled step; ``canary`` is the name that only its patient bears."""

    cell: RunningCell
    canary: str
    node: str
    node_port: int
    image: Dataset
    received: list[Dataset] = field(default_factory=list)
    reports: list[Dataset] = field(default_factory=list)

    def state(self) -> list[dict[str, Any]]:
        """Return everything the cell holds, by its own change log: for comparing before and after."""
        connection = http.client.HTTPConnection("127.0.0.1", self.cell.http_port, timeout=10)
        connection.request(
            "GET", "/readingroom/changes?since=0&limit=500", headers={"Authorization": f"Bearer {self.cell.token()}"}
        )
        answer = connection.getresponse()
        events: list[dict[str, Any]] = json.loads(answer.read())["events"]
        connection.close()
        return [{name: value for name, value in event.items() if name != "at"} for event in events]


def register(name: str, node_port: int) -> list[dict[str, Any]]:
    """Return the application entities of a hospital: for each service one that may do only this, one that may all but this."""
    here: dict[str, Any] = {"networks": ["127.0.0.0/8"]}
    reached = {"host": "127.0.0.1", "port": node_port}
    entities = [{"aet": f"{name}_NODE", "networks": [], "services": [], **reached}]
    entities += [{"aet": f"{name}_PACS", **here, "services": list(ALL), **reached}]
    entities += [{"aet": "AWAY", "networks": ["10.99.0.0/16"], "services": list(ALL), **reached}]
    for service in ALL:
        entities.append({"aet": f"ONLY_{service.upper()}", **here, "services": [service], **reached})
        entities.append(
            {"aet": f"NOT_{service.upper()}", **here, "services": [each for each in ALL if each != service], **reached}
        )
    return entities


def step(canary: str) -> dict[str, Any]:
    """Return the worklist's one step; both hospitals' are equal but for the name."""
    return {
        "SpecificCharacterSet": "ISO_IR 192", "AccessionNumber": "A1", "PatientName": canary, "PatientID": "P-1",
        "StudyInstanceUID": SHARED["StudyInstanceUID"], "RequestedProcedureID": "A1",
        "ScheduledProcedureStepSequence": [{"Modality": "CT", "ScheduledStationAETitle": "CT1"}],
    }  # fmt: skip


@contextmanager
def open_hospital(directory: Path, name: str, canary: str) -> Iterator[Hospital]:
    """Run a hospital's cell, its door and its own PACS (where C-MOVE and commitment reports go), with one study inside."""
    inbox, node_port = FakeInbox(), free_port()
    cell = RunningCell(directory, inbox.url, aet=name)
    image = phantom.image(seed=len(name), PatientName=f"{canary}^=山田^太郎", **SHARED)
    hospital = Hospital(cell, canary, f"{name}_NODE", node_port, image)
    cell.senders = register(name, node_port)
    cell.write_policy()
    snapshot = {"version": 1, "cell": cell.identifier, "organisation": cell.organisation, "steps": [step(canary)]}
    (directory / "worklist.json").write_text(json.dumps(snapshot))
    node = _node(hospital)
    try:
        cell.start()
        file = phantom.write(directory.parent / f"{name}-files", [image])
        assert "(Success)" in phantom.storescu(cell.dicom_port, file, calling="ONLY_STORE", called=name).stdout
        yield hospital
    finally:
        node.shutdown()
        cell.discard()
        inbox.close()


def _node(hospital: Hospital) -> Any:
    def store(event: evt.Event) -> int:
        hospital.received.append(event.dataset)
        return SUCCESS

    def report(event: evt.Event) -> tuple[int, None]:
        hospital.reports.append(event.event_information)
        return SUCCESS, None

    ae = AE()
    ae.add_supported_context(CTImageStorage)
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    handlers = [(evt.EVT_C_STORE, store), (evt.EVT_N_EVENT_REPORT, report)]
    return ae.start_server(("127.0.0.1", hospital.node_port), block=False, evt_handlers=handlers)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got: the reason of an A-ASSOCIATE-RJ, or the last status, and every byte of text on the way."""

    rejected: int | None = None
    status: int | None = None
    seen: str = ""

    @property
    def served(self) -> bool:
        return self.rejected is None and self.status is not None and self.status in {SUCCESS, *PENDING}


def call(cell: RunningCell, calling: str, called: str, *contexts: Any, **options: Any) -> Association:
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
    for context in contexts:
        ae.add_requested_context(context)
    for _ in range(3):  # pynetdicom sometimes aborts by itself when refusal and hanging up come at once
        association = ae.associate("127.0.0.1", cell.dicom_port, ae_title=called, **options)
        if association.is_established or association.is_rejected:
            break
    return association


Ask = Callable[[Association, Hospital, list[Dataset]], tuple[int | None, list[Dataset]]]


def _echo(association: Association, _hospital: Hospital, _got: list[Dataset]) -> tuple[int | None, list[Dataset]]:
    return association.send_c_echo().get("Status"), []


def _store(association: Association, hospital: Hospital, _got: list[Dataset]) -> tuple[int | None, list[Dataset]]:
    image = phantom.image(PatientName=hospital.canary, PatientID="STORED")
    return association.send_c_store(image).get("Status"), []


def _responses(pairs: Iterator[tuple[Dataset, Dataset | None]]) -> tuple[int | None, list[Dataset]]:
    status, seen = None, []
    for answer, dataset in pairs:
        status = answer.get("Status")
        seen += [dataset] if dataset is not None else []
    return status, seen


def query(level: str = "STUDY") -> Dataset:
    """Return a query for the shared study."""
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    asked.PatientName = asked.AccessionNumber = asked.PatientBirthDate = ""
    asked.PatientID = "P-1"
    if level == "STUDY":
        asked.StudyInstanceUID = SHARED["StudyInstanceUID"]
    return asked


def _find_by(model: Any, level: str) -> Ask:
    return lambda association, _hospital, _got: _responses(association.send_c_find(query(level), model))


def identifiers() -> Dataset:
    """Return what C-MOVE and C-GET ask for."""
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", SHARED["StudyInstanceUID"]
    return asked


def _move(association: Association, hospital: Hospital, _got: list[Dataset]) -> tuple[int | None, list[Dataset]]:
    return _responses(association.send_c_move(identifiers(), hospital.node, StudyRootQueryRetrieveInformationModelMove))


def _get(association: Association, _hospital: Hospital, got: list[Dataset]) -> tuple[int | None, list[Dataset]]:
    status, _ = _responses(association.send_c_get(identifiers(), StudyRootQueryRetrieveInformationModelGet))
    return status, got


def _worklist(association: Association, _hospital: Hospital, _got: list[Dataset]) -> tuple[int | None, list[Dataset]]:
    asked = Dataset()
    asked.PatientName = asked.PatientID = asked.AccessionNumber = ""
    return _responses(association.send_c_find(asked, ModalityWorklistInformationFind))


def _commitment() -> Dataset:
    asked, item = Dataset(), Dataset()
    asked.TransactionUID = generate_uid()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, SHARED["SOPInstanceUID"]
    asked.ReferencedSOPSequence = [item]
    return asked


def _action(association: Association, _hospital: Hospital, _got: list[Dataset]) -> tuple[int | None, list[Dataset]]:
    arguments = (_commitment(), 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    return association.send_n_action(*arguments)[0].get("Status"), []


def _report(association: Association, _hospital: Hospital, _got: list[Dataset]) -> tuple[int | None, list[Dataset]]:
    arguments = (_commitment(), 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    return association.send_n_event_report(*arguments)[0].get("Status"), []


SERVICES: dict[str, tuple[str, Any, Ask]] = {
    "C-ECHO": ("echo", Verification, _echo),
    "C-STORE": ("store", CTImageStorage, _store),
    "C-FIND patient root": (
        "find", PatientRootQueryRetrieveInformationModelFind, _find_by(PatientRootQueryRetrieveInformationModelFind, "PATIENT"),
    ),
    "C-FIND study root": (
        "find", StudyRootQueryRetrieveInformationModelFind, _find_by(StudyRootQueryRetrieveInformationModelFind, "STUDY"),
    ),
    "C-MOVE": ("move", StudyRootQueryRetrieveInformationModelMove, _move),
    "C-GET": ("get", StudyRootQueryRetrieveInformationModelGet, _get),
    "C-FIND worklist": ("worklist", ModalityWorklistInformationFind, _worklist),
    "N-ACTION commitment": ("commitment", StorageCommitmentPushModel, _action),
    "N-EVENT-REPORT": ("commitment", StorageCommitmentPushModel, _report),
}  # fmt: skip
"""The nine services: the permission each needs, its abstract syntax, and how it is asked for."""


def ask(hospital: Hospital, service: str, *, calling: str, called: str, beside: tuple[Any, ...] = ()) -> Answer:
    """Ask one hospital for one service; ``beside`` are further abstract syntaxes of the same association."""
    _, syntax, act = SERVICES[service]
    got: list[Dataset] = []

    def take(event: evt.Event) -> int:
        got.append(event.dataset)
        return SUCCESS

    options: dict[str, Any] = {"evt_handlers": [(evt.EVT_C_STORE, take)]}
    contexts = [syntax, *beside]
    if service == "C-GET":
        contexts.append(CTImageStorage)
        options["ext_neg"] = [build_role(CTImageStorage, scp_role=True)]
    association = call(hospital.cell, calling, called, *contexts, **options)
    if association.is_rejected:
        return Answer(rejected=association.acceptor.primitive.diagnostic)
    try:
        if not any(context.abstract_syntax == syntax for context in association.accepted_contexts):
            return Answer()
        status, seen = act(association, hospital, got)
        return Answer(status=status, seen="\n".join(str(each) for each in seen))
    finally:
        if association.is_established:
            association.release()
