"""Running the platform from the browser, with real cells: stop, start, restart, admit and refuse."""

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from sidecar.accounts.bootstrap import platform_id
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.machine import Workshop
from tests.cast import Person, make_person
from tests.doors.hospital import echoes, open_hospital, until

PATIENCE = 30_000


def test_an_archive_is_stopped_started_and_restarted(workshop: Workshop, seal: Seal, seat: Callable[[Person], Page]) -> None:
    cell = open_hospital(workshop, "CT1")
    platform = platform_id(workshop.scopes)
    admin = seat(make_person(workshop.scopes, seal, platform, OrganisationKind.PLATFORM, Role.ADMIN, "Pat Platform"))
    admin.goto(f"/admin/organisations/{cell.organisation_id}")
    state = admin.locator("#cell dd").first
    expect(state).to_contain_text("Running", timeout=PATIENCE)
    admin.get_by_role("button", name="Stop").click()
    expect(state).to_contain_text("Stopped", timeout=PATIENCE)
    assert not echoes(cell, "CT1")
    admin.reload()
    admin.get_by_role("button", name="Start").click()
    expect(state).to_contain_text("Running", timeout=PATIENCE)
    until(lambda: echoes(cell, "CT1"), 10, "the started cell does not answer")
    admin.get_by_role("button", name="Restart").click()
    expect(state).to_contain_text("Restarting", timeout=PATIENCE)
    expect(state).to_contain_text("Running", timeout=PATIENCE)
    until(lambda: echoes(cell, "CT1"), 10, "the restarted cell does not answer")


def test_a_sender_is_admitted_and_refused_within_seconds(workshop: Workshop, seal: Seal, seat: Callable[[Person], Page]) -> None:
    cell = open_hospital(workshop, "CT1")
    person = make_person(
        workshop.scopes, seal, cell.organisation_id, OrganisationKind.PROVIDER, Role.TECHNICIAN, "Tess Technician"
    )
    technician = seat(person)
    technician.goto("/admin/ae-titles/new")
    technician.fill("#aet", "MR2")
    technician.fill("#networks", "127.0.0.1")
    technician.get_by_role("button", name="Register", exact=True).click()
    began = time.monotonic()
    until(lambda: echoes(cell, "MR2"), 10, "the registered sender is not admitted")
    print(f"admitted after {time.monotonic() - began:.1f} s")  # noqa: T201 - a measurement for the log
    technician.get_by_role("button", name="Remove", exact=True).click()
    until(lambda: not echoes(cell, "MR2"), 10, "the removed sender is still admitted")
    technician.get_by_role("button", name="Undo").click()
    until(lambda: echoes(cell, "MR2"), 10, "the sender taken back is not admitted")
    assert technician.faults == []  # type: ignore[attr-defined]
