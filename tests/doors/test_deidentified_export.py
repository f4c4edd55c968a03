"""An anonymised export from a real cell: its own file, its own decompression, and the whole ZIP scanned byte by byte."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from pydicom import dcmread
from pydicom.uid import RLELossless, generate_uid
from sqlalchemy import select, update

from sidecar.adapters.cell_client import CellClient
from sidecar.adapters.seals import Seal
from sidecar.deidentification import jobs
from sidecar.deidentification.store import ExportStore
from sidecar.deidentification.tables import HeldInstance
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.kernel.settings import Settings
from sidecar.studies.tables import Instance
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.doors.running_cell import RunningCell
from tests.doors.test_dicomweb import app, browse, cast, mercys_cell, scopes, seal, settings
from tests.factories.objects import SECRETS, ULTRASOUND, image, stored
from tests.factories.studies import make_study

__all__ = ["app", "browse", "cast", "mercys_cell", "scopes", "seal", "settings"]


@pytest.fixture
def cells(app: Flask) -> Iterator[CellClient]:
    with CellClient(app.extensions["readingroom.cell_tokens"]) as client:
        yield client


def test_a_compressed_ultrasound_leaves_blacked_out_and_nameless(
    mercys_cell: RunningCell,
    cells: CellClient,
    cast: Cast,
    scopes: Scopes,
    seal: Seal,
    settings: Settings,
    browse: Callable[[Person | None], Browser],
    tmp_path: Path,
) -> None:
    study, series, uid = generate_uid(), generate_uid(), generate_uid()
    picture = image(study, series, uid, sop_class=ULTRASOUND)
    picture.compress(RLELossless, generate_instance_uid=False)
    answer = mercys_cell.request("POST", "/instances", mercys_cell.token(org=mercys_cell.organisation), content=stored(picture))
    assert answer.status_code == 200, answer.text
    made = make_study(scopes, cast.mercy, uid=study, series=(1,), series_uids=(series,))
    with scopes.open(system_actor(cast.mercy)) as scope:
        row = update(Instance).where(Instance.study_id == made.id)
        scope.session.execute(row.values(orthanc_id=answer.json()["ID"], sop_instance_uid=uid, rows=16, columns=16))

    manager = browse(cast.mercy_manager)
    asked = manager.post("/exports", data={"study": str(made.id), "project": "Trial", "reason": "Research"})
    export_id = UUID(asked.location.rsplit("/", 1)[1])
    store = ExportStore(tmp_path / "exports")
    workshop = Workshop(replace(settings, exports_dir=store.root), scopes, None, None, None)  # type: ignore[arg-type]
    jobs.write_waiting(workshop, cells, cast.mercy, seal=seal, store=store)
    with scopes.open(system_actor(cast.mercy)) as scope:
        held = scope.session.scalars(select(HeldInstance.orthanc_id).where(HeldInstance.export_id == export_id)).all()
    assert held == [answer.json()["ID"]]
    decided = {"image": held[0], "decision": "mask", "masks": "0,0,16,4"}
    assert manager.post(f"/exports/{export_id}/review", data=decided).status_code == 302
    assert manager.post(f"/exports/{export_id}/resume").status_code == 302
    jobs.write_waiting(workshop, cells, cast.mercy, seal=seal, store=store)

    with zipfile.ZipFile(store.path(cast.mercy, export_id)) as content:
        (name,) = [each for each in content.namelist() if each.endswith(".dcm")]
        everything = content.read(name) + content.read("README.txt") + name.encode()
    for secret in (*SECRETS, study.encode(), series.encode(), uid.encode()):
        assert secret not in everything
    after = dcmread(BytesIO(everything)).pixel_array
    assert after[:4].max() == 3
    assert after[4:, :15].min() == 200
