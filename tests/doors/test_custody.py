"""The custody of stored images in a real cell: recorded when they came, and one flipped bit found in one scrub."""

import hashlib
import json
import random
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from sidecar.adapters.cell_client import CellClient
from sidecar.alerts.tables import Alert
from sidecar.archive.jobs.custody import read_due
from sidecar.archive.tables import InstanceDigest
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from sidecar.studies.tables import Instance
from tests.cast import Cast
from tests.doors import phantom
from tests.doors.running_cell import RunningCell
from tests.doors.test_deidentified_export import cells
from tests.doors.test_dicomweb import app, browse, cast, index, mercys_cell, scopes, seal, send, settings
from tests.factories.studies import Made

__all__ = ["app", "browse", "cast", "cells", "mercys_cell", "scopes", "seal", "settings"]

IMAGES, BROKEN = 200, 150
EVERYTHING = 20
"""Batches: more than there are."""


@pytest.fixture
def study(mercys_cell: RunningCell, cast: Cast, scopes: Scopes, tmp_path: Path) -> Made:
    """Images of one study in the cell and in the index."""
    datasets = phantom.study(IMAGES)
    send(mercys_cell, tmp_path / "sent", datasets)
    made = index(scopes, cast, datasets)
    with scopes.open(system_actor(cast.mercy)) as scope:
        rows = scope.session.scalars(select(Instance).where(Instance.study_id == made.id).order_by(Instance.instance_number))
        for row, dataset in zip(rows, datasets, strict=True):
            row.orthanc_id = orthanc_id(dataset)
    return made


def orthanc_id(dataset: Dataset) -> str:
    """Return an instance's identity in its cell: SHA-1 of its four identifiers, in five groups."""
    words = (dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
    hashed = hashlib.sha1("|".join(words).encode()).hexdigest()  # noqa: S324 - Orthanc's choice
    return "-".join(hashed[start : start + 8] for start in range(0, 40, 8))


def files(cell: RunningCell) -> list[Path]:
    """Return the stored images as they lie on disk."""
    return sorted(path for path in (cell.directory / "storage").rglob("*") if path.is_file() and path.stat().st_size > 1000)


def flip_one_bit(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def test_d01_every_flipped_bit_and_missing_file_is_found_in_one_scrub(
    mercys_cell: RunningCell, cells: CellClient, cast: Cast, scopes: Scopes, study: Made
) -> None:
    """150 files of 200, one bit each, and two files gone (the control says 1,000 files: so many take a minute to send)."""

    def read(*, scrub: bool = False) -> tuple[int, int]:
        return read_due(scopes, cells, cast.mercy, host="127.0.0.1", most=EVERYTHING, scrub=scrub)

    def digests() -> list[InstanceDigest]:
        with scopes.open(system_actor(cast.mercy)) as scope:
            mine = select(InstanceDigest).where(InstanceDigest.organisation_id == cast.mercy)
            return list(scope.session.scalars(mine))

    stored = files(mercys_cell)
    assert len(stored) == IMAGES
    assert read() == (IMAGES, 0)
    assert {row.sha256 for row in digests()} == {hashlib.sha256(path.read_bytes()).digest() for path in stored}
    assert read() == (0, 0)  # nothing is due for a month
    assert read(scrub=True) == (IMAGES, 0)

    dice = random.Random(4)  # noqa: S311 - which bits, not a secret
    dice.shuffle(stored)
    altered, gone = stored[:BROKEN], stored[BROKEN : BROKEN + 2]
    for path in altered:
        flip_one_bit(path, dice)
    for path in gone:
        path.unlink()
    assert read(scrub=True) == (IMAGES, BROKEN + 2)
    found = [row.damage for row in digests() if row.damage]
    assert (found.count("altered"), found.count("missing")) == (BROKEN, 2)

    with scopes.open(cast.mercy_admin.actor) as scope:
        told = scope.session.scalars(select(JournalRow).where(JournalRow.kind == "archive.study.damaged")).all()
        raised = scope.session.scalars(select(Alert).where(Alert.kind == "images-damaged")).all()
    assert {row.study_id for row in told} == {study.id}
    assert [alert.subject for alert in raised] == [str(study.id)]
    assert sum(json.loads(row.body)["facts"]["altered"] for row in told) == BROKEN
    for stranger in (cast.strange_admin, cast.reader):
        with scopes.open(stranger.actor) as scope:
            assert scope.session.scalars(select(InstanceDigest)).all() == []
    with pytest.raises(DBAPIError, match="never change"), scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(update(InstanceDigest).values(sha256=bytes(32)))


def test_what_was_damaged_before_its_first_reading_shows_too(
    mercys_cell: RunningCell, cells: CellClient, cast: Cast, scopes: Scopes, study: Made
) -> None:
    """Orthanc's MD5 of the bytes that came is older than any reading of ours."""
    del study
    flip_one_bit(files(mercys_cell)[0], random.Random(8))  # noqa: S311
    assert read_due(scopes, cells, cast.mercy, host="127.0.0.1", most=EVERYTHING) == (IMAGES, 1)


def test_nobody_but_the_sidecar_asks_for_digests(mercys_cell: RunningCell) -> None:
    path = "/readingroom/digests?instances=" + "-".join(["01234567"] * 5)
    service = mercys_cell.token(org=mercys_cell.organisation)
    assert mercys_cell.get(path, service).json() == {"-".join(["01234567"] * 5): {}}
    for token in (
        None,
        mercys_cell.token(studies=["1.2.3"]),
        mercys_cell.token(org=mercys_cell.organisation, role="radiologist"),
    ):
        assert mercys_cell.get(path, token).status_code == 403
    for wrong in ("", "../../secret", ",".join(["-".join(["01234567"] * 5)] * 51)):
        assert mercys_cell.get(f"/readingroom/digests?instances={wrong}", service).status_code == 400
