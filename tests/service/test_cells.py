"""Tending cells: the database says what should be, the tender makes it so, again and again, one cell's trouble its own."""

import hashlib
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from flask import Flask
from sqlalchemy import select

from orthanc_plugin.policy import parse
from sidecar.adapters.cell_client import CellClient
from sidecar.adapters.redis import revoke_session
from sidecar.adapters.seals import Seal
from sidecar.adapters.supervisor import CellSpec, CellState
from sidecar.gate.actor import platform_system
from sidecar.gate.scope import Scopes
from sidecar.kernel.settings import Settings
from sidecar.organisations import queries, service
from sidecar.organisations.jobs import CellTender
from sidecar.organisations.model import Wanted
from sidecar.organisations.tables import Cell
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.fakes.cell_host import FakeCellHost

Browse = Callable[[Person | None], Browser]
ALL = ("prepare", "ensure", "stop", "restart", "status")


class BrokenHost(FakeCellHost):
    """Cannot start one particular cell."""

    broken: UUID | None = None

    def ensure(self, spec: CellSpec) -> bool:
        if spec.cell_id == self.broken:
            raise OSError("no space left on device")
        return super().ensure(spec)


class Stage:
    """A tender over the cells of one cast, and what it says of them."""

    def __init__(self, app: Flask, scopes: Scopes, settings: Settings, cast: Cast, directory: Path) -> None:
        self.app, self.scopes, self.settings, self.cast = app, scopes, settings, cast
        self.host = BrokenHost(directory, *ALL)
        self.answering = True
        self.tender = self.new_tender()

    def new_tender(self) -> CellTender:
        owners = {self.cast.mercy, self.cast.luke, self.cast.third}

        class OfThisCast(CellTender):
            def _cells(self) -> list[Cell]:
                return [cell for cell in super()._cells() if cell.organisation_id in owners]

        tokens, redis = self.app.extensions["readingroom.cell_tokens"], self.app.extensions["readingroom.redis"]
        client = CellClient(tokens, transport=httpx.MockTransport(self._answer))
        return OfThisCast(self.scopes, self.host, self.settings, tokens, redis, client=client)  # type: ignore[arg-type]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not self.answering:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, json={"Version": "1.13.0"})

    def cell(self, organisation_id: UUID) -> Cell:
        with self.scopes.open(platform_system()) as scope:
            return scope.session.scalars(select(Cell).where(Cell.organisation_id == organisation_id)).one()

    def policy(self, organisation_id: UUID) -> dict[str, object]:
        return json.loads((self.host.directory(self.cell(organisation_id).id) / "policy.json").read_text())

    def acts(self) -> list[str]:
        done = [verb for verb, _cell in self.host.calls if verb != "status"]
        self.host.calls.clear()
        return sorted(done)


@pytest.fixture
def stage(app: Flask, scopes: Scopes, settings: Settings, cast: Cast, tmp_path: Path) -> Stage:
    return Stage(app, scopes, settings, cast, tmp_path)


def test_a_cell_is_told_of_nodes_in_figures_and_of_none_that_leads_inward(stage: Stage) -> None:
    """Its own doors are not its inner ports: on one machine for all, as here, nodes may live on it."""
    inner = stage.settings.cell_inner_dicom_ports.first
    with stage.scopes.open(stage.cast.owner.actor) as scope:
        for aet, host, port in (("FAR", "10.1.3.14", 104), ("NEAR", "localhost", 104), ("INWARD", "localhost", inner)):
            service.add_entity(scope, aet=aet, host=host, port=port)
    stage.tender.tend()
    told = {each["aet"]: (each["host"], each["port"]) for each in stage.policy(stage.cast.mercy)["senders"]}  # type: ignore[attr-defined]
    assert told == {"FAR": ("10.1.3.14", 104), "NEAR": ("127.0.0.1", 104), "INWARD": ("", 0)}


def test_a_new_cell_gets_secret_and_policy_before_it_starts(stage: Stage) -> None:
    order = []
    ensure = stage.host.ensure

    def watched(spec: CellSpec) -> bool:
        order.append((stage.host.directory(spec.cell_id) / "policy.json").is_file())
        assert hashlib.sha256(spec.secret.encode()).hexdigest() == stage.cell(spec.organisation_id).secret_hash
        (stage.host.directory(spec.cell_id) / "secret").write_text(spec.secret)
        return ensure(spec)

    stage.host.ensure = watched  # type: ignore[method-assign]
    stage.tender.tend()
    assert order == [True, True, True]
    assert stage.acts() == ["ensure"] * 3 + ["prepare"] * 3
    stage.tender.tend()
    assert stage.acts() == []
    cell = stage.cell(stage.cast.mercy)
    assert (cell.state, cell.seen_at is not None) == ("running", True)
    secret = cell.secret_hash
    stage.new_tender().tend()  # the worker was started anew: everything is looked at, nothing is changed
    assert stage.cell(stage.cast.mercy).secret_hash == secret


def test_the_policy_on_disk_is_the_one_the_plugin_reads(stage: Stage, scopes: Scopes, cast: Cast) -> None:
    stage.tender.tend()
    with scopes.open(cast.owner.actor) as scope:
        service.add_sender(scope, aet="MERCY_CT1", network="10.1.2.0/24")
    before = stage.policy(cast.luke)
    stage.tender.tend()
    cell = stage.cell(cast.mercy)
    text = json.dumps(stage.policy(cast.mercy)).encode()
    policy = parse(text, cell=str(cell.id), organisation=str(cast.mercy))
    assert [each.aet for each in policy.entities] == ["MERCY_CT1"]
    assert policy.revision == cell.policy_revision
    assert len(policy.keys) == 1
    assert stage.policy(cast.luke) == before


def test_a_cell_of_an_earlier_release_gets_its_dicom_ports_once(stage: Stage, cast: Cast, settings: Settings) -> None:
    assert stage.cell(cast.mercy).inner_dicom_port == 0
    stage.tender.tend()
    cell = stage.cell(cast.mercy)
    for port, ports in (
        (cell.inner_dicom_port, settings.cell_inner_dicom_ports),
        (cell.dicom_tls_port, settings.cell_dicom_tls_ports),
    ):
        assert ports.first <= port <= ports.last
    assert stage.policy(cast.mercy)["dicom"] == {"plain": True, "tls_port": cell.dicom_tls_port}
    stage.tender.tend()
    assert stage.cell(cast.mercy).dicom_tls_port == cell.dicom_tls_port


def test_what_tls_needs_lies_beside_the_policy_and_a_revoked_certificate_leaves_it(
    stage: Stage, scopes: Scopes, seal: Seal, settings: Settings, cast: Cast
) -> None:
    stage.tender.tend()
    home = stage.host.directory(stage.cell(cast.mercy).id) / "tls"
    assert {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()} == dict.fromkeys(
        ("server.pem", "server.key", "clients.pem"), 0o600
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(home / "server.pem", home / "server.key")
    server.load_verify_locations(home / "clients.pem")
    with scopes.open(cast.owner.actor) as scope:
        entity = service.add_sender(scope, aet="CT1", network="10.1.2.0/24")
        issued = service.issue_certificate(scope, entity.id, seal, host=settings.dicom_host, years=1)
    stage.tender.tend()
    (told,) = stage.policy(cast.mercy)["senders"]  # type: ignore[misc]
    assert told["certificates"] == [issued.row.sha256]
    with scopes.open(cast.owner.actor) as scope:
        service.revoke_certificate(scope, issued.row.id)
        service.set_plain_port(scope, allowed=False, shut_out=True)
    stage.tender.tend()
    (told,) = stage.policy(cast.mercy)["senders"]  # type: ignore[misc]
    assert told["certificates"] == []
    assert stage.policy(cast.mercy)["dicom"]["plain"] is False  # type: ignore[index]


def test_an_ended_session_reaches_every_cell(stage: Stage, app: Flask, cast: Cast) -> None:
    stage.tender.tend()
    revoke_session(app.extensions["readingroom.redis"], "ended", until=datetime.now(UTC) + timedelta(minutes=5))
    stage.tender.tend()
    assert "ended" in stage.policy(cast.mercy)["revoked_sessions"]
    assert "ended" in stage.policy(cast.luke)["revoked_sessions"]
    app.extensions["readingroom.redis"].zrem("rr:revoked", "ended")


def test_a_lost_policy_is_written_again(stage: Stage, cast: Cast) -> None:
    stage.tender.tend()
    path = stage.host.directory(stage.cell(cast.mercy).id) / "policy.json"
    path.unlink()
    stage.tender.tend()
    assert path.is_file()


def test_stop_start_restart(stage: Stage, browse: Browse, cast: Cast) -> None:
    stage.tender.tend()
    stage.acts()
    platform = browse(cast.platform_admin)
    address = f"/admin/cells/{cast.mercy}"
    assert platform.post(address, data={"wanted": "stopped"}).status_code == 302
    stage.tender.tend()
    stage.tender.tend()
    assert stage.acts() == ["stop"]
    assert "Stopped" in platform.get("/admin/cells").text
    platform.post(address, data={"wanted": "running"})
    stage.tender.tend()
    assert stage.acts() == ["ensure", "prepare"]
    platform.post(address, data={"wanted": "restarting"})
    stage.tender.tend()
    stage.tender.tend()
    assert stage.acts() == ["restart"]
    assert stage.cell(cast.mercy).wanted == Wanted.RUNNING


def test_a_hospital_chooses_how_texts_without_a_character_set_are_read(stage: Stage, browse: Browse, cast: Cast) -> None:
    stage.tender.tend()
    stage.acts()
    technician, address = browse(cast.owner), "/admin/ae-titles/character-set"
    assert technician.post(address, data={"character_set": "EBCDIC"}).status_code == 400
    for chosen in ("Latin1", "Latin1", "Utf8"):
        assert technician.post(address, data={"character_set": chosen}).status_code == 302
        assert stage.cell(cast.mercy).character_set == chosen
    technician.post(address, data={"character_set": "Latin1"})
    assert stage.cell(cast.luke).character_set == "Utf8"
    stage.tender.tend()
    stage.tender.tend()
    assert stage.acts() == ["ensure", "prepare"], "only this hospital's archive is started anew, once"
    assert "read as Latin1" in browse(cast.mercy_admin).get("/admin/audit").text
    for other in (cast.mercy_manager, cast.reader, cast.platform_admin):
        assert browse(other).post(address, data={"character_set": "Greek"}).status_code == 403


def test_one_broken_cell_stops_nobody(stage: Stage, cast: Cast) -> None:
    stage.host.broken = stage.cell(cast.mercy).id
    stage.tender.tend()
    assert stage.acts() == ["ensure"] * 2 + ["prepare"] * 3
    assert "no space left on device" in stage.cell(cast.mercy).last_error
    stage.host.broken = None
    stage.tender.tend()
    stage.tender.tend()
    assert (stage.cell(cast.mercy).state, stage.cell(cast.mercy).last_error) == ("running", "")


def test_a_dead_process_is_started_and_its_complaint_shown(stage: Stage, browse: Browse, cast: Cast) -> None:
    stage.tender.tend()
    stage.acts()
    line = "E1121 20:39:26.010288 MAIN main.cpp:1] The disk is full"
    stage.host.set(stage.cell(cast.mercy).id, CellState.FATAL, last_error=(line,), disk_bytes=5_000_000)
    stage.tender.tend()
    assert stage.acts() == ["ensure", "prepare"]
    assert stage.cell(cast.mercy).disk_bytes == 5_000_000
    page = browse(cast.platform_admin).get(f"/admin/organisations/{cast.mercy}").text
    assert "Down" in page
    assert "The disk is full" in page


def test_a_running_process_that_does_not_answer_is_not_called_running(stage: Stage, scopes: Scopes, cast: Cast) -> None:
    stage.answering = False
    stage.tender.tend()
    stage.tender.tend()
    with scopes.open(cast.platform_admin.actor) as scope:
        health = queries.organisation(scope, cast.mercy).health
    assert health is not None
    assert health.word == "Starting"


def test_a_starting_process_that_answers_is_called_running(stage: Stage, cast: Cast) -> None:
    """Its keeper waits a while whether it stays; whoever answers is there."""
    stage.tender.tend()
    cell = stage.cell(cast.mercy)
    stage.host.set(cell.id, CellState.STARTING)
    stage.answering = False
    stage.tender.tend()
    assert stage.cell(cast.mercy).state == "starting"
    stage.answering = True
    for _ in range(2):
        stage.tender.tend()
        assert stage.cell(cast.mercy).state == "running"


@pytest.mark.parametrize("who", ["owner", "mercy_admin", "lead", "nightowls_admin", "stranger"])
def test_only_the_platform_sees_and_turns_cells(browse: Browse, cast: Cast, who: str) -> None:
    visitor = browse(getattr(cast, who))
    for answer in (
        visitor.get("/admin/cells"),
        visitor.post(f"/admin/cells/{cast.mercy}", data={"wanted": "stopped"}),
        visitor.get(f"/admin/organisations/{cast.mercy}"),
        visitor.get(f"/admin/organisations/{cast.mercy}/connection"),
    ):
        assert answer.status_code == 403
