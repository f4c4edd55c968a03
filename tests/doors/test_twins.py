"""Two hospitals send the same PatientID, the same UIDs, the same everything: two studies that know nothing of each other."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pydicom
import pytest
from sqlalchemy import select

from sidecar.demo.phantoms import slices
from sidecar.demo.send import Node, send
from sidecar.demo.studies import DEMO
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.organisations.tables import Cell
from sidecar.studies.tables import Study
from tests.doors.hospital import in_index, in_orthanc, open_hospital, until

AET = "TWIN_CT"
IMAGES = 30
NAMES = ("Okafor^Chidi", "Ferreira^Maria")


@pytest.fixture(scope="module")
def hospitals(workshop: Workshop) -> tuple[Cell, Cell]:
    return open_hospital(workshop, AET), open_hospital(workshop, AET)


def twin_folders(root: Path) -> tuple[str, tuple[Path, Path]]:
    """Write one study twice: all identifiers equal, the patients' names different. Return its StudyInstanceUID."""
    spec = replace(DEMO["mercy"][1], key=f"twin-{uuid4().hex[:8]}", accession="SAME")
    folders = (root / "one", root / "other")
    for folder, name in zip(folders, NAMES, strict=True):
        for path in slices(IMAGES, folder, spec):
            dataset = pydicom.dcmread(path)
            dataset.PatientName = name
            dataset.save_as(path)
    return str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID), folders


@pytest.mark.parametrize("order", ["one first", "other first", "at once"])
def test_b06_twins_stay_two(workshop: Workshop, hospitals: tuple[Cell, Cell], tmp_path: Path, order: str) -> None:
    study_uid, folders = twin_folders(tmp_path)
    jobs = list(zip(hospitals, folders, strict=True))
    if order == "other first":
        jobs.reverse()
    with ThreadPoolExecutor(2 if order == "at once" else 1) as pool:
        told = list(pool.map(lambda job: send(job[1], AET, Node("127.0.0.1", job[0].dicom_port, job[0].aet)), jobs))
    assert told == [IMAGES, IMAGES]
    for cell, name in zip(hospitals, NAMES, strict=True):
        until(lambda cell=cell: in_index(workshop, cell.organisation_id, study_uid)[1] == IMAGES, 30, "not all is indexed")
        held = in_orthanc(workshop, cell, study_uid)
        assert len(held) == len(set(held)) == IMAGES
        assert sorted(in_index(workshop, cell.organisation_id, study_uid)[0]) == sorted(held)
        with workshop.scopes.open(system_actor(cell.organisation_id)) as scope:
            study = scope.session.scalars(select(Study).where(Study.study_instance_uid == study_uid)).one()
            assert study.patient_name == name
            assert study.organisation_id == cell.organisation_id
