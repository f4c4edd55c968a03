"""A deleted study at its own archive's doors: out of all of them within seconds, back at the undo, whatever dies in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell, free_port
from tests.doors.twin_world import Identity

NODE = free_port()
MOVED: list[str] = []
"""What the node was sent last."""
ALL = ["echo", "store", "find", "move", "get"]
FIND, GET = StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelGet
MOVE, PATIENTS = StudyRootQueryRetrieveInformationModelMove, PatientRootQueryRetrieveInformationModelFind


@pytest.fixture(scope="module", autouse=True)
def _node() -> Iterator[None]:
    node = AE(ae_title="NODE")
    node.add_supported_context(CTImageStorage)
    server = node.start_server(("127.0.0.1", NODE), block=False, evt_handlers=[(evt.EVT_C_STORE, keep_in(MOVED))])
    yield
    server.shutdown()


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory, module_inbox: FakeInbox) -> Iterator[RunningCell]:
    """A cell with a workstation that finds and retrieves, and a node."""
    cell = RunningCell(tmp_path_factory.mktemp("withheld"), module_inbox.url)
    cell.senders = [
        {"aet": "CT1", "networks": ["127.0.0.0/8"], "services": ALL},
        {"aet": "NODE", "networks": [], "services": [], "host": "127.0.0.1", "port": NODE},
    ]
    cell.write_policy()
    try:
        cell.start()
        yield cell
    finally:
        cell.discard()


class Archive:
    """What is seen of one study and its patient, by every door."""

    def __init__(self, cell: RunningCell, images: list[Dataset]) -> None:
        self.cell, self.images = cell, images
        self.study = str(images[0].StudyInstanceUID)
        self.ids = Identity.of(images[0]).orthanc()
        self.uids = sorted(str(each.SOPInstanceUID) for each in images)
        self.staff = cell.token(role="technician", org=cell.organisation)
        self.reader = cell.token(studies=[self.study])

    def store(self, directory: Path, images: list[Dataset] | None = None) -> None:
        """Send images; wait until the inbox was told of them."""
        sent = images or self.images
        assert phantom.storescu(self.cell.dicom_port, phantom.write(directory, sent)).stdout.count("(Success)") == len(sent)

    def withhold(self, *studies: str) -> None:
        """Let the policy withhold exactly these, and wait until archive and seals agree with it."""
        self.cell.withheld = list(studies)
        self.cell.write_policy()
        until(lambda: self.sealed()["revision"] == self.cell.revision)

    def sealed(self) -> dict[str, Any]:
        answer = self.cell.get(f"/readingroom/sealed/{self.ids['studies']}", self.cell.token())
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    def by_http(self) -> dict[str, Any]:
        """What staff and a reader are answered; statuses and counts."""
        told: dict[str, Any] = {}
        frame = f"/dicom-web/studies/{self.study}/series/{self.images[0].SeriesInstanceUID}/instances/{self.uids[0]}/frames/1"
        for name, token in (("staff", self.staff), ("reader", self.reader)):

            def get(path: str, token: str = token) -> int:
                return self.cell.get(path, token).status_code

            def count(level: str, token: str = token) -> int:
                asked = {"Level": level, "Query": {"PatientID": str(self.images[0].PatientID)}}
                answer = self.cell.request("POST", "/tools/count-resources", token, json=asked)
                return int(answer.raise_for_status().json()["Count"])

            told[name] = {
                "pages": [get(f"/studies/{self.ids['studies']}"), get(f"/series/{self.ids['series']}"),
                          get(f"/instances/{self.ids['instances']}/preview"), get(frame)],
                "listed": self.ids["studies"] in self.cell.get("/studies", token).json(),
                "patient": get(f"/patients/{self.ids['patients']}"),
                "counts": [count(level) for level in ("Patient", "Study", "Series", "Instance")],
                "looked up": len(self.cell.request("POST", "/tools/lookup", token, content=self.study).json()),
            }  # fmt: skip
        return told

    def by_dimse(self) -> dict[str, Any]:
        """What a workstation finds, moves and gets."""
        got: list[str] = []
        MOVED.clear()
        ae = AE(ae_title="CT1")
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
        for each in (FIND, PATIENTS, GET, MOVE, CTImageStorage):
            ae.add_requested_context(each)
        opened = ae.associate(
            "127.0.0.1", self.cell.dicom_port, ae_title=self.cell.aet, ext_neg=[build_role(CTImageStorage, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, keep_in(got))],
        )  # fmt: skip
        assert opened.is_established
        try:
            study = asked("STUDY", StudyInstanceUID=self.study)
            mine = asked("PATIENT", PatientID=self.images[0].PatientID, NumberOfPatientRelatedInstances="")
            patients = [each for _, each in opened.send_c_find(mine, PATIENTS) if each]
            told = {
                "found": sum(1 for _, each in opened.send_c_find(study, FIND) if each),
                "patients": [int(each.NumberOfPatientRelatedInstances) for each in patients],
                "moved": [status.Status for status, _ in opened.send_c_move(study, "NODE", MOVE)][-1],
                "got": [status.Status for status, _ in opened.send_c_get(study, GET)][-1],
            }
        finally:
            opened.release()
        assert sorted(MOVED) == sorted(got)
        return {**told, "images": sorted(got)}


def keep_in(place: list[str]) -> Callable[[evt.Event], int]:
    def store(event: evt.Event) -> int:
        place.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    return store


def asked(level: str, **keys: Any) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    return query


def until(true: Callable[[], bool], seconds: float = 20, *, pause: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(pause)


@dataclass
class Story:
    """What was seen before, while and after studies were withheld: all in one go, each turn of the policy takes a second."""

    hidden: Archive
    other: Archive
    wrong: Archive
    right: Archive
    late: Archive
    http: list[dict[str, Any]] = field(default_factory=list)
    dimse: list[dict[str, Any]] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    strangers: list[list[int]] = field(default_factory=list)

    @classmethod
    def of(cls, cell: RunningCell) -> Story:
        patient = {"PatientID": "P-HIDDEN"}
        wrong = phantom.study(2, PatientID="P-WRONG")
        right = [deepcopy(each) for each in wrong]
        for image in right:
            image.PatientID = "P-RIGHT"
        studies = (phantom.study(4, **patient), phantom.study(2, **patient), wrong, right, phantom.study(3, PatientID="P-LATE"))
        return cls(*(Archive(cell, each) for each in studies))

    def look(self) -> None:
        """Note what everybody sees of the hidden study now."""
        cell, path = self.hidden.cell, f"/studies/{self.hidden.ids['studies']}"
        strangers = (cell.token(studies=["1.2.3"]), cell.token(role="technician"), None)
        self.strangers.append([cell.get(path, each).status_code for each in strangers])
        self.http.append(self.hidden.by_http())
        self.dimse.append(self.hidden.by_dimse())
        self.images.append(cell.get("/statistics", self.hidden.staff).json()["CountInstances"])


@pytest.fixture(scope="module")
def story(cell: RunningCell, module_inbox: FakeInbox, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Three are deleted; one is sent again under the right patient and erased, one gets a late image; two are brought back."""
    told, files = Story.of(cell), tmp_path_factory.mktemp("files")
    hidden, late = told.hidden, told.late
    hidden.store(files / "first", [*hidden.images, *told.other.images, *told.wrong.images, *late.images[:2]])
    file = f"/instances/{hidden.ids['instances']}/file"
    told.files.append(cell.get(file, cell.token()).content)
    told.look()

    hidden.withhold(*(each.ids["studies"] for each in (hidden, told.wrong, late)))
    told.look()
    assert [each.sealed()["images"] for each in (hidden, told.wrong, late)] == [4, 2, 2]
    changed = deepcopy(late.images[0])
    changed.PixelData = bytes(len(changed.PixelData))
    hidden.store(files / "second", [*told.right.images, changed, late.images[2]])
    module_inbox.wait_for(lambda: set(late.uids) <= set(module_inbox.sop_instance_uids()))
    until(lambda: late.sealed()["images"] == 3 and not late.by_http()["staff"]["listed"])
    told.dimse += [late.by_dimse(), told.right.by_dimse()]
    told.http.append(told.right.by_http())
    removed = cell.request("DELETE", f"/readingroom/sealed/{told.wrong.ids['studies']}", cell.token())
    assert removed.json()["images"] == number_in(cell.directory / "sealed" / told.wrong.ids["studies"]) == 0

    hidden.withhold()
    told.look()
    told.dimse.append(late.by_dimse())
    told.files.append(cell.get(file, cell.token()).content)
    return told


def test_a_withheld_study_is_nowhere_and_its_patients_other_one_is_all_that_anybody_counts(story: Story) -> None:
    before, hidden, _right, _after = story.http
    assert before["staff"]["counts"] == [1, 2, 2, 6]
    assert before["reader"]["counts"] == [1, 1, 1, 4]
    assert story.dimse[0] == {"found": 1, "patients": [6], "moved": 0, "got": 0, "images": story.hidden.uids}
    assert hidden["staff"] == {"pages": [404] * 4, "listed": False, "patient": 200, "counts": [1, 1, 1, 2], "looked up": 0}
    assert hidden["reader"] == {"pages": [403] * 4, "listed": False, "patient": 403, "counts": [0] * 4, "looked up": 0}
    assert story.dimse[1] == {"found": 0, "patients": [2], "moved": 0, "got": 0, "images": []}
    assert story.images[1] == story.images[0] - 8


def test_it_comes_back_as_it_was(story: Story) -> None:
    assert (story.http[-1], story.dimse[4]) == (story.http[0], story.dimse[0])
    assert story.files[0] == story.files[1]


def test_what_was_filed_under_the_wrong_patient_is_not_mistaken_for_its_correction(story: Story) -> None:
    """The same study once more under the right patient, with all its UIDs: they mean that one alone."""
    assert story.dimse[3] == {"found": 1, "patients": [2], "moved": 0, "got": 0, "images": story.right.uids}
    assert story.http[2]["reader"]["pages"] == [200] * 4


def test_what_was_erased_does_not_come_back(cell: RunningCell, story: Story) -> None:
    assert cell.get(f"/studies/{story.wrong.ids['studies']}", story.wrong.staff).status_code == 404
    assert story.images[2] == story.images[0] + 2 + 1 - 2, "the right one's and the late one more, the wrong one's gone"


def test_a_late_image_is_told_of_and_sealed_and_what_is_sent_again_replaces_nothing(cell: RunningCell, story: Story) -> None:
    assert (story.dimse[2]["found"], story.dimse[2]["images"]) == (0, [])
    assert story.dimse[5]["images"] == story.late.uids
    kept = cell.get(f"/instances/{story.late.ids['instances']}/file", cell.token()).content
    assert kept.endswith(story.late.images[0].PixelData)


def test_a_stranger_is_answered_as_ever(cell: RunningCell, story: Story) -> None:
    assert story.strangers[0] == story.strangers[1] == story.strangers[2]
    path = f"/readingroom/sealed/{story.hidden.ids['studies']}"
    for token in (story.hidden.staff, story.hidden.reader, cell.token(studies=["1.2.3"]), cell.token(role="technician"), None):
        for method in ("GET", "DELETE"):
            assert cell.request(method, path, token).status_code in {401, 403}


def test_kill_9_in_the_middle_loses_and_shows_nothing(cell: RunningCell, tmp_path: Path) -> None:
    study = Archive(cell, phantom.study(40, PatientID="P-KILLED"))
    study.store(tmp_path / "sent")
    sealed = cell.directory / "sealed" / study.ids["studies"]
    for withheld, left in (([study.ids["studies"]], 40), ([], 0)):
        cell.withheld = withheld
        cell.write_policy()
        until(lambda left=left: 0 < number_in(sealed) < 40 or number_in(sealed) == left, pause=0.0)  # type: ignore[misc]
        cell.kill()
        cell.start_orthanc()
        cell.wait_until_ready()
        until(lambda: study.sealed()["revision"] == cell.revision)
        assert study.sealed()["images"] == left
        assert study.by_dimse()["images"] == ([] if left else study.uids)


def number_in(directory: Path) -> int:
    return len(list(directory.iterdir())) if directory.is_dir() else 0
