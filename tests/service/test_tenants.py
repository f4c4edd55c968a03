"""Tenants and contracts: a hospital is added with its archive at once, both parties see their contract and nobody else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from sidecar.gate.actor import OrganisationKind
from sidecar.gate.scope import Scopes
from sidecar.gate.stepup import FRESH
from sidecar.kernel.errors import Conflict, Denied, Missing
from sidecar.kernel.settings import PortRange
from sidecar.organisations import queries, service
from sidecar.organisations.errors import Taken
from sidecar.organisations.events import CellWanted, ContractCreated, ContractEndSet, OrganisationCreated
from sidecar.organisations.model import Places
from sidecar.organisations.tables import Cell, Contract, Organisation
from tests.browser import Browser, alike
from tests.cast import Cast, Person

Browse = Callable[[Person | None], Browser]
PLACES = Places(*(PortRange(first, first + 999) for first in (40000, 41000, 43000, 44000)))
TURNAROUND = {"stat": 60, "urgent": 240, "routine": 1440}


def hospital_form(**changes: str) -> dict[str, str]:
    return {"name": f"Hospital {uuid4().hex[:8]}", "zone": "Europe/Berlin", "letterhead": "", "aet": "", **changes}


def test_a_hospital_comes_with_its_cell(scopes: Scopes, cast: Cast) -> None:
    name = f"Mercy {uuid4().hex[:8]}"
    with scopes.open(cast.platform_admin.actor) as scope:
        cell = service.add_hospital(scope, name=name, places=PLACES, letterhead="1 Main Street", free=lambda _port: True)
        assert [type(each) for each in scope.events] == [OrganisationCreated, CellWanted]
    assert cell.aet.startswith("MERCY_")
    assert PLACES.dicom.first <= cell.dicom_port <= PLACES.dicom.last
    assert PLACES.http.first <= cell.http_port <= PLACES.http.last
    assert PLACES.inner_dicom.first <= cell.inner_dicom_port <= PLACES.inner_dicom.last
    assert PLACES.dicom_tls.first <= cell.dicom_tls_port <= PLACES.dicom_tls.last
    assert cell.plain_allowed


def test_a_port_in_use_is_passed_over_and_a_full_range_changes_nothing(scopes: Scopes, cast: Cast) -> None:
    name = f"Full {uuid4().hex[:8]}"
    nowhere = Places(*(PortRange(first, first + 1) for first in (42000, 42002, 42004, 42006)))
    with scopes.open(cast.platform_admin.actor) as scope:
        cell = service.add_hospital(scope, name=f"In use {name}", places=PLACES, free=lambda port: port % 2 == 1)
        assert cell.dicom_port % 2 == cell.http_port % 2 == 1
    with pytest.raises(Conflict, match="42000 to 42001"), scopes.open(cast.platform_admin.actor) as scope:
        service.add_hospital(scope, name=name, places=nowhere, free=lambda _port: False)
    with scopes.open(cast.platform_admin.actor) as scope:
        assert scope.session.scalars(select(Organisation).where(Organisation.name == name)).all() == []


def test_hospitals_added_at_once_never_share_a_port(scopes: Scopes, cast: Cast) -> None:
    def add(number: int) -> tuple[int, int, str]:
        with scopes.open(cast.platform_admin.actor) as scope:
            name = f"Twin {uuid4().hex[:6]} {number}"
            cell = service.add_hospital(scope, name=name, places=PLACES, free=lambda _port: True)
            return cell.dicom_port, cell.http_port, cell.aet

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(add, range(6)))
    for column in zip(*made, strict=True):
        assert len(set(column)) == 6


def test_names_and_titles_are_one_organisations_own(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.platform_admin.actor) as scope:
        other = queries.organisation(scope, cast.luke)
        with pytest.raises(Taken, match="already"):
            service.add_hospital(scope, name=other.organisation.name, places=PLACES, free=lambda _port: True)
    with pytest.raises(Taken, match="AE title"), scopes.open(cast.platform_admin.actor) as scope:
        service.add_hospital(scope, name=uuid4().hex, places=PLACES, aet="MERCY", free=lambda _port: True)
    with scopes.open(cast.mercy_admin.actor) as scope, pytest.raises(Denied):
        service.create_organisation(scope, kind=OrganisationKind.PROVIDER, name=uuid4().hex)


def test_adding_a_hospital_in_the_browser_ends_on_its_page(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    platform = browse(cast.platform_admin)
    form = hospital_form(aet=f"T{uuid4().hex[:8]}")
    answer = platform.post("/admin/hospitals", data=form)
    assert answer.status_code == 302
    page = platform.get(answer.location).text
    assert "Starting" in page
    assert form["aet"] in page
    assert "hx-trigger" in page
    sheet = platform.get(f"{answer.location}/connection").text
    assert form["aet"] in sheet
    organisation_id = UUID(answer.location.rsplit("/", 1)[1])
    with scopes.open(cast.platform_admin.actor) as scope:
        cell = scope.session.scalars(select(Cell).where(Cell.organisation_id == organisation_id)).one()
    assert str(cell.dicom_port) in sheet


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "  ", "Fill this in."),
        ("zone", "Mars/One", "time zone"),
        ("aet", "A" * 17, "at most 16"),
        ("aet", "MERCY", "AE title"),
    ],
)
def test_the_hospital_form_explains(browse: Browse, cast: Cast, field: str, value: str, words: str) -> None:
    answer = browse(cast.platform_admin).post("/admin/hospitals", data=hospital_form(letterhead="kept", **{field: value}))
    assert answer.status_code in {400, 409}
    assert words in answer.text
    assert f'id="{field}-error"' in answer.text
    assert "kept" in answer.text


def test_editing_keeps_names_apart(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    platform = browse(cast.platform_admin)
    here = f"/admin/organisations/{cast.mercy}"
    with scopes.open(cast.platform_admin.actor) as scope:
        luke = queries.organisation(scope, cast.luke).organisation.name
    assert platform.post(f"{here}/edit", data={"name": luke, "zone": "UTC", "letterhead": ""}).status_code == 409
    name = f"Mercy {uuid4().hex[:8]}"
    assert platform.post(f"{here}/edit", data={"name": name, "zone": "Asia/Tokyo", "letterhead": "New"}).status_code == 302
    assert name in platform.get(here).text


def test_a_contract_tells_both_parties(scopes: Scopes, cast: Cast) -> None:
    today = date(2026, 11, 21)
    with scopes.open(cast.platform_admin.actor) as scope:
        made = service.create_contract(
            scope,
            provider_id=cast.third,
            reading_id=cast.strangers,
            modalities=["MR", "CT"],
            turnaround_minutes=TURNAROUND,
            starts_on=today,
        )
        assert {each.organisation_id for each in scope.events if isinstance(each, ContractCreated)} == {
            cast.third,
            cast.strangers,
        }
        with pytest.raises(Conflict, match="already have a contract"):
            service.create_contract(
                scope,
                provider_id=cast.third,
                reading_id=cast.strangers,
                modalities=["CT"],
                turnaround_minutes=TURNAROUND,
                starts_on=today,
            )
        service.create_contract(
            scope,
            provider_id=cast.third,
            reading_id=cast.strangers,
            modalities=["US"],
            turnaround_minutes=TURNAROUND,
            starts_on=today,
        )
    assert made.modalities == ["CT", "MR"]
    for party in (cast.strange_admin, cast.strange_manager):
        with scopes.open(party.actor) as scope:
            assert len(queries.contracts(scope)) == 2
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert made.id not in {view.contract.id for view in queries.contracts(scope)}


def test_a_contract_ends_and_may_be_taken_back(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.platform_admin.actor) as scope:
        (view,) = queries.contracts(scope, party=cast.mercy)
        yesterday = scope.now.date() - timedelta(days=1)
        service.end_contract(scope, view.contract.id, ends_on=yesterday)
        assert {each.organisation_id for each in scope.events if isinstance(each, ContractEndSet)} == {cast.mercy, cast.nightowls}
        assert queries.contracts(scope, party=cast.mercy)[0].ended
        service.end_contract(scope, view.contract.id, ends_on=None)
        assert queries.contracts(scope, party=cast.mercy)[0].in_force
    with scopes.open(cast.mercy_admin.actor) as scope, pytest.raises(Denied):
        service.end_contract(scope, view.contract.id, ends_on=yesterday)
    with scopes.open(cast.strange_admin.actor) as scope, pytest.raises(Missing):
        queries.contract(scope, view.contract.id)


def test_a_contract_joins_a_hospital_and_a_reading_group(scopes: Scopes, cast: Cast) -> None:
    for provider, reader in ((cast.nightowls, cast.mercy), (cast.mercy, cast.luke), (uuid4(), cast.nightowls)):
        with pytest.raises(Missing), scopes.open(cast.platform_admin.actor) as scope:
            service.create_contract(
                scope,
                provider_id=provider,
                reading_id=reader,
                modalities=None,
                turnaround_minutes=TURNAROUND,
                starts_on=date(2026, 1, 1),
            )


def test_contract_pages(browse: Browse, cast: Cast) -> None:
    platform = browse(cast.platform_admin)
    form = {"provider_id": str(cast.third), "reading_id": "", "stat": "1", "urgent": "240", "routine": "x", "starts_on": "soon"}
    answer = platform.post("/admin/contracts", data=form)
    assert answer.status_code == 400
    for words in ("Choose one from the list.", "At least 5.", "Write a whole number.", "Write a date"):
        assert words in answer.text
    good = form | {
        "reading_id": str(cast.strangers),
        "stat": "30",
        "routine": "1440",
        "starts_on": "2026-11-21",
        "modalities": "CT",
    }
    assert platform.post("/admin/contracts", data=good).status_code == 302
    assert platform.post("/admin/contracts", data=good).status_code == 409
    page = browse(cast.strange_admin).get("/admin/contracts").text
    assert "STAT 30 min" in page
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]


def test_who_reads_a_hospital_is_decided_with_a_second_factor_proved_moments_ago(
    browse: Browse, scopes: Scopes, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract gives a hospital's new patients to a reading group: a session found open makes, widens and prolongs none."""
    thief, clock = browse(cast.platform_admin), scopes.clock
    with scopes.open(cast.platform_admin.actor) as scope:
        known = scope.session.scalars(select(Contract.id).where(Contract.organisation_id == cast.mercy)).one()
    monkeypatch.setattr(scopes, "clock", lambda: clock() + FRESH + timedelta(seconds=1))
    new = {
        "provider_id": cast.luke, "reading_id": cast.strangers, "starts_on": "2026-01-01", "stat": "60", "urgent": "240",
        "routine": "1440", "reading_hours": "72", "priors": "all", "finishing_hours": "24",
    }  # fmt: skip
    terms = {"reading_hours": "8760", "priors": "all", "finishing_hours": "720"}
    for path, form in (("", new), (f"/{known}/terms", terms), (f"/{known}/end", {"ends_on": ""})):
        refused = thief.post(f"/admin/contracts{path}", data=form, headers={"Accept": "application/json"})
        assert (refused.status_code, refused.json["code"]) == (401, "step-up"), path
    with scopes.open(cast.platform_admin.actor) as scope:
        made = select(Contract.reading_hours).where(Contract.organisation_id.in_([cast.mercy, cast.luke]))
        assert set(scope.session.scalars(made)) == {72}


def test_strangers_get_403_or_the_same_404(browse: Browse, cast: Cast) -> None:
    for who in (cast.mercy_admin, cast.lead, cast.owner):
        assert browse(who).get(f"/admin/organisations/{cast.luke}").status_code == 403
        assert browse(who).post("/admin/contracts", data={}).status_code == 403
    platform, unknown = browse(cast.platform_admin), uuid4()
    for path in ("", "/edit", "/cell", "/connection"):
        assert platform.get(f"/admin/organisations/{unknown}{path}").status_code == 404
    # A reading group has no cell: the same as an unknown one.
    theirs, nobodys = (platform.get(f"/admin/organisations/{each}/connection") for each in (cast.nightowls, unknown))
    assert alike(theirs, cast.nightowls) == alike(nobodys, unknown)
