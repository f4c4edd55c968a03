"""``kill -9`` of every part in the middle of an ingest: what was acknowledged is in Orthanc and in the index, exactly once."""

import os
import re
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pydicom
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from sidecar.adapters.cell_client import CellClient
from sidecar.demo.phantoms import slices
from sidecar.demo.send import Node
from sidecar.demo.studies import DEMO
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.instance import Instance
from sidecar.organisations.tables import Cell
from sidecar.studies.tables import Instance as Indexed
from tests.dcmtk import path_of
from tests.doors.hospital import address_of, answers, echoes, in_index, in_orthanc, open_hospital, until

IMAGES = 200
KILL_AFTER = 60
AET = "FAULT_CT"
SENT = re.compile(r"^I: Sending file: (?P<file>.+)$|^I: Received Store Response \((?P<status>\w+)", re.MULTILINE)


@pytest.fixture(scope="module")
def cell(workshop: Workshop) -> Cell:
    """A hospital of this module with its running cell and one registered sender."""
    return open_hospital(workshop, AET)


class Sending:
    """storescu at work, watched line by line: which instances the cell has acknowledged so far."""

    def __init__(self, folder: Path, node: Node) -> None:
        command = ["stdbuf", "-oL", "-eL", path_of("storescu"), "--verbose", "--max-pdu", "131072", "--scan-directories"]
        command += ["--aetitle", AET]
        self.process = subprocess.Popen(
            [*command, "--call", node.aet, node.host, str(node.port), str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"TCP_NODELAY": "1"},
        )  # fmt: skip
        self.acknowledged: list[Path] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        current = None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = SENT.match(line)
            if found and found["file"]:
                current = Path(found["file"])
            elif found and found["status"] == "Success" and current is not None:
                self.acknowledged.append(current)

    def wait(self) -> set[str]:
        """Wait for the end; return the SOPInstanceUIDs that were acknowledged."""
        self.process.wait(timeout=120)
        self.reader.join(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in self.acknowledged}


@pytest.mark.parametrize("victim", ["cell", "door", "worker", "web", "redis", "postgres", "supervisord"])
def test_nothing_acknowledged_is_lost(house: Instance, workshop: Workshop, cell: Cell, tmp_path: Path, victim: str) -> None:
    spec = replace(DEMO["mercy"][1], key=f"fault-{victim}-{uuid4().hex[:6]}", accession=uuid4().hex[:12])
    files = slices(IMAGES, tmp_path, spec)
    study_uid = str(pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID)
    until(lambda: echoes(cell, AET), 30, "the cell does not answer before the test")
    sending = Sending(tmp_path, Node("127.0.0.1", cell.dicom_port, cell.aet))
    until(lambda: len(sending.acknowledged) >= KILL_AFTER or sending.process.poll() is not None, 60, "nothing was sent")
    assert sending.process.poll() is None, "the ingest ended before the blow"
    house.kill(f"{victim}-{cell.id}" if victim in {"cell", "door"} else victim)
    acknowledged = sending.wait()
    assert len(acknowledged) >= KILL_AFTER
    if victim in {"web", "worker", "redis", "postgres"}:
        assert len(acknowledged) == IMAGES, "ingest depends on a part it must not depend on"
    if victim == "supervisord":
        house.up()
    until(lambda: echoes(cell, AET) and answers(workshop, cell), 30, "the cell did not come back")

    def settled() -> bool:
        try:
            indexed, shown = in_index(workshop, cell.organisation_id, study_uid)
        except DBAPIError:  # Postgres is still coming back; the deadline decides
            return False
        return acknowledged <= set(indexed) and shown == len(indexed)

    until(settled, 60, "the index lacks acknowledged images")
    held = in_orthanc(workshop, cell, study_uid)
    indexed, shown = in_index(workshop, cell.organisation_id, study_uid)
    assert acknowledged <= set(held)
    assert sorted(indexed) == sorted(held)
    assert len(set(held)) == len(held) == shown


def test_a_killed_cell_is_back_within_two_seconds(house: Instance, cell: Cell) -> None:
    until(lambda: echoes(cell, AET), 30, "the cell does not answer before the test")
    house.kill(f"cell-{cell.id}")
    began = time.monotonic()
    until(lambda: not echoes(cell, AET) or time.monotonic() - began > 0.5, 5, "the cell did not die")
    until(lambda: echoes(cell, AET), 20, "the cell did not come back")
    print(f"back after {time.monotonic() - began:.2f} s")  # noqa: T201 - a timing is told, it does not decide


def test_counts_of_the_whole_hospital_agree(workshop: Workshop, cell: Cell) -> None:
    with CellClient(workshop.tokens) as client, workshop.scopes.open(system_actor(cell.organisation_id)) as scope:
        held = int(client.statistics(address_of(cell))["CountInstances"])
        assert scope.session.scalar(select(func.count()).select_from(Indexed)) == held > IMAGES
