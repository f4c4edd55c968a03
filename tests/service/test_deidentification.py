"""Anonymised exports from asking to the file: what leaves, what is held, who decides, who may take it."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import pytest
from flask import Flask
from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import select, update

from sidecar.adapters import carriages
from sidecar.adapters.cell_client import CellAddress
from sidecar.adapters.seals import Seal
from sidecar.deidentification import jobs, queries
from sidecar.deidentification.store import ExportStore
from sidecar.deidentification.tables import Export, HeldInstance
from sidecar.gate.actor import Role, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Busy, Missing
from sidecar.kernel.journal import JournalRow
from sidecar.kernel.settings import Settings
from sidecar.studies.tables import Instance, Series
from tests.browser import Browser, alike
from tests.cast import PROVIDER, Cast, Person, make_person
from tests.factories.objects import CT, SECRETS, ULTRASOUND, image, stored
from tests.factories.studies import Made, make_study

Browse = Callable[[Person | None], Browser]


@dataclass
class Shelf:
    """A cell with files by Orthanc id; one that is not there is Missing, ``silent`` answers nothing."""

    files: dict[str, bytes] = field(default_factory=dict)
    silent: bool = False

    def instance(self, cell: CellAddress, orthanc_id: str, target: BinaryIO, *, transcode: str = "") -> None:  # noqa: ARG002
        if self.silent:
            raise Busy("silent")
        if orthanc_id not in self.files:
            raise Missing
        target.write(self.files[orthanc_id])


@dataclass
class House:
    """A hospital whose manager exports."""

    cast: Cast
    scopes: Scopes
    seal: Seal
    workshop: Workshop
    shelf: Shelf
    manager: Browser

    def study(self, *, sop_class: str = CT, images: int = 2, **changes: str) -> Made:
        made = make_study(self.scopes, self.cast.mercy, reading=self.cast.nightowls, series=(images,))
        with self.scopes.open(system_actor(self.cast.mercy)) as scope:
            rows = scope.session.execute(
                select(Instance, Series.series_instance_uid).join(Series, Series.id == Instance.series_id)
                .where(Instance.study_id == made.id)
            ).all()  # fmt: skip
        for row, series in rows:
            self.shelf.files[row.orthanc_id] = stored(
                image(made.uid, series, row.sop_instance_uid, sop_class=sop_class, **changes)
            )
        return made

    def ask(self, *studies: Made, by: Browser | None = None, **fields: object) -> UUID:
        form = {"study": [str(each.id) for each in studies], "project": "Trial", "reason": "Research", **fields}
        answer = (by or self.manager).post("/exports", data=form)
        assert answer.status_code == 302, answer.text
        return UUID(answer.location.rsplit("/", 1)[1])

    def work(self, scopes: Scopes | None = None) -> int:
        workshop = replace(self.workshop, scopes=scopes or self.scopes)
        return jobs.write_waiting(workshop, self.shelf, self.cast.mercy, seal=self.seal, store=self.store)

    @property
    def store(self) -> ExportStore:
        return ExportStore(self.workshop.settings.exports_dir)

    def row(self, export_id: UUID) -> Export:
        with self.scopes.open(system_actor(self.cast.mercy)) as scope:
            return scope.session.scalars(select(Export).where(Export.id == export_id)).one()

    def file(self, export_id: UUID) -> Path:
        return self.store.path(self.cast.mercy, export_id)

    def objects(self, export_id: UUID) -> dict[str, Dataset]:
        with zipfile.ZipFile(self.file(export_id)) as content:
            return {name: dcmread(BytesIO(content.read(name))) for name in content.namelist() if name.endswith(".dcm")}

    def held(self, export_id: UUID) -> list[str]:
        with self.scopes.open(self.cast.mercy_manager.actor) as scope:
            return [each.held.orthanc_id for each in queries.held(scope, export_id)]


@pytest.fixture
def house(cast: Cast, scopes: Scopes, seal: Seal, settings: Settings, browse: Browse, tmp_path: Path, app: object) -> House:
    there = replace(settings, exports_dir=tmp_path / "exports")
    workshop = Workshop(there, scopes, None, None, seal)  # type: ignore[arg-type]  # neither Redis nor tokens: the shelf asks nobody
    return House(cast, scopes, seal, workshop, Shelf(), browse(cast.mercy_manager))


def test_nothing_that_names_the_patient_leaves(house: House) -> None:
    export_id = house.ask(house.study(), house.study())
    assert house.work() == 1
    row = house.row(export_id)
    assert (row.state, row.done, row.left_out, row.total) == ("ready", 4, 0, 4)
    assert row.size_bytes == house.file(export_id).stat().st_size
    assert house.file(export_id).stat().st_mode & 0o007 == 0
    with zipfile.ZipFile(house.file(export_id)) as content:
        everything = b"".join(content.read(name) for name in content.namelist()) + "".join(content.namelist()).encode()
        assert b"113100" in content.read(content.namelist()[0])
    for secret in (*SECRETS, house.cast.mercy.bytes, str(export_id).encode()):
        assert secret not in everything
    objects = house.objects(export_id)
    assert len({each.PatientID for each in objects.values()}) == 1
    assert len({each.StudyInstanceUID for each in objects.values()}) == 2
    assert all(name.startswith(f"{each.PatientID}/study-00") for name, each in objects.items())


def test_the_same_project_gives_the_same_pseudonyms_and_another_does_not(house: House) -> None:
    study = house.study()
    again = [
        house.ask(study, option=["modified_dates"]),
        house.ask(study, option=["modified_dates"]),
        house.ask(study, project="Other"),
    ]
    assert house.work() == 3
    first, second, other = (
        {
            (each.PatientID, each.StudyInstanceUID, each.SOPInstanceUID, each.StudyDate)
            for each in house.objects(export_id).values()
        }
        for export_id in again
    )
    assert first == second
    assert not {part for each in first for part in each} & {part for each in other for part in each}
    assert {each[3] for each in other} == {""}


def test_an_ultrasound_waits_for_a_person_and_leaves_blacked_out(house: House) -> None:
    export_id = house.ask(house.study(sop_class=ULTRASOUND), house.study())
    house.work()
    assert house.row(export_id).state == "held"
    assert not house.file(export_id).exists()
    page = house.manager.get(f"/exports/{export_id}/review")
    assert page.text.count("/rendered?viewport") == 2
    first, second = house.held(export_id)
    one = house.manager.get(f"/exports/{export_id}/review?image={first}")
    assert 'data-rows="512"' in one.text
    decide = f"/exports/{export_id}/review"
    assert house.manager.post(decide, data={"image": first, "decision": "mask", "masks": ""}).status_code == 400
    assert house.manager.post(decide, data={"image": first, "decision": "mask", "masks": "4,0,2,9"}).status_code == 400
    assert house.manager.post(decide, data={"image": first, "decision": "mask", "masks": "600,0,700,9"}).status_code == 400
    assert house.manager.post(decide, data={"image": [first, "another"], "decision": "drop"}).status_code == 404
    assert house.manager.post(decide, data={"image": first, "decision": "mask", "masks": "0,0,16,4"}).status_code == 302
    assert house.manager.post(f"/exports/{export_id}/resume").status_code == 409
    assert house.manager.post(decide, data={"image": second, "decision": "drop"}).status_code == 302
    assert house.manager.post(f"/exports/{export_id}/resume").status_code == 302
    house.work()
    row = house.row(export_id)
    assert (row.state, row.done, row.left_out) == ("ready", 3, 1)
    masked = next(each for each in house.objects(export_id).values() if each.Modality == "US")
    assert masked.pixel_array[:4].max() == 3
    assert masked.pixel_array[4:, :15].min() == 200
    assert masked.BurnedInAnnotation == "NO"
    assert [each.CodeValue for each in masked.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    with house.scopes.open(house.cast.mercy_admin.actor) as scope:
        told = scope.session.scalars(select(JournalRow).where(JournalRow.kind.like("deidentification.%"))).all()
    assert {"deidentification.export.asked", "deidentification.export.reviewed"} <= {each.kind for each in told}
    assert not any("CANARY" in each.body or "Research" in each.body for each in told)


def test_heads_are_held_when_asked_and_documents_can_only_be_left_out(house: House) -> None:
    study = house.study(images=1)
    (orthanc_id,) = house.shelf.files
    head = dcmread(BytesIO(house.shelf.files[orthanc_id]))
    head.BodyPartExamined = "HEAD"
    house.shelf.files[orthanc_id] = stored(head)
    free, careful = house.ask(study), house.ask(study, heads="y")
    house.work()
    assert (house.row(free).state, house.row(careful).state) == ("ready", "held")
    report = house.study(sop_class="1.2.840.10008.5.1.4.1.1.88.11", images=1)
    export_id = house.ask(report)
    house.work()
    (held,) = house.held(export_id)
    refused = house.manager.post(f"/exports/{export_id}/review", data={"image": held, "decision": "release"})
    assert refused.status_code == 409
    assert house.manager.post(f"/exports/{export_id}/review", data={"image": held, "decision": "drop"}).status_code == 302


def test_broken_and_vanished_images(house: House) -> None:
    study = house.study(images=3)
    with house.scopes.open(system_actor(house.cast.mercy)) as scope:
        ids = scope.session.scalars(select(Instance.orthanc_id).where(Instance.study_id == study.id)).all()
    house.shelf.files[ids[0]] = b"no DICOM"
    del house.shelf.files[ids[1]]
    export_id = house.ask(study)
    house.work()
    with house.scopes.open(system_actor(house.cast.mercy)) as scope:
        held = scope.session.scalars(select(HeldInstance).where(HeldInstance.export_id == export_id)).all()
    assert [(each.orthanc_id, each.risks) for each in held] == [(ids[0], ["unreadable"])]
    assert house.row(export_id).left_out == 1


def test_a_silent_archive_costs_time_only(house: House) -> None:
    export_id = house.ask(house.study())
    house.shelf.silent = True
    house.work()
    row = house.row(export_id)
    assert (row.state, row.problem) == ("waiting", "archive-silent")
    assert not house.file(export_id).exists()
    house.shelf.silent = False
    assert house.work() == 0
    with house.scopes.open(system_actor(house.cast.mercy)) as scope:
        scope.session.execute(update(Export).where(Export.id == export_id).values(next_at=scope.now))
    house.work()
    assert house.row(export_id).state == "ready"


def test_a_file_is_taken_by_who_asked_until_its_time_is_over(app: Flask, house: House, browse: Browse, seal: Seal) -> None:
    asker = make_person(house.scopes, seal, house.cast.mercy, PROVIDER, Role.MANAGER, "Mia Second")
    export_id = house.ask(house.study(), by=browse(asker))
    house.work()
    admin = browse(asker)
    taken = admin.get(f"/exports/{export_id}/download")
    name = taken.headers["X-Accel-Redirect"].removeprefix(carriages.INTERNAL)
    laid = carriages.take(app.extensions["readingroom.redis"], name)
    assert laid is not None
    assert (laid.file, laid.bearer.user_id) == (f"{house.cast.mercy}/{export_id}.zip", asker.user_id)
    assert "CANARY" not in taken.headers["Content-Disposition"]
    assert house.manager.get(f"/exports/{export_id}").status_code == 200  # reviewers know of it
    assert house.manager.get(f"/exports/{export_id}/download").status_code == 404
    assert house.manager.post(f"/exports/{export_id}/cancel").status_code == 404
    jobs.tidy_exports(house.workshop)
    assert house.file(export_id).exists()
    over = replace(house.scopes, clock=lambda: house.scopes.clock() + timedelta(days=8))
    jobs.tidy_exports(replace(house.workshop, scopes=over))
    assert not house.file(export_id).exists()
    assert house.row(export_id).state == "expired"
    assert admin.get(f"/exports/{export_id}/download").status_code == 409


def test_cancelled_exports_leave_nothing(house: House) -> None:
    done, waiting = house.ask(house.study()), house.ask(house.study())
    assert house.manager.post(f"/exports/{waiting}/cancel").status_code == 302
    house.work()
    assert house.row(waiting).state == "cancelled"
    assert house.manager.post(f"/exports/{done}/cancel").status_code == 302
    jobs.tidy_exports(house.workshop)
    assert not list(house.store.root.rglob("*.zip"))
    assert house.manager.post(f"/exports/{done}/cancel").status_code == 409


def test_only_own_complete_studies_may_leave(house: House, browse: Browse) -> None:
    mine, foreign = house.study(), make_study(house.scopes, house.cast.luke, reading=house.cast.nightowls)
    form = {"project": "Trial", "reason": "Research"}
    mixed = house.manager.post("/exports", data={**form, "study": [str(mine.id), str(foreign.id)]})
    unknown = house.manager.post("/exports", data={**form, "study": [str(mine.id), str(uuid4())]})
    assert mixed.status_code == 404
    assert alike(mixed, foreign.id) == alike(unknown, foreign.id)
    arriving = make_study(house.scopes, house.cast.mercy, arrival="arriving")
    assert house.manager.post("/exports", data={**form, "study": str(arriving.id)}).status_code == 409
    assert house.manager.post("/exports", data={"study": str(mine.id)}).status_code == 400


def test_roles_and_strangers(house: House, browse: Browse) -> None:
    study = house.study(sop_class=ULTRASOUND)
    export_id = house.ask(study)
    house.work()
    form = {"study": str(study.id), "project": "Trial", "reason": "Research"}
    cast = house.cast
    for person in (cast.owner, cast.colleague, cast.own_radiologist, cast.reader, cast.lead, cast.nightowls_admin, cast.stranger):
        assert browse(person).post("/exports", data=form).status_code == 403
        assert browse(person).get(f"/exports/{export_id}").status_code == 403
    assert browse(cast.mercy_admin).get(f"/exports/{export_id}/review").status_code == 403  # admins see no images
    stranger = browse(cast.luke_manager)
    assert stranger.post("/exports", data=form).status_code == 404
    for method, path in [("GET", ""), ("GET", "/download"), ("POST", "/cancel")]:
        answers = [alike(stranger.ask(method, f"/exports/{each}{path}"), each) for each in (export_id, uuid4())]
        assert answers[0] == answers[1]
        assert answers[0].startswith("404 ")
    assert str(export_id) not in stranger.get("/exports").text
    assert str(study.id) not in stranger.get(f"/exports/new?studies={study.id}").text
    searched = {"q": "jane", "study": str(study.id)}
    assert str(study.id) in house.manager.post("/exports/studies", data=searched).text
    assert str(study.id) not in stranger.post("/exports/studies", data=searched).text
