"""Whole studies through the whole house: downloads by nginx from the cell, sends to a node, deletions that remove files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import AE, evt
from sqlalchemy import select

from sidecar.accounts import keys
from sidecar.accounts.members import disable
from sidecar.accounts.office import Office
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import OrganisationKind, Role, system_actor
from sidecar.gate.machine import Workshop
from sidecar.instance import Instance, supervision
from sidecar.organisations import service as organisations
from sidecar.organisations.tables import Cell
from sidecar.studies.tables import Series, Study
from tests.cast import Person, make_person
from tests.doors import phantom
from tests.doors.hospital import in_index, open_hospital, until
from tests.doors.running_cell import free_port
from tests.doors.visitor import Visitor

AET = "ARCHIVE_CT"
PROVIDER = OrganisationKind.PROVIDER


@dataclass(frozen=True)
class Hospital:
    """A hospital with its cell and its technician at the public door."""

    cell: Cell
    technician: Person
    visitor: Visitor


@pytest.fixture(scope="module")
def hospitals(house: Instance, workshop: Workshop, seal: Seal) -> Iterator[tuple[Hospital, Hospital]]:
    """One whose archive is used, one whose technician is the stranger."""
    made = []
    for name in ("Tess Own", "Lou Strange"):
        cell = open_hospital(workshop, AET)
        person = make_person(workshop.scopes, seal, cell.organisation_id, PROVIDER, Role.TECHNICIAN, name)
        made.append(Hospital(cell, person, Visitor(house.url, person)))
    yield made[0], made[1]
    for each in made:
        each.visitor.close()


def send(workshop: Workshop, cell: Cell, directory: Path, datasets: list[Dataset]) -> Study:
    """Send a study to the cell; return its row once the index has all of it."""
    said = phantom.storescu(cell.dicom_port, phantom.write(directory, datasets), calling=AET, called=cell.aet).stdout
    assert said.count("(Success)") == len(datasets), said
    uid = str(datasets[0].StudyInstanceUID)
    until(lambda: in_index(workshop, cell.organisation_id, uid)[1] == len(datasets), 60, "not all is indexed")
    with workshop.scopes.open(system_actor(cell.organisation_id)) as scope:
        return scope.session.scalars(select(Study).where(Study.study_instance_uid == uid)).one()


def two_series(**elements: Any) -> list[Dataset]:
    study = generate_uid()
    return [*phantom.study(3, StudyInstanceUID=study, **elements),
            *phantom.study(2, StudyInstanceUID=study, SeriesNumber=2, SeriesDescription="coronal", **elements)]  # fmt: skip


def uids(datasets: list[Dataset]) -> list[str]:
    return sorted(str(each.SOPInstanceUID) for each in datasets)


def unpacked(content: bytes) -> list[Dataset]:
    """Return the DICOM objects of a ZIP; every member is one."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return [pydicom.dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist()]


def test_a_study_comes_as_zip_as_medium_and_by_series(
    hospitals: tuple[Hospital, Hospital], workshop: Workshop, tmp_path: Path
) -> None:
    owner, stranger = hospitals
    sent = two_series(PatientID=f"P{uuid4().hex[:6]}", PatientName="OWNNAME^A", AccessionNumber="ACC7")
    send(workshop, owner.cell, tmp_path / "other", phantom.study(1, PatientName="OTHERPATIENT^CANARY", PatientID="OTHER"))
    study = send(workshop, owner.cell, tmp_path / "sent", sent)

    taken = owner.visitor.get(f"/studies/{study.id}/archive.zip")
    assert taken.status_code == 200
    assert taken.headers["content-disposition"] == 'attachment; filename="ACC7_20260102_CT.zip"'
    assert taken.headers["cache-control"] == "private, no-store"
    assert not {"x-cell-address", "x-cell-token", "x-accel-redirect", "set-cookie"} & set(taken.headers)
    assert "OWNNAME" not in str(taken.headers)
    objects = unpacked(taken.content)
    assert uids(objects) == uids(sent)
    assert {str(each.PatientName) for each in objects} == {"OWNNAME^A"}
    assert all(
        each.PixelData == next(one for one in sent if one.SOPInstanceUID == each.SOPInstanceUID).PixelData for each in objects
    )

    medium = owner.visitor.get(f"/studies/{study.id}/media.zip")
    assert "DICOMDIR" in medium.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(medium.content)) as archive:
        archive.extractall(tmp_path / "medium")
    files = FileSet(tmp_path / "medium" / "DICOMDIR")
    assert uids([each.load() for each in files]) == uids(sent)
    files._stage["t"].cleanup()  # pydicom leaves that to the garbage collector, which warns

    with workshop.scopes.open(system_actor(owner.cell.organisation_id)) as scope:
        coronal = scope.session.scalars(select(Series).where(Series.study_id == study.id, Series.series_number == 2)).one()
    alone = owner.visitor.get(f"/studies/{study.id}/series/{coronal.id}/archive.zip")
    assert uids(unpacked(alone.content)) == uids(sent[3:])

    for path in (f"/studies/{study.id}/archive.zip", f"/studies/{study.id}/series/{coronal.id}/archive.zip"):
        assert stranger.visitor.get(path).status_code == 404
    for who in hospitals:
        assert who.visitor.get(f"/__carried/{'0' * 32}").status_code == 404
    led = owner.visitor.get(f"/archive/by-orthanc-id/own/{study.orthanc_id}/download")
    assert led.headers["location"] == f"/studies/{study.id}/download"
    assert stranger.visitor.get(f"/archive/by-orthanc-id/own/{study.orthanc_id}/download").status_code == 404


@pytest.fixture
def node() -> Iterator[tuple[int, list[str], dict[str, int]]]:
    """A PACS of the hospital's own: its port, what it has, and how it answers (status, sooner or later)."""
    got: list[str] = []
    answers = {"status": 0x0000, "milliseconds": 0}

    def store(event: evt.Event) -> int:
        time.sleep(answers["milliseconds"] / 1000)
        if answers["status"] == 0:
            got.append(str(event.request.AffectedSOPInstanceUID))
        return answers["status"]

    entity = AE(ae_title="PACS")
    entity.add_supported_context(CTImageStorage)
    port = free_port()
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    yield port, got, answers
    server.shutdown()


def test_a_study_is_sent_to_a_node_and_its_troubles_are_told(
    hospitals: tuple[Hospital, Hospital], workshop: Workshop, tmp_path: Path, node: tuple[int, list[str], dict[str, int]]
) -> None:
    owner, stranger = hospitals
    port, got, answers = node
    sent = phantom.study(8, PatientID="SENT")
    study = send(workshop, owner.cell, tmp_path, sent)
    with workshop.scopes.open(owner.technician.actor) as scope:
        where = organisations.add_entity(scope, aet="PACS", host="127.0.0.1", port=port, services=()).id

    def ask() -> str:
        answer = owner.visitor.post("/api/sends", json={"node_id": str(where), "study_ids": [str(study.id)]})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["jobs"][0]["id"])

    def job(job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = owner.visitor.get(f"/api/jobs/{job_id}").json()["job"]
        return found

    def over(job_id: str) -> dict[str, Any]:
        until(lambda: job(job_id)["state"] in {"done", "failed", "cancelled"}, 60, "the send does not end")
        return job(job_id)

    first = ask()  # the cell hears of its new node a moment later
    assert over(first)["state"] == "done", job(first)
    assert (job(first)["done"], sorted(got)) == (8, uids(sent))

    answers["milliseconds"] = 500
    slow = ask()
    until(lambda: 0 < job(slow)["done"] < 8, 30, "no progress is seen")
    assert stranger.visitor.get(f"/api/jobs/{slow}").status_code == 404
    assert stranger.visitor.post(f"/api/jobs/{slow}/cancel").status_code == 404
    owner.visitor.post(f"/api/jobs/{slow}/cancel")
    assert over(slow)["state"] == "cancelled"

    answers.update(milliseconds=0, status=0xA700)
    full = over(ask())
    assert (full["state"], full["problem"].startswith("PACS has no room")) == ("failed", True)


def holding(workshop: Workshop, cell: Cell, marks: list[bytes]) -> list[Path]:
    """Return the files of a cell's storage that hold one of these."""
    places = (workshop.settings.cells_dir / str(cell.id) / name for name in ("storage", "sealed"))
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [path for path in files if any(mark in path.read_bytes() for mark in marks)]


def test_a_deletion_really_removes_the_files_and_only_those(
    hospitals: tuple[Hospital, Hospital], workshop: Workshop, tmp_path: Path
) -> None:
    owner, stranger = hospitals
    gone, kept = phantom.study(3, PatientID="GONE"), phantom.study(2, PatientID="KEPT")
    study, other = send(workshop, owner.cell, tmp_path / "gone", gone), send(workshop, owner.cell, tmp_path / "kept", kept)
    marks = [str(each.SOPInstanceUID).encode() for each in gone]
    assert len(holding(workshop, owner.cell, marks)) >= 3
    body = {"reason": "test-images", "explanation": "", "images": 3}
    assert stranger.visitor.post(f"/api/studies/{study.id}/deletion", json=body).status_code == 404
    deletion = owner.visitor.post(f"/api/studies/{study.id}/deletion", json=body).json()["deletion"]["id"]
    assert owner.visitor.get(f"/studies/{study.id}/archive.zip").status_code == 404
    assert owner.visitor.post(f"/api/deletions/{deletion}/erase").status_code == 200
    until(lambda: owner.visitor.get("/api/deletions").json()["deletions"][0]["state"] == "erased", 60, "it is not erased")
    assert holding(workshop, owner.cell, marks) == []
    assert in_index(workshop, owner.cell.organisation_id, str(study.study_instance_uid)) == ([], 0)
    assert uids(unpacked(owner.visitor.get(f"/studies/{other.id}/archive.zip").content)) == uids(kept)

    said = phantom.storescu(owner.cell.dicom_port, phantom.write(tmp_path / "again", gone), calling=AET, called=owner.cell.aet)
    assert said.stdout.count("(Success)") == 3

    def anew() -> UUID | None:
        with workshop.scopes.open(system_actor(owner.cell.organisation_id)) as scope:
            found = select(Study.id).where(Study.study_instance_uid == study.study_instance_uid, Study.instance_count == 3)
            return scope.session.scalar(found)

    until(anew, 60, "what was sent again is not in the index")
    assert "This study was deleted here before" in owner.visitor.get(f"/studies/{anew()}/download").text


def test_a_deleted_study_leaves_its_own_archive_within_seconds_and_comes_back_whole(
    hospitals: tuple[Hospital, Hospital], workshop: Workshop, tmp_path: Path
) -> None:
    """Own staff in Explorer; the stranger is answered as ever. A late image brings it back, as the rule is."""
    owner, stranger = hospitals
    sent = phantom.study(4, PatientID="BACK")
    study = send(workshop, owner.cell, tmp_path / "sent", sent[:3])
    explorer = f"/explorer/own/studies/{study.orthanc_id}"

    def in_explorer() -> tuple[bool, int]:
        counted = owner.visitor.get(f"{explorer}/statistics")
        listed = study.orthanc_id in owner.visitor.get("/explorer/own/studies").json()
        return listed, int(counted.json()["CountInstances"]) if counted.status_code == 200 else 0

    def deleted() -> str:
        body = {"reason": "test-images", "explanation": "", "images": 3}
        made = owner.visitor.post(f"/api/studies/{study.id}/deletion", json=body).json()["deletion"]["id"]
        until(lambda: in_explorer() == (False, 0), 20, "it is in the archive still")
        return str(made)

    assert in_explorer() == (True, 3)
    strange = stranger.visitor.get(explorer).status_code
    deletion = deleted()
    assert stranger.visitor.get(explorer).status_code == strange
    assert stranger.visitor.post(f"/api/deletions/{deletion}/undo").status_code == 404
    assert owner.visitor.post(f"/api/deletions/{deletion}/undo").status_code == 200
    until(lambda: owner.visitor.get(f"/studies/{study.id}/archive.zip").status_code == 200, 30, "it does not come back")
    assert in_explorer() == (True, 3)
    assert uids(unpacked(owner.visitor.get(f"/studies/{study.id}/archive.zip").content)) == uids(sent[:3])

    deleted()
    said = phantom.storescu(owner.cell.dicom_port, phantom.write(tmp_path / "late", sent[3:]), calling=AET, called=owner.cell.aet)
    assert "(Success)" in said.stdout
    until(lambda: owner.visitor.get(f"/studies/{study.id}/archive.zip").status_code == 200, 30, "the late image is not seen")
    assert uids(unpacked(owner.visitor.get(f"/studies/{study.id}/archive.zip").content)) == uids(sent)
    assert in_explorer() == (True, 4)


def test_a_node_that_leads_to_another_cells_inner_port_is_reached_by_no_door(
    hospitals: tuple[Hospital, Hospital], workshop: Workshop, tmp_path: Path
) -> None:
    """By name and in figures; the cell itself knows no address of it. The house's own people are told what to do."""
    owner, stranger = hospitals
    study = send(workshop, owner.cell, tmp_path, phantom.study(1, PatientID="INWARD"))
    with workshop.scopes.open(owner.technician.actor) as scope:
        nodes = [
            organisations.add_entity(scope, aet=aet, host=host, port=stranger.cell.inner_dicom_port, services=()).id
            for aet, host in (("BYNAME", "localhost"), ("INFIGURES", "127.0.0.1"))
        ]
    policy = workshop.settings.cells_dir / str(owner.cell.id) / "policy.json"

    def known() -> dict[str, str]:
        return {each["aet"]: each["host"] for each in json.loads(policy.read_text())["senders"]}

    until(lambda: {"BYNAME", "INFIGURES"} <= known().keys(), 20, "the cell hears of no node")
    assert (known()["BYNAME"], known()["INFIGURES"]) == ("", "")
    until(lambda: owner.visitor.post(f"/admin/ae-titles/{nodes[0]}/echo").status_code == 200, 20, "the cell knows no node")
    for node in nodes:
        told = owner.visitor.post(f"/admin/ae-titles/{node}/test-send").text
        assert "leads to the platform itself" in told
        job = owner.visitor.post("/api/sends", json={"node_id": str(node), "study_ids": [str(study.id)]}).json()["jobs"][0]["id"]
        until(lambda job=job: owner.visitor.get(f"/api/jobs/{job}").json()["job"]["state"] == "failed", 20, "it is sent")  # type: ignore[misc]
        assert "leads to the platform itself" in owner.visitor.get(f"/api/jobs/{job}").json()["job"]["problem"]
    assert in_index(workshop, stranger.cell.organisation_id, str(study.study_instance_uid)) == ([], 0)


BIG = 8 * 1024 * 1024
"""Bytes of pixels of one object of the large study: noise that a ZIP cannot make smaller."""


def held(pid: int) -> int:
    """Return the memory (bytes) that a process and all below it hold for themselves.

    Pages of programs and libraries are not theirs: a busy machine takes them away and brings them back as it likes.
    """
    total = 0
    for each in tree(pid):
        status = Path(f"/proc/{each}/status").read_text()
        total += int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) * 1024
    return total


def tree(pid: int) -> list[int]:
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in below for each in tree(int(child)))]


@pytest.fixture(scope="module")
def large(hospitals: tuple[Hospital, Hospital], workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of 320 MB in the owner's archive, a sixth of it in a series of its own."""
    uid = generate_uid()
    objects = [*phantom.study(34, PatientID="LARGE", StudyInstanceUID=uid),
               *phantom.study(6, PatientID="LARGE", StudyInstanceUID=uid, SeriesNumber=2)]  # fmt: skip
    noise = os.urandom(BIG)
    for each in objects:
        each.Rows = each.Columns = 2048
        each.PixelData = noise
    directory = tmp_path_factory.mktemp("large")
    study = send(workshop, hospitals[0].cell, directory, objects)
    for path in directory.iterdir():
        path.unlink()
    return study


def test_a_large_study_passes_through_flat_memory_at_a_slow_clients_pace(
    house: Instance, hospitals: tuple[Hospital, Hospital], large: Study, record_property: Any
) -> None:
    owner, _ = hospitals
    pids = {part.name: part.pid for part in house.parts()}
    watched = {name: pids[name] for name in ("web", "nginx", "carrier", f"cell-{owner.cell.id}")}
    before = {name: held(pid) for name, pid in watched.items()}
    most = dict(before)
    taken = 0
    with owner.visitor.http.stream("GET", f"/studies/{large.id}/archive.zip") as answer:
        assert answer.status_code == 200
        for chunk in answer.iter_raw(1 << 20):
            taken += len(chunk)
            if taken < 4 << 20:  # nobody takes the rest for a while: it must not wait in anybody's memory
                time.sleep(0.75)
            most = {name: max(most[name], held(pid)) for name, pid in watched.items()}
    assert taken > 40 * BIG
    grown = {name.partition("-")[0]: (most[name] - before[name]) >> 20 for name in watched}
    record_property("grown_mb", grown)
    assert grown["web"] < 16, grown
    assert grown["nginx"] < 16, grown
    assert grown["carrier"] < 24, grown
    assert grown["cell"] < 160, grown


class Taking:
    """Somebody who takes a study along: a little at first, the rest when told to."""

    def __init__(self, visitor: httpx.Client, path: str, **headers: str) -> None:
        self.began = contextlib.ExitStack()
        self.answer = self.began.enter_context(visitor.stream("GET", path, headers=headers))
        assert self.answer.status_code == 200
        self.chunks = self.answer.iter_raw(1 << 20)
        self.taken = len(next(self.chunks))

    def rest(self) -> bool:
        """Take all that comes; tell whether the answer came to its proper end."""
        with self.began:
            try:
                self.taken += sum(len(chunk) for chunk in self.chunks)
            except httpx.RemoteProtocolError:
                return False
            return True


def test_a18_a_running_download_breaks_off_within_seconds_of_its_persons_end_and_nobody_elses_does(
    house: Instance, hospitals: tuple[Hospital, Hospital], large: Study, workshop: Workshop, seal: Seal
) -> None:
    """One person's browser, viewer and nightly program, whom the administrator disables; a colleague with the same series."""
    (owner, _), organisation = hospitals, hospitals[0].cell.organisation_id
    admin, leaver = (
        make_person(workshop.scopes, seal, organisation, PROVIDER, role, name)
        for role, name in ((Role.ADMIN, "Ada Shuts"), (Role.TECHNICIAN, "Ned Leaves"))
    )
    with workshop.scopes.open(replace(leaver.actor, fresh_at=datetime.now(UTC))) as scope:
        key = keys.make_key(scope, name="nightly copy", scopes=["archive:study:download"], days=1)[1]
        series = scope.session.scalars(select(Series).where(Series.study_id == large.id, Series.series_number == 2)).one()
    path = f"/studies/{large.id}/series/{series.id}/archive.zip"
    objects = f"/dicom-web/own/studies/{large.study_instance_uid}/series/{series.series_instance_uid}"
    browser = Visitor(house.url, leaver)
    with contextlib.closing(browser), httpx.Client(base_url=house.url, timeout=60, trust_env=False) as program:
        leaving = [Taking(browser.http, path), Taking(program, path, Authorization=f"Bearer {key}")]
        leaving.append(Taking(browser.http, objects, Accept='multipart/related; type="application/dicom"'))
        staying = Taking(owner.visitor.http, path)
        with workshop.scopes.open(admin.actor) as scope:
            disable(scope, Office(seal, workshop.redis, mails=False), leaver.user_id)
        ended = time.monotonic()
        until(lambda: "shut-out" in supervision.tail(house.layout, "carrier", 2), 30, "the downloads go on")
        seconds = time.monotonic() - ended
        assert [each.rest() for each in leaving] == [False] * 3
        assert staying.rest()
    assert staying.taken > 6 * BIG
    assert max(each.taken for each in leaving) < 3 * BIG, [each.taken for each in leaving]
    assert seconds < 30
