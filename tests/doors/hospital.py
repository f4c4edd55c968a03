"""Hospitals with real, running cells in the whole house, and what their archive and the index hold."""

import subprocess
import time
from collections.abc import Callable
from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.accounts.bootstrap import platform_id, platform_root
from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.gate.actor import Actor, OrganisationKind, Role, system_actor
from sidecar.gate.machine import Workshop
from sidecar.kernel.errors import Busy
from sidecar.organisations import service as organisations
from sidecar.organisations.model import Places
from sidecar.organisations.tables import Cell
from sidecar.studies.tables import Instance as Indexed
from sidecar.studies.tables import Study
from tests.dcmtk import path_of


def until(true: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def open_hospital(workshop: Workshop, aet: str) -> Cell:
    """Add a hospital with one registered sender, as the pages would; return its cell once it answers."""
    root = platform_root(platform_id(workshop.scopes))
    with workshop.scopes.open(root) as scope:
        places = Places.of(workshop.settings)
        cell = organisations.add_hospital(scope, name=f"Hospital {uuid4().hex[:6]}", places=places)
    technician = Actor(None, cell.organisation_id, Role.TECHNICIAN, OrganisationKind.PROVIDER, "test")
    with workshop.scopes.open(technician) as scope:
        organisations.add_sender(scope, aet=aet, network="127.0.0.1/32")
    until(lambda: echoes(cell, aet) and answers(workshop, cell), 30, "the cell does not answer")
    return cell


def echoes(cell: Cell, aet: str) -> bool:
    command = [path_of("echoscu"), "-aet", aet, "-aec", cell.aet, "127.0.0.1", str(cell.dicom_port)]
    return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0


def answers(workshop: Workshop, cell: Cell) -> bool:
    """Say whether the cell's HTTP is there: it comes a moment after its DICOM port."""
    with CellClient(workshop.tokens) as client:
        try:
            client.system(address_of(cell))
        except Busy:
            return False
    return True


def address_of(cell: Cell) -> CellAddress:
    """Return where the cell's HTTP is."""
    return CellAddress(cell.id, cell.organisation_id, f"127.0.0.1:{cell.http_port}")


def in_orthanc(workshop: Workshop, cell: Cell, study_uid: str) -> list[str]:
    """Return the SOPInstanceUIDs of a study that the cell holds, by its own change log."""
    found, since, done = [], 0, False
    with CellClient(workshop.tokens) as client:
        while not done:
            page = client.changes(address_of(cell), since=since)
            for event in page["events"]:
                if event["study"]["StudyInstanceUID"] == study_uid:
                    found += [each["SOPInstanceUID"] for each in event["instances"]]
            since, done = page["last"], page["done"]
    return found


def in_index(workshop: Workshop, organisation: UUID, study_uid: str) -> tuple[list[str], int]:
    """Return the SOPInstanceUIDs the index lists for a study, and the number it shows."""
    with workshop.scopes.open(system_actor(organisation)) as scope:
        study = scope.session.scalars(select(Study).where(Study.study_instance_uid == study_uid)).one_or_none()
        if study is None:
            return [], 0
        return list(
            scope.session.scalars(select(Indexed.sop_instance_uid).where(Indexed.study_id == study.id))
        ), study.instance_count
