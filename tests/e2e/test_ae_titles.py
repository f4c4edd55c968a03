"""The technician at work with a real cell: a certificate from the page opens the TLS port, a revoked one does not."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from sidecar.adapters.seals import Seal
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.machine import Workshop
from sidecar.organisations.tables import Cell
from tests.cast import make_person
from tests.dcmtk import path_of
from tests.doors.hospital import echoes, open_hospital, until

PATIENCE = 30_000


@pytest.fixture(scope="module")
def cells(workshop: Workshop) -> list[Cell]:
    """Two hospitals, each with a scanner called CT1."""
    return [open_hospital(workshop, "CT1") for _ in range(2)]


def echoes_encrypted(directory: Path, cell: Cell, aet: str) -> bool:
    """Let dcmtk show the certificate in ``directory`` and check the archive's own."""
    command = [path_of("echoscu"), "+tls", "device.pem", "device.pem", "+cf", "ca.pem", "-aet", aet, "-aec", cell.aet]
    command += ["127.0.0.1", str(cell.dicom_tls_port)]
    return subprocess.run(command, cwd=directory, capture_output=True, check=False, timeout=20).returncode == 0


def issue(page: Page, aet: str, into: Path) -> None:
    """Issue a certificate on the page of an AE title; keep it and the authority's."""
    into.mkdir()
    page.goto("/admin/ae-titles")
    page.get_by_role("link", name=aet, exact=True).click()
    page.get_by_role("button", name="Issue", exact=True).click()
    page.select_option("#form", "pem")
    with page.expect_download() as download:
        page.get_by_role("button", name="Issue and download").click()
    download.value.save_as(into / "device.pem")
    expect(page.locator("#issue")).to_be_hidden()
    expect(page.locator("#certificates")).to_contain_text("Valid", timeout=PATIENCE)
    (into / "ca.pem").write_bytes(page.request.get("/admin/ae-titles/encryption/authority.pem").body())


def test_certificates_from_the_page_open_the_tls_port(
    workshop: Workshop, seal: Seal, seat: Callable[..., Page], cells: list[Cell], tmp_path: Path
) -> None:
    pages = [
        seat(make_person(workshop.scopes, seal, cell.organisation_id, OrganisationKind.PROVIDER, Role.TECHNICIAN, "Tess"))
        for cell in cells
    ]
    (cell, _other), (technician, stranger) = cells, pages
    issue(technician, "CT1", tmp_path / "mine")
    issue(stranger, "CT1", tmp_path / "theirs")
    until(lambda: echoes_encrypted(tmp_path / "mine", cell, "CT1"), 10, "the certificate opens nothing")
    assert not echoes_encrypted(tmp_path / "theirs", cell, "CT1")
    assert not echoes_encrypted(tmp_path / "mine", cell, "CT2")

    technician.goto("/admin/ae-titles/encryption")
    technician.get_by_role("button", name="Shut the plain port").click()
    until(lambda: not echoes(cell, "CT1"), 10, "the plain port is still open")
    assert echoes_encrypted(tmp_path / "mine", cell, "CT1")
    technician.get_by_role("button", name="Revoke").click()
    until(lambda: not echoes_encrypted(tmp_path / "mine", cell, "CT1"), 10, "the revoked certificate still opens the door")
    technician.get_by_role("button", name="Undo").click()
    until(lambda: echoes_encrypted(tmp_path / "mine", cell, "CT1"), 10, "the certificate taken back opens nothing")
    technician.goto("/admin/ae-titles/associations")
    expect(technician.locator("#rows")).to_contain_text("CT1 tested the connection (echo)", timeout=PATIENCE)
    expect(technician.locator("#rows")).to_contain_text("CT1 from 127.0.0.1 showed", timeout=PATIENCE)
    assert technician.faults == []  # type: ignore[attr-defined]


def test_a_node_is_tried_with_a_button(workshop: Workshop, seal: Seal, seat: Callable[..., Page], cells: list[Cell]) -> None:
    node = AE("STATION")
    node.add_supported_context(Verification)
    server = node.start_server(("127.0.0.1", 0), block=False)
    person = make_person(workshop.scopes, seal, cells[1].organisation_id, OrganisationKind.PROVIDER, Role.TECHNICIAN, "Tess")
    technician = seat(person)
    technician.goto("/admin/ae-titles/new")
    technician.fill("#aet", "STATION")
    technician.fill("#host", "127.0.0.1")
    technician.fill("#port", str(server.socket.getsockname()[1]))
    technician.get_by_role("button", name="Register", exact=True).click()
    technician.wait_for_timeout(2500)  # the cell learns of it within two seconds
    technician.get_by_role("button", name="Echo").click()
    expect(technician.locator("#tried")).to_contain_text("STATION answered", timeout=PATIENCE)
    technician.get_by_role("button", name="Send test image").click()
    expect(technician.locator("#tried")).to_contain_text("STATION takes the call and refuses this service", timeout=PATIENCE)
    server.shutdown()
    technician.get_by_role("button", name="Echo").click()
    expect(technician.locator("#tried")).to_contain_text("Nothing listens at 127.0.0.1", timeout=PATIENCE)
    assert technician.faults == []  # type: ignore[attr-defined]
