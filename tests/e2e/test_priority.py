"""A technician changes how urgent a study is, takes it back, and the reader's list follows by itself."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from sidecar.adapters.seals import Seal
from sidecar.gate.machine import Workshop
from tests.cast import Person, make_cast, share_with
from tests.factories.studies import make_study


def test_a_technician_sets_the_urgency_and_undoes_it(workshop: Workshop, seal: Seal, seat: Callable[[Person], Page]) -> None:
    cast = make_cast(workshop.scopes, seal, cells="stopped")
    study = make_study(workshop.scopes, cast.mercy, reading=cast.nightowls, patient_name="Urgent^Ursula")
    reader = seat(cast.reader)
    reader.goto("/worklist")
    expect(reader.locator("#live")).to_have_attribute("data-state", "live")
    row = reader.locator(f"#study-{study.id}")
    expect(row).to_have_attribute("data-urgency", "4")

    technician = seat(cast.owner)
    technician.goto("/hospital")
    own = technician.locator(f"#study-{study.id}")
    own.locator(".set-priority > summary").click()
    stat = own.get_by_role("button", name="STAT", exact=True)
    expect(stat).to_be_in_viewport()
    stat.click()
    expect(own).to_have_attribute("data-urgency", "1")
    expect(row).to_have_attribute("data-urgency", "1", timeout=15_000)
    technician.get_by_role("button", name="Undo").click()
    expect(own).to_have_attribute("data-urgency", "4")
    expect(row).to_have_attribute("data-urgency", "4", timeout=15_000)

    share_with(workshop.scopes, study.id, cast.mercy, cast.colleague)
    viewer = seat(cast.colleague)
    viewer.goto("/hospital")
    expect(viewer.locator(f"#study-{study.id}")).to_be_visible()
    expect(viewer.locator(".set-priority")).to_have_count(0)
    stranger = seat(cast.strange_technician)
    stranger.goto("/hospital")
    assert "Ursula" not in stranger.content()


def test_on_a_phone_nothing_lies_over_the_controls_of_a_card(
    workshop: Workshop, seal: Seal, seat: Callable[[Person], Page]
) -> None:
    cast = make_cast(workshop.scopes, seal, cells="stopped")
    study = make_study(workshop.scopes, cast.mercy, reading=cast.nightowls)
    page = seat(cast.owner)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/hospital")
    card = page.locator(f"#study-{study.id}")
    card.locator("td.actions a").first.click(trial=True, timeout=20_000)
    card.locator(".set-priority > summary").click(timeout=20_000)
    card.get_by_role("button", name="Urgent", exact=True).click(timeout=20_000)
    expect(card).to_have_attribute("data-urgency", "2")
