"""The whole story in browsers: two hospitals send, a reader reads and signs, the hospitals read, a stranger sees nothing."""

import re
import shutil
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pydicom
import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader
from sqlalchemy import select

from sidecar.accounts.bootstrap import platform_id
from sidecar.adapters.seals import Seal
from sidecar.demo.phantoms import generate
from sidecar.demo.send import Node, SendError, send
from sidecar.demo.studies import DEMO
from sidecar.gate.actor import OrganisationKind, Role, platform_system, system_actor
from sidecar.gate.machine import Workshop
from sidecar.instance import Instance
from sidecar.organisations.tables import Cell, Organisation
from sidecar.studies.tables import Instance as IndexedInstance
from sidecar.studies.tables import Study
from tests.cast import Person, make_person, share_with
from tests.doors.hospital import until
from tests.e2e.desk import sign_report
from tests.e2e.ohif_page import draw_length, viewer_frame, wait_for_image

Seat = Callable[[Person], Page]
LETTERHEAD = "Night Owls Radiology\n12 Lighthouse Quay"
PATIENCE = 30_000


def add_hospital(admin: Page, name: str) -> Node:
    """Add a hospital in the platform's web UI; return where its new cell listens, from the connection sheet."""
    admin.goto("/admin/organisations")
    admin.locator("a[href='/admin/hospitals/new']").first.click()
    admin.fill("[name=name]", name)
    admin.locator("main form button[type=submit]").click()
    admin.wait_for_url(re.compile(r"/admin/organisations/[0-9a-f-]{36}$"))
    expect(admin.locator("main")).to_contain_text(re.compile("running", re.IGNORECASE), timeout=60_000)
    admin.goto(admin.url + "/connection")
    sheet = admin.locator("main").inner_text()
    port = re.search(r"[Pp]ort\s+(\d{4,5})", sheet)
    aet = re.search(r"AE title\s+([A-Z0-9_]{1,16})", sheet)
    assert port, sheet
    assert aet, sheet
    node = Node("127.0.0.1", int(port[1]), aet[1])
    listens(node)
    return node


def listens(node: Node) -> None:
    """Wait for the cell's DICOM port: its process runs a moment before it listens."""
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((node.host, node.port), timeout=5).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def register_refused(technician: Page, aet: str) -> None:
    """Find the refused caller on the page of AE titles and register it with one button."""
    deadline = time.monotonic() + 60
    while True:
        technician.goto("/admin/ae-titles")
        note = technician.get_by_text(f"Unknown AE title {aet} from 127.0.0.1")
        if note.count():
            break
        assert time.monotonic() < deadline, technician.locator("main").inner_text()
        technician.wait_for_timeout(500)
    technician.get_by_role("button", name="Register", exact=True).first.click()
    expect(technician.locator("main table")).to_contain_text(aet)


def send_when_registered(folder: Path, aet: str, node: Node) -> int:
    deadline = time.monotonic() + 60
    while True:
        try:
            return send(folder, aet, node)
        except SendError:
            assert time.monotonic() < deadline
            time.sleep(0.3)


def rename(folder: Path, name: str, patient_id: str) -> None:
    """Make the same study, by all its identifiers, another person's: what two hospitals' own numbering can bring."""
    for path in folder.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID = name, patient_id
        dataset.save_as(path)


def counted(workshop: Workshop, organisation: Any) -> int:
    with workshop.scopes.open(system_actor(organisation)) as scope:
        return len(scope.session.scalars(select(IndexedInstance.orthanc_id)).all())


@pytest.fixture(scope="module")
def people(workshop: Workshop, seal: Seal) -> dict[str, Person]:
    """The platform's administrator, the readers and the strangers; hospitals are added in the browser."""
    platform = platform_id(workshop.scopes)
    made = {
        "pat": make_person(workshop.scopes, seal, platform, OrganisationKind.PLATFORM, Role.ADMIN, "Pat Platform"),
    }
    with workshop.scopes.open(made["pat"].actor) as scope:
        groups = [
            Organisation(
                id=uuid4(),
                kind="reading_group", name=name, letterhead=LETTERHEAD, zone="UTC", created_at=scope.now,
            )
            for name in ("Night Owls", "Strangers")
        ]  # fmt: skip
        scope.session.add_all(groups)
    owls, strangers = (group.id for group in groups)
    group = OrganisationKind.READING_GROUP
    made["nora"] = make_person(workshop.scopes, seal, owls, group, Role.RADIOLOGIST, "Dr. Nora Quinn")
    made["stan"] = make_person(workshop.scopes, seal, strangers, group, Role.RADIOLOGIST, "Dr. Stan Petrov")
    return made


def hospital_people(workshop: Workshop, seal: Seal, name: str) -> tuple[Any, Person, Person]:
    """Return the new hospital's id, a technician and a viewer of it."""
    with workshop.scopes.open(platform_system()) as scope:
        found = scope.session.scalars(select(Organisation.id).where(Organisation.name == name)).one()
    kind = OrganisationKind.PROVIDER
    technician = make_person(workshop.scopes, seal, found, kind, Role.TECHNICIAN, "Tess Technician")
    viewer = make_person(workshop.scopes, seal, found, kind, Role.VIEWER, "Dr. Vic Viewer")
    return found, technician, viewer


def make_contract(admin: Page, hospital: str, group: str) -> None:
    admin.goto("/admin/contracts/new")
    admin.select_option("[name=provider_id]", label=hospital)
    admin.select_option("[name=reading_id]", label=group)
    admin.locator("main form button[type=submit]").first.click()
    expect(admin.locator("main")).to_contain_text(hospital)


def test_the_whole_story(  # noqa: PLR0915 - one story, told in one piece
    house: Instance, workshop: Workshop, seal: Seal, people: dict[str, Person], seat: Seat, tmp_path: Path
) -> None:
    # A platform administrator adds two hospitals; their cells run within seconds and have a connection sheet.
    admin = seat(people["pat"])
    nodes = {name: add_hospital(admin, name) for name in ("Mercy Hospital", "St Luke")}
    assert len({node.port for node in nodes.values()}) == 2
    for name in nodes:
        make_contract(admin, name, "Night Owls")
    mercy, tess, vic = hospital_people(workshop, seal, "Mercy Hospital")
    luke, lou, lea = hospital_people(workshop, seal, "St Luke")

    # Both hospitals send a study with the same UIDs and the same PatientID: two people, who must never mix.
    spec = DEMO["mercy"][2]
    for name, patient in (("Mercy Hospital", "Okafor^Chidi"), ("St Luke", "Ferreira^Maria")):
        generate(spec, tmp_path / name, datetime.now(UTC))
        rename(tmp_path / name, patient, "100387")
    sent = len(list((tmp_path / "St Luke").rglob("*.dcm")))

    # The unknown scanner is refused, shown to its own hospital's technician alone, and registered with one button.
    with pytest.raises(SendError):
        send(tmp_path / "Mercy Hospital", "MERCY_CT1", nodes["Mercy Hospital"])
    register_refused(seat(tess), "MERCY_CT1")
    luke_desk = seat(lou)
    luke_desk.goto("/admin/ae-titles")
    expect(luke_desk.locator("main")).not_to_contain_text("MERCY_CT1")
    luke_desk.get_by_role("link", name="Add AE title").click()
    luke_desk.fill("#aet", "LUKE_CT1")
    luke_desk.fill("#networks", "127.0.0.1")
    luke_desk.get_by_role("button", name="Register", exact=True).click()
    expect(luke_desk.locator("main h1")).to_have_text("LUKE_CT1")

    # The reader's worklist is open; studies appear by themselves.
    nora = seat(people["nora"])
    nora.goto("/worklist")
    expect(nora.locator("#live")).to_have_attribute("data-state", "live")
    assert send_when_registered(tmp_path / "Mercy Hospital", "MERCY_CT1", nodes["Mercy Hospital"]) == sent
    expect(nora.locator("tbody tr", has_text="Okafor")).to_have_count(1, timeout=PATIENCE)
    assert send_when_registered(tmp_path / "St Luke", "LUKE_CT1", nodes["St Luke"]) == sent
    expect(nora.locator("tbody tr", has_text="Ferreira")).to_have_count(1, timeout=PATIENCE)
    expect(nora.locator("tbody tr[id^=study-]")).to_have_count(2)
    until(lambda: counted(workshop, mercy) == counted(workshop, luke) == sent, 30, "not every image is in the index")

    # Each opens in OHIF under its own patient, with real pixels.
    for patient in ("Ferreira", "Okafor"):
        nora.goto("/worklist")
        row = nora.locator("tbody tr", has_text=patient)
        expect(row).to_contain_text("Unread", timeout=PATIENCE)
        row.locator("a.name").click()
        nora.wait_for_url("**/reading/**")
        expect(nora.locator("header.bar .patient")).to_contain_text(patient)
        viewer = viewer_frame(nora)
        picture = wait_for_image(viewer)
        assert picture.levels > 8
    reading = nora.url

    # She measures, writes, loses the browser, finds her text again, and signs.
    draw_length(nora, viewer, (0.4, 0.5), (0.6, 0.5))
    expect(nora.locator("#measurements li")).to_have_count(1, timeout=PATIENCE)
    nora.fill("[name=technique]", "Contrast-enhanced CT of the chest.")
    nora.locator("[name=findings]").click()
    nora.keyboard.type("Consolidation of the right lower lobe. ")
    nora.locator("#measurements li").get_by_role("button", name="Insert").click()
    expect(nora.locator("[name=findings]")).to_have_value(re.compile(r"mm"))
    nora.fill("[name=impression]", "Pneumonia of the right lower lobe with effusion.")
    expect(nora.locator("#save-state")).to_contain_text("saved", timeout=PATIENCE)
    nora.wait_for_timeout(1500)
    assert nora.faults == []  # type: ignore[attr-defined]
    again = nora.context.new_page()
    nora.close(run_before_unload=False)
    again.goto(reading)
    expect(again.locator("[name=impression]")).to_have_value("Pneumonia of the right lower lobe with effusion.")
    expect(again.locator("[name=findings]")).to_have_value(re.compile(r"Consolidation.*mm", re.DOTALL))

    # Two viewers, one at each hospital: they see what somebody shared with them, and nothing else.
    for found, viewer_of in ((mercy, vic), (luke, lea)):
        with workshop.scopes.open(system_actor(found)) as scope:
            arrived = scope.session.scalars(select(Study.id)).one()
        share_with(workshop.scopes, arrived, found, viewer_of)

    # Before signing, her hospital sees that it is being read and nothing of the draft.
    ward = seat(vic)
    ward.goto("/hospital")
    expect(ward.locator("main")).to_contain_text("Okafor")
    assert "Pneumonia" not in ward.content()
    sign_report(again, people["nora"])
    again.wait_for_url("**/reports/**", timeout=PATIENCE)
    expect(again.locator("main")).to_contain_text("Dr. Nora Quinn")

    # The hospital reads it, on screen and on paper.
    link = ward.locator("a[href^='/reports/']").first
    expect(link).to_be_visible(timeout=PATIENCE)
    link.click()
    expect(ward.locator("main")).to_contain_text("Pneumonia of the right lower lobe")
    report = re.sub(r"[?#].*", "", ward.url)
    paper = ward.context.request.get(f"{report}/report.pdf")
    assert paper.ok
    (tmp_path / "report.pdf").write_bytes(paper.body())
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "report.pdf").pages)
    for said in ("Okafor", "Pneumonia", "Dr. Nora Quinn", "UTC", "Night Owls Radiology"):
        assert said in text

    # The other hospital sees only its own, and the stranger nothing: not the list, not the page, not the pixels.
    other = seat(lea)
    other.goto("/hospital")
    expect(other.locator("main")).to_contain_text("Ferreira")
    assert "Okafor" not in other.content()
    stan = seat(people["stan"])
    stan.goto("/worklist")
    assert "Okafor" not in stan.content()
    assert "Ferreira" not in stan.content()
    context = re.search(r"ctx=([0-9a-f-]{36})", again.context.request.get(f"{reading}/images").text())
    assert context is not None
    with workshop.scopes.open(system_actor(mercy)) as scope:
        study = scope.session.scalars(select(Study)).one()
    own = f"{house.url}/dicom-web/{context[1]}/studies/{study.study_instance_uid}"
    assert again.context.request.get(f"{own}/series").ok
    for address in (reading, report, f"{report}/report.pdf", f"{own}/series", f"{own}/rendered"):
        for visitor in (stan, other):
            answer = visitor.context.request.get(address)
            unknown = visitor.context.request.get(re.sub(r"[0-9a-f]{8}(?=-)", "00000000", address, count=1))
            assert answer.status == unknown.status
            assert answer.status in {403, 404}
            assert "Okafor" not in answer.text()

    # From outside, the cells' HTTP answers nobody without a token.
    with workshop.scopes.open(system_actor(mercy)) as scope:
        port = scope.one(select(Cell)).http_port
    assert httpx.get(f"http://127.0.0.1:{port}/studies").status_code == 403
    shutil.rmtree(tmp_path)
