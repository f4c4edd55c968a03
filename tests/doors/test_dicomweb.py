"""The DICOMweb edge before a real cell: real metadata, and pixels only for what the context holds."""

from __future__ import annotations

import base64
import contextlib
import copy
import io
import json
import re
import socket
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from flask import Flask
from pydicom.dataset import Dataset
from sqlalchemy import select, update

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.adapters.cell_tokens import CellTokens, session_hash
from sidecar.dicomweb import jobs
from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Broken, Busy, Missing
from sidecar.organisations.tables import Cell
from sidecar.studies import contexts
from sidecar.studies.tables import Instance
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.doors import phantom
from tests.doors.edge_chain import EdgeChain
from tests.doors.running_cell import KID, RunningCell
from tests.doors.twin_world import Identity
from tests.factories.studies import Made, make_study
from tests.service.conftest import app, browse, cast, scopes, seal, settings

__all__ = ["app", "browse", "cast", "scopes", "seal", "settings"]

PRIVATE = b"\x01\x02" * 3000


@pytest.fixture
def mercys_cell(own_cell: RunningCell, cast: Cast, scopes: Scopes, app: Flask) -> RunningCell:
    """The cell of the cast's first hospital, running for real and trusting the application's key."""
    tokens = app.extensions["readingroom.cell_tokens"]
    with scopes.open(platform_system()) as scope:
        moved = update(Cell).where(Cell.organisation_id == cast.mercy)
        scope.session.execute(moved.values(id=UUID(own_cell.identifier), http_port=own_cell.http_port))
    own_cell.organisation, own_cell.signing_key = str(cast.mercy), tokens.key
    raw = base64.urlsafe_b64encode(tokens.public_raw).rstrip(b"=").decode()
    own_cell.write_policy(keys={KID: raw} | tokens.public_keys())
    own_cell.start()
    return own_cell


@pytest.fixture
def chain(tmp_path: Path, app: Flask, mercys_cell: RunningCell) -> Iterator[EdgeChain]:
    made = EdgeChain(tmp_path / "edge", app, mercys_cell)
    yield made
    made.close()


def address(cell: RunningCell) -> CellAddress:
    return CellAddress(UUID(cell.identifier), UUID(cell.organisation), f"127.0.0.1:{cell.http_port}")


def send(cell: RunningCell, directory: Path, datasets: list[Dataset]) -> None:
    sent = phantom.storescu(cell.dicom_port, phantom.write(directory, datasets))
    assert sent.returncode == 0, sent.stdout


def with_bulk_data(count: int, **elements: object) -> list[Dataset]:
    datasets = phantom.study(count, **elements)
    for dataset in datasets:
        dataset.add_new(0x00090010, "LO", "READING ROOM TEST")
        dataset.add_new(0x00091001, "OB", PRIVATE)
    return datasets


def index(scopes: Scopes, cast: Cast, datasets: list[Dataset], **elements: object) -> Made:
    """Tell the index what was sent, as the inbox would."""
    made = make_study(
        scopes, cast.mercy, reading=cast.nightowls, uid=datasets[0].StudyInstanceUID, series=(len(datasets),),
        series_uids=(datasets[0].SeriesInstanceUID,), **elements,
    )  # fmt: skip
    with scopes.open(system_actor(cast.mercy)) as scope:
        rows = scope.session.scalars(select(Instance).where(Instance.study_id == made.id).order_by(Instance.instance_number))
        for row, dataset in zip(rows, datasets, strict=True):
            row.sop_instance_uid = dataset.SOPInstanceUID
    return made


def open_context(scopes: Scopes, browser: Browser, person: Person, study: Made) -> UUID:
    with browser.client.session_transaction() as session:
        actor = replace(person.actor, session=session_hash(session.sid))
    with scopes.open(actor) as scope:
        return contexts.open_context(scope, study.id).id


def test_a_reader_gets_real_metadata_and_only_this_studys_pixels(
    mercys_cell: RunningCell,
    cast: Cast,
    scopes: Scopes,
    browse: Callable[[Person | None], Browser],
    tmp_path: Path,
) -> None:
    mine, other = with_bulk_data(3), phantom.study(1, PatientID="P-2")
    send(mercys_cell, tmp_path / "sent", mine + other)
    study = index(scopes, cast, mine)
    index(scopes, cast, other, patient_id="P2")
    browser = browse(cast.reader)
    context = open_context(scopes, browser, cast.reader, study)
    root = f"/dicom-web/{context}/studies/{study.uid}"

    answer = browser.get(f"{root}/series/{study.series[0]}/metadata")
    assert answer.status_code == 200
    assert not re.search(rb"127\.0\.0\.1|localhost|\.invalid|http:", answer.data)
    metadata = {each["00080018"]["Value"][0]: each for each in answer.json or []}
    assert set(metadata) == {each.SOPInstanceUID for each in mine}
    first = metadata[mine[0].SOPInstanceUID]
    assert first["00280010"]["Value"] == [32]
    assert first["00100010"]["Value"] == [{"Alphabetic": "Müller^Änne"}]
    bulk = first["00091001"]["BulkDataURI"]
    assert bulk == f"instances/{mine[0].SOPInstanceUID}/bulk/00091001"

    decision = f"/edge/pixels?context={context}&study={study.uid}&series={study.series[0]}"
    allowed = browser.get(decision)
    cell, token = f"http://{allowed.headers['X-Cell-Address']}/dicom-web/studies", allowed.headers["X-Cell-Token"]

    def ask(path: str, accept: str) -> httpx.Response:
        return httpx.get(f"{cell}/{path}", headers={"Authorization": f"Bearer {token}", "Accept": accept}, trust_env=False)

    series = f"{study.uid}/series/{study.series[0]}"
    raw = "multipart/related; type=application/octet-stream"
    frame = ask(f"{series}/instances/{mine[0].SOPInstanceUID}/frames/1", f"{raw}; transfer-syntax=*")
    assert frame.status_code == 200
    assert mine[0].PixelData in frame.content
    assert PRIVATE in ask(f"{series}/{bulk}", raw).content
    rendered = ask(f"{series}/instances/{mine[0].SOPInstanceUID}/rendered?viewport=256%2C256", "image/jpeg")
    assert rendered.headers["content-type"] == "image/jpeg"

    there = f"{other[0].StudyInstanceUID}/series/{other[0].SeriesInstanceUID}/instances/{other[0].SOPInstanceUID}/frames/1"
    for foreign in (
        there,
        f"{series}/metadata",  # a reading context asks the sidecar, never the cell
        f"{study.uid}/series/{other[0].SeriesInstanceUID}/instances/{other[0].SOPInstanceUID}/frames/1",
        f"{study.uid}/../{there}",
    ):
        assert ask(foreign, "*/*").status_code in {403, 404}, foreign
    assert browser.get(decision.replace(study.uid, other[0].StudyInstanceUID)).status_code == 403
    stranger = browse(cast.stranger)
    assert stranger.get(decision).status_code == 403
    assert stranger.get(f"{root}/series/{study.series[0]}/metadata").status_code == 404


def test_the_client_tells_what_a_cell_says(mercys_cell: RunningCell, app: Flask, tmp_path: Path) -> None:
    sent = with_bulk_data(2)
    send(mercys_cell, tmp_path / "sent", sent)
    cell = address(mercys_cell)
    with CellClient(app.extensions["readingroom.cell_tokens"]) as cells:
        assert cells.system(cell)["Name"] == "MERCY"
        assert int(cells.statistics(cell)["CountInstances"]) == 2
        changes = cells.changes(cell, since=0)
        assert changes["done"]
        assert sum(len(event["instances"]) for event in changes["events"]) == 2
        body = cells.series_metadata(cell, sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID)
        assert len(json.loads(body)) == 2
        with pytest.raises(Missing):
            cells.series_metadata(cell, "1.2.3", "1.2.4")
        with pytest.raises(Broken):
            cells.system(replace(cell, cell_id=UUID(int=1)))  # a token for another cell
        mercys_cell.stop()
        with pytest.raises(Busy):
            cells.system(cell)


def cookies(browser: Browser) -> dict[str, str]:
    cookie = browser.client.get_cookie("rr_session")
    assert cookie is not None
    return {"rr_session": cookie.value}


def seen(response: requests.Response, *ids: object) -> tuple[int, str, bytes]:
    body = response.content
    for each in ids:
        body = body.replace(str(each).encode(), b"ID")
    return response.status_code, response.headers["Content-Type"], body


def test_a_dicomweb_client_reads_a_study_through_the_whole_chain(
    chain: EdgeChain,
    mercys_cell: RunningCell,
    cast: Cast,
    scopes: Scopes,
    browse: Callable[[Person | None], Browser],
    tmp_path: Path,
) -> None:
    mine, other = with_bulk_data(3), phantom.study(1, PatientID="P-2")
    send(mercys_cell, tmp_path / "sent", mine + other)
    study, foreign = index(scopes, cast, mine), index(scopes, cast, other, patient_id="P2")
    browser = browse(cast.reader)
    context = open_context(scopes, browser, cast.reader, study)
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.update(cookies(browser))
        root = f"{chain.url}/dicom-web/{context}"
        client = DICOMwebClient(root, session=session)
        (found,) = client.search_for_studies(search_filters={"PatientID": "P1"})
        assert found["0020000D"]["Value"] == [study.uid]
        (series,) = client.search_for_series(study.uid, fields=["SeriesDate"])
        assert series["00201209"]["Value"] == [3]
        assert len(client.search_for_instances(study.uid, study.series[0], limit=2)) == 2
        assert len(client.retrieve_series_metadata(study.uid, study.series[0])) == 3
        metadata = client.retrieve_study_metadata(study.uid)
        assert len(metadata) == 3
        first = next(each for each in metadata if each["00080018"]["Value"] == [mine[0].SOPInstanceUID])
        where = (study.uid, study.series[0], mine[0].SOPInstanceUID)
        assert client.retrieve_instance_frames(*where, [1], media_types=(("application/octet-stream", "*"),)) == [
            mine[0].PixelData
        ]
        bulk = f"{root}/studies/{study.uid}/{first['00091001']['BulkDataURI']}"
        assert client.retrieve_bulkdata(bulk, media_types=("application/octet-stream",)) == [PRIVATE]
        assert client.retrieve_instance_rendered(*where, media_types=("image/jpeg",)).startswith(b"\xff\xd8")

        frames = f"series/{study.series[0]}/instances/{mine[0].SOPInstanceUID}/frames/1"
        unknown = seen(session.get(f"{root}/studies/1.2.3/{frames}"))
        assert unknown[0] == 404
        there = f"series/{foreign.series[0]}/instances/{other[0].SOPInstanceUID}/frames/1"
        assert seen(session.get(f"{root}/studies/{foreign.uid}/{there}")) == unknown
        assert seen(session.get(f"{root}x/studies/{study.uid}/{frames}")) == unknown
    with requests.Session() as stranger:
        stranger.trust_env = False
        assert stranger.get(f"{root}/studies/{study.uid}/{frames}").status_code == 401
        stranger.cookies.update(cookies(browse(cast.stranger)))
        assert seen(stranger.get(f"{root}/studies/{study.uid}/{frames}")) == unknown


def test_a_slow_reader_of_large_answers_waits_for_itself_and_a_colleague_does_not(
    chain: EdgeChain,
    mercys_cell: RunningCell,
    cast: Cast,
    scopes: Scopes,
    browse: Callable[[Person | None], Browser],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cell has 16 threads for all: somebody takes nothing of eighteen large frames, lists of frames and bulk data."""
    monkeypatch.setattr("sidecar.carrier.server.TURN", 0.0)
    for module in ("frames", "pixels"):
        monkeypatch.setattr(f"sidecar.dicomweb.{module}.LARGE", 1000 * 1000)
    (image,) = mine = with_bulk_data(1)
    image.Rows = image.Columns = 2000
    image.PixelData = bytes(8_000_000)
    send(mercys_cell, tmp_path / "sent", mine)
    study, known = index(scopes, cast, mine), Identity.of(image).orthanc()["instances"]
    with scopes.open(system_actor(cast.mercy)) as scope:
        scope.session.execute(
            update(Instance).where(Instance.study_id == study.id).values(rows=2000, columns=2000, orthanc_id=known)
        )
    place = f"/dicom-web/own/studies/{study.uid}/series/{study.series[0]}/instances/{image.SOPInstanceUID}"
    with contextlib.ExitStack() as lines, requests.Session() as colleague:
        cookie = cookies(browse(cast.owner))["rr_session"]
        slow = []
        for what in ("frames/1", "frames/1,1", "bulk/7fe00010") * 6:
            line = lines.enter_context(socket.create_connection(("127.0.0.1", chain.port), timeout=60))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.sendall(f"GET {place}/{what} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: rr_session={cookie}\r\n\r\n".encode())
            slow.append(line)
        colleague.trust_env = False
        colleague.cookies.update(cookies(browse(cast.own_radiologist)))
        octets = (("application/octet-stream", "*"),)
        client = DICOMwebClient(f"{chain.url}/dicom-web/own", session=colleague)
        where = (study.uid, study.series[0], image.SOPInstanceUID)
        assert client.retrieve_instance_frames(*where, [1], media_types=octets) == [image.PixelData]
        assert client.retrieve_instance_frames(*where, [1, 1], media_types=octets) == [image.PixelData] * 2
        assert colleague.get(f"{chain.url}{place}/rendered", headers={"Accept": "image/jpeg"}).status_code == 200
        unknown = seen(colleague.get(f"{chain.url}{place.replace(study.uid, '1.2.3')}/frames/1"))
        for what in ("frames/2", "frames/2,3", "bulk/00091099"):
            assert seen(colleague.get(f"{chain.url}{place}/{what}")) == unknown
        assert {line.recv(12) for line in slow} == {b"HTTP/1.1 200", b"HTTP/1.1 429"}
        for person in (cast.stranger, cast.strange_technician):
            with requests.Session() as stranger:
                stranger.trust_env = False
                stranger.cookies.update(cookies(browse(person)))
                for what in ("frames/1", "frames/1,1", "bulk/7fe00010"):
                    assert seen(stranger.get(f"{chain.url}{place}/{what}")) == unknown


def test_a_dicomweb_client_searches_fetches_and_stores_in_the_own_archive(
    chain: EdgeChain,
    mercys_cell: RunningCell,
    cast: Cast,
    scopes: Scopes,
    browse: Callable[[Person | None], Browser],
    tmp_path: Path,
) -> None:
    old, new = with_bulk_data(2), phantom.study(3, PatientID="STOW")
    send(mercys_cell, tmp_path / "sent", old)
    study = index(scopes, cast, old)
    root = f"{chain.url}/dicom-web/own"
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.update(cookies(browse(cast.owner)))
        client = DICOMwebClient(root, session=session)
        (found,) = client.search_for_studies(search_filters={"PatientName": "doe*"}, fuzzymatching=True)
        assert found["0020000D"]["Value"] == [study.uid]
        for level in (study.uid, None):
            assert len(client.search_for_series(level)) == 1
            assert len(client.search_for_instances(level)) == 2
        where = (study.uid, study.series[0], old[0].SOPInstanceUID)
        for fetched in (client.retrieve_study(study.uid), client.retrieve_series(*where[:2])):
            assert {each.SOPInstanceUID for each in fetched} == {each.SOPInstanceUID for each in old}
        whole = client.retrieve_instance(*where, media_types=(("application/dicom", "*"),))
        assert whole.PixelData == old[0].PixelData
        frame = client.retrieve_instance_frames(*where, [1], media_types=(("application/octet-stream", "*"),))
        assert frame == [old[0].PixelData]

        for each in new:
            each.preamble = bytes(128)  # the library writes a file as it was read: with a preamble if it had one
        told = client.store_instances(new, study_instance_uid=new[0].StudyInstanceUID)
        assert [each.ReferencedSOPInstanceUID for each in told.ReferencedSOPSequence] == [each.SOPInstanceUID for each in new]
        assert "FailedSOPSequence" not in told
        again = client.store_instances(new)
        assert len(again.ReferencedSOPSequence) == 3
        changed = deepcopy(new[0])
        changed.PatientName = "Another^Name"
        (refused,) = client.store_instances([changed, new[1]]).FailedSOPSequence
        assert (refused.ReferencedSOPInstanceUID, refused.FailureReason) == (new[0].SOPInstanceUID, 0x0111)
        with CellClient(CellTokens(mercys_cell.signing_key)) as cells:
            assert int(cells.statistics(address(mercys_cell))["CountInstances"]) == 5
        stored = index(scopes, cast, new, patient_id="STOW")
        assert [each.SOPInstanceUID for each in client.retrieve_series(stored.uid, stored.series[0])]
        for path in (f"/studies/{stored.uid}", f"/studies/{stored.uid}/series/{stored.series[0]}"):
            unknown = seen(session.get(f"{root}{path.replace(stored.uid, '1.2.3')}"))
            assert unknown[0] == 404
            with requests.Session() as stranger:
                stranger.trust_env = False
                stranger.cookies.update(cookies(browse(cast.strange_technician)))
                assert seen(stranger.get(f"{root}{path}")) == unknown
                assert stranger.get(f"{chain.url}/dicom-web/own/studies").json() == []


def test_forms_are_found_among_what_a_client_takes_and_refused_in_words(
    chain: EdgeChain,
    mercys_cell: RunningCell,
    cast: Cast,
    scopes: Scopes,
    browse: Callable[[Person | None], Browser],
    tmp_path: Path,
) -> None:
    mine = with_bulk_data(2)
    send(mercys_cell, tmp_path / "sent", mine)
    study, image = index(scopes, cast, mine), mine[0]
    where = (study.uid, study.series[0], image.SOPInstanceUID)
    root = f"{chain.url}/dicom-web/own"
    path = f"{root}/studies/{where[0]}/series/{where[1]}/instances/{where[2]}"
    baseline = "transfer-syntax=1.2.840.10008.1.2.4.50"  # of eight bits only
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.update(cookies(browse(cast.owner)))
        with scopes.open(system_actor(cast.mercy)) as scope:
            with CellClient(CellTokens(mercys_cell.signing_key)) as cells:
                events = cells.changes(address(mercys_cell), since=0)["events"]
            ids = {each["SOPInstanceUID"]: each["ID"] for event in events for each in event["instances"]}
            for row in scope.session.scalars(select(Instance).where(Instance.study_id == study.id)):
                row.orthanc_id = ids[row.sop_instance_uid]

        def ask(what: str, accept: str) -> requests.Response:
            return session.get(f"{path}{what}", headers={"Accept": accept})

        assert DICOMwebClient(root, session=session).retrieve_instance_frames(*where, [1]) == [image.PixelData]
        alone = ask("", "application/dicom")
        assert (alone.status_code, alone.headers["Content-Type"]) == (200, "application/dicom")
        assert pydicom.dcmread(io.BytesIO(alone.content)).SOPInstanceUID == where[2]
        for accept in ("image/*", "image/jpeg;q=0.5, image/png;q=0.4", "*/*"):
            assert ask("/rendered", accept).headers["Content-Type"] == "image/jpeg"
        assert ask("/rendered", "image/png, image/jpeg").headers["Content-Type"] == "image/png"
        assert ask("/rendered?accept=image/png", "text/html").headers["Content-Type"] == "image/png"
        inner = (str(mercys_cell.http_port).encode(), b"cell_")
        frames = ask("/frames/1", "*/*").content
        assert not any(each in frames for each in inner), "the cell's own address is nobody's business"
        for what, accept, status in (
            ("/frames/1", "text/html", 406),
            ("/frames/1", f'multipart/related; type="image/jpeg"; {baseline}', 406),
            ("/frames/2", "*/*", 404),
            ("", "application/zip", 406),
            ("", f'multipart/related; type="application/dicom"; {baseline}', 406),
            ("/rendered", "image/gif", 406),
            *((f"/rendered?{each}", "*/*", 400) for each in ("viewport=0,0", "viewport=9999,9", "quality=0", "window=1,2")),
        ):
            refused = ask(what, accept)
            assert (refused.status_code, refused.headers["Content-Type"].partition(";")[0]) == (status, "application/json"), what
            assert refused.json()["message"]
        session.cookies.clear()
        session.cookies.update(cookies(browse(cast.strange_technician)))
        unknown = seen(ask("/frames/1", "text/html"))
        assert unknown[0] == 404
        for what, accept in (("", "application/dicom"), ("", "application/zip"), ("/rendered?quality=0", "image/gif")):
            assert seen(ask(what, accept)) == unknown


def test_two_patients_sent_with_the_same_uids_are_both_shown_and_kept_apart(
    chain: EdgeChain,
    mercys_cell: RunningCell,
    cast: Cast,
    scopes: Scopes,
    browse: Callable[[Person | None], Browser],
    tmp_path: Path,
) -> None:
    mine = with_bulk_data(2, PatientName="Mine^Mary")
    twins = [copy.deepcopy(each) for each in mine]
    for each in twins:
        each.PatientID, each.PatientName = "P-2", "Twin^Tom"
        each.PixelData = bytes(len(each.PixelData))
    only_the_twins = phantom.image(
        PatientID="P-2", StudyInstanceUID=mine[0].StudyInstanceUID, SeriesInstanceUID=mine[0].SeriesInstanceUID
    )
    send(mercys_cell, tmp_path / "mine", mine)
    send(mercys_cell, tmp_path / "twins", [*twins, only_the_twins])
    with CellClient(CellTokens(mercys_cell.signing_key)) as cells:
        events = cells.changes(address(mercys_cell), since=0)["events"]
    ids = {(event["study"]["PatientID"], each["SOPInstanceUID"]): each["ID"] for event in events for each in event["instances"]}
    assert len(ids) == 5
    made = []
    for datasets, patient in ((mine, "P-1"), (twins, "P-2")):
        study = index(scopes, cast, datasets, patient_id=patient)
        made.append(study)
        with scopes.open(system_actor(cast.mercy)) as scope:
            rows = scope.session.scalars(select(Instance).where(Instance.study_id == study.id).order_by(Instance.instance_number))
            for row, dataset in zip(rows, datasets, strict=True):
                row.orthanc_id = ids[patient, dataset.SOPInstanceUID]
    browser = browse(cast.reader)
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.update(cookies(browser))
        for study, datasets, name in ((made[0], mine, "Mine^Mary"), (made[1], twins, "Twin^Tom")):
            root = f"{chain.url}/dicom-web/{open_context(scopes, browser, cast.reader, study)}"
            client = DICOMwebClient(root, session=session)
            metadata = client.retrieve_series_metadata(study.uid, study.series[0])
            assert {each["00100010"]["Value"][0]["Alphabetic"] for each in metadata} == {name}
            assert metadata[0]["7FE00010"]["BulkDataURI"].startswith("instances/")
            for dataset in datasets:
                where = (study.uid, study.series[0], dataset.SOPInstanceUID)
                frame = client.retrieve_instance_frames(*where, [1], media_types=(("application/octet-stream", "*"),))
                assert frame == [dataset.PixelData]
                assert client.retrieve_instance_rendered(*where, media_types=("image/jpeg",)).startswith(b"\xff\xd8")
            place = f"studies/{study.uid}/series/{study.series[0]}/instances/{datasets[0].SOPInstanceUID}"
            unknown = seen(session.get(f"{root}/{place.replace(study.uid, '1.2.3')}/frames/1"))
            assert unknown[0] == session.get(f"{root}/{place}/frames/2").status_code == 404
            theirs = f"studies/{study.uid}/series/{study.series[0]}/instances/{only_the_twins.SOPInstanceUID}"
            for what in ("/frames/1", "/rendered", ""):
                assert seen(session.get(f"{root}/{theirs}{what}")) == unknown
            with requests.Session() as stranger:
                stranger.trust_env = False
                stranger.cookies.update(cookies(browse(cast.stranger)))
                assert seen(stranger.get(f"{root}/{place}/frames/1")) == unknown


def test_the_worker_fills_the_cache_and_the_cell_may_then_be_down(
    mercys_cell: RunningCell,
    cast: Cast,
    scopes: Scopes,
    app: Flask,
    browse: Callable[[Person | None], Browser],
    tmp_path: Path,
) -> None:
    sent = with_bulk_data(2)
    send(mercys_cell, tmp_path / "sent", sent)
    study = index(scopes, cast, sent)
    with CellClient(app.extensions["readingroom.cell_tokens"]) as cells:
        assert jobs.fill_provider(scopes, cells, cast.mercy, host="127.0.0.1") == 1
    mercys_cell.stop()
    browser = browse(cast.reader)
    root = f"/dicom-web/{open_context(scopes, browser, cast.reader, study)}/studies/{study.uid}"
    assert len(browser.get(f"{root}/series/{study.series[0]}/metadata").json or []) == 2
    assert browser.get(f"{root}/metadata").status_code == 200
    uncached = index(scopes, cast, phantom.study(1))
    context = open_context(scopes, browser, cast.reader, uncached)
    answer = browser.get(f"/dicom-web/{context}/studies/{uncached.uid}/series/{uncached.series[0]}/metadata")
    assert answer.status_code == 503
