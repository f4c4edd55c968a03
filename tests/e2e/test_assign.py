"""A lead gives a study to a reader from the list, and takes it back."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from sidecar.adapters.seals import Seal
from sidecar.gate.machine import Workshop
from tests.cast import Person, make_cast
from tests.factories.studies import make_study


def test_a_lead_assigns_and_undoes_it(workshop: Workshop, seal: Seal, seat: Callable[[Person], Page]) -> None:
    cast = make_cast(workshop.scopes, seal, cells="stopped")
    study = make_study(workshop.scopes, cast.mercy, reading=cast.nightowls, patient_name="Assign^Anna")
    lead, reader = seat(cast.lead), seat(cast.reader)
    for page in (lead, reader):
        page.goto("/worklist")
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
    row = lead.locator(f"#study-{study.id}")
    row.locator(".c-study").click()
    lead.keyboard.press("a")
    expect(lead.locator("#assign")).to_be_visible()
    lead.get_by_label("Dr. Nora Reader").check()
    lead.locator("#assign").get_by_role("button", name="Assign", exact=True).click()
    expect(row.locator(".c-assigned")).to_contain_text("Dr. Nora Reader")
    expect(reader.locator(f"#study-{study.id} .c-assigned")).to_contain_text("You", timeout=15_000)
    lead.get_by_role("button", name="Undo").click()
    expect(row.locator(".c-assigned")).not_to_contain_text("Nora")
    expect(reader.locator(f"#study-{study.id} .c-assigned")).to_contain_text("Claim", timeout=15_000)
