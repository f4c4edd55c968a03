"""A contract that is over: what came under it is read to its end, and nothing that comes afterwards is seen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from typing import cast as typed
from uuid import UUID

import pytest
from sqlalchemy import select

from sidecar.assignment.jobs import end_contracts
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow
from sidecar.notifications.tables import Notification
from sidecar.organisations import service as organisations
from sidecar.organisations.model import Priors
from sidecar.organisations.tables import Contract, Organisation
from sidecar.studies import access, deletion, queries
from sidecar.studies import service as studies
from sidecar.studies.jobs import route_all
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.factories.studies import Made, make_study
from tests.service.test_reading_end import agree, routed, sees
from tests.service.test_take_back import agreed

Browse = Callable[[Person | None], Browser]
LAST = date(2026, 3, 10)
"""A last day in Berlin: its midnights are at 23:00 UTC."""


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_what_comes_after_the_end_is_not_lent_for_what_is_left_unsigned(cast: Cast, scopes: Scopes, zone: str) -> None:
    """Else a group that signs one study never would be shown every later one of its patient for good."""
    agree(scopes, cast, Priors.ALL)
    with scopes.open(cast.platform_admin.actor) as scope:
        scope.one(select(Organisation).where(Organisation.id == cast.mercy)).zone = zone
    unsigned = routed(scopes, cast)
    with scopes.open(system_actor(cast.mercy)) as scope:
        today = queries.arrival_day(scope, queries.get(scope, unsigned.id))
    with scopes.open(cast.platform_admin.actor) as scope:
        contract = scope.session.scalars(select(Contract.id).where(Contract.organisation_id == cast.mercy)).one()
        organisations.end_contract(scope, contract, ends_on=today)
        over = queries.day_is_over(scope, cast.mercy, today)
    last, next_day = (
        make_study(scopes, cast.mercy, arrived_at=over + ahead, last_image_at=over + ahead, patient_name="CANARY^LATER")
        for ahead in (timedelta(seconds=-1), timedelta(seconds=1))
    )
    for each in (last, next_day):
        with scopes.open(system_actor(cast.mercy)) as scope:
            access.lend_priors(scope, each.id)
    assert sees(scopes, cast.reader.actor, unsigned.id)
    assert sees(scopes, cast.reader.actor, last.id)
    for person in (cast.reader, cast.lead, cast.stranger):
        assert not sees(scopes, person.actor, next_day.id)


@pytest.fixture
def ending(cast: Cast, scopes: Scopes) -> Callable[..., None]:
    """Let Mercy's contract end, and be in Berlin."""

    def end(**hours: int) -> None:
        with scopes.open(cast.platform_admin.actor) as scope:
            scope.one(select(Organisation).where(Organisation.id == cast.mercy)).zone = "Europe/Berlin"
            contract = scope.session.scalars(select(Contract.id).where(Contract.organisation_id == cast.mercy)).one()
            organisations.end_contract(scope, contract, ends_on=LAST)
            organisations.set_terms(scope, contract, reading_hours=72, priors=Priors.ALL, **hours)

    return end


def at(scopes: Scopes, day: int, hour: int, minute: int = 0) -> Scopes:
    return replace(scopes, clock=lambda: datetime(2026, 3, day, hour, minute, tzinfo=UTC))


def worker_runs(scopes: Scopes) -> None:
    end_contracts(typed("Workshop", SimpleNamespace(scopes=scopes)))


def arrived(scopes: Scopes, cast: Cast, day: int, **elements: Any) -> Made:
    """Route what came that day, then."""
    moment = datetime(2026, 3, day, 9, tzinfo=UTC)
    study = make_study(scopes, cast.mercy, arrived_at=moment, last_image_at=moment, **elements)
    with at(scopes, day, 9).open(system_actor(cast.mercy)) as scope:
        studies.route(scope, study.id)
    return study


def told(scopes: Scopes, person: Person) -> list[str]:
    with scopes.open(person.actor) as scope:
        return list(scope.session.scalars(select(Notification.text).order_by(Notification.created_at, Notification.id)))


def test_what_a_contracts_end_leaves_unsigned_goes_back(
    cast: Cast, scopes: Scopes, browse: Browse, ending: Callable[..., None]
) -> None:
    ending()
    older = make_study(scopes, cast.mercy, arrived_at=datetime(2026, 1, 1, tzinfo=UTC), status="final")
    left, signed, hidden = arrived(scopes, cast, 8), arrived(scopes, cast, 9, patient_id="P2"), arrived(scopes, cast, 10)
    elsewhere = make_study(scopes, cast.luke, reading=cast.nightowls)
    with scopes.open(system_actor(cast.mercy)) as scope:
        queries.get(scope, signed.id).status = "final"
        deletion.hide(scope, queries.get(scope, hidden.id))
    insiders = (cast.mercy_manager, cast.mercy_admin, cast.lead, cast.nightowls_admin)
    outsiders = (cast.reader, cast.owner, cast.luke_manager, cast.strange_manager, cast.strange_admin)

    worker_runs(at(scopes, 9, 22, 59))
    assert told(scopes, cast.mercy_manager) == []
    for _twice in range(2):
        worker_runs(at(scopes, 9, 23))
    for person, other in ((cast.mercy_manager, "Night Owls"), (cast.lead, "Mercy Hospital")):
        (first,) = told(scopes, person)
        assert f"Your contract with {other}" in first
        assert "ends with 2026-03-10. 2 studies are not signed yet" in first
        assert "what is unsigned on 2026-03-12 00:00 (Europe/Berlin) goes back" in first
    worker_runs(at(scopes, 11, 22, 59))
    for each in (left, older):
        assert sees(at(scopes, 11, 22, 59), cast.reader.actor, each.id)

    for _twice in range(2):
        worker_runs(at(scopes, 11, 23))
    for each in (left, older):
        for actor in (cast.reader.actor, cast.lead.actor, cast.stranger.actor):
            assert not sees(scopes, actor, each.id)
    assert sees(scopes, cast.reader.actor, signed.id)
    assert sees(scopes, cast.reader.actor, elsewhere.id)
    assert [len(told(scopes, person)) for person in insiders] == [2, 2, 2, 2]
    assert [told(scopes, person) for person in outsiders] == [[], [], [], [], []]
    assert told(scopes, cast.mercy_admin)[1].endswith("2 unsigned studies went back to you, to be read by somebody else.")
    assert told(scopes, cast.lead)[1].endswith("has ended. 2 unsigned studies went back to the hospital.")
    listed = browse(cast.mercy_manager).get("/hospital?state=back").text
    assert f"study-{left.id}" in listed
    assert f"study-{signed.id}" not in listed
    with scopes.open(system_actor(cast.mercy)) as scope:
        waiting = queries.get(scope, left.id)
        assert (waiting.reading_organisation_id, waiting.due_at) == (None, waiting.arrived_at + timedelta(days=1))
    for party in (cast.mercy, cast.nightowls):
        with scopes.open(system_actor(party)) as scope:
            (body,) = scope.session.scalars(select(JournalRow.body).where(JournalRow.kind == "organisations.contract.closed"))
            assert '"studies":2' in body
    # It is not given back by the contract that is over, deleted or not, nor offered to whom it was before.
    with scopes.open(cast.owner.actor) as scope, deletion.seeing_deleted(scope):
        deletion.show_again(scope, queries.get(scope, hidden.id))
    route_all(at(scopes, 12, 0), cast.mercy)
    for each in (left, hidden):
        assert not sees(scopes, cast.reader.actor, each.id)


@pytest.mark.parametrize(("hours", "moment"), [(0, (10, 23, 0)), (100, (15, 3, 0))])
def test_the_contract_says_how_long_its_readers_may_finish(
    cast: Cast, scopes: Scopes, ending: Callable[..., None], hours: int, moment: tuple[int, int, int]
) -> None:
    ending(finishing_hours=hours)
    study = arrived(scopes, cast, 9)
    day, hour, minute = moment
    worker_runs(at(scopes, day, hour - 1, 59))
    assert sees(scopes, cast.reader.actor, study.id)
    worker_runs(at(scopes, day, hour, minute))
    assert not sees(scopes, cast.reader.actor, study.id)


def test_what_the_next_contract_of_the_same_two_covers_stays(cast: Cast, scopes: Scopes, ending: Callable[..., None]) -> None:
    ending()
    ct, mr = arrived(scopes, cast, 9), arrived(scopes, cast, 9, modalities_in_study=["MR"])
    agreed(scopes, cast, cast.nightowls, modalities=["CT"], starts_on=date(2026, 3, 11))
    worker_runs(at(scopes, 10, 12))
    assert "1 study is not signed yet" in told(scopes, cast.lead)[0]
    worker_runs(at(scopes, 12, 12))
    assert sees(scopes, cast.reader.actor, ct.id)
    assert not sees(scopes, cast.reader.actor, mr.id)
    assert "1 unsigned study went back" in told(scopes, cast.lead)[1]


def test_a_later_contract_gets_what_waits_even_with_the_same_group(
    cast: Cast, scopes: Scopes, ending: Callable[..., None]
) -> None:
    ending()
    study = arrived(scopes, cast, 9)
    worker_runs(at(scopes, 12, 12))
    route_all(at(scopes, 13, 12), cast.mercy)
    assert not sees(scopes, cast.reader.actor, study.id)
    agreed(scopes, cast, cast.nightowls, starts_on=date(2026, 3, 14))
    for day, seen in ((13, False), (14, True)):
        route_all(at(scopes, day, 12), cast.mercy)
        assert sees(scopes, cast.reader.actor, study.id) is seen
    assert not sees(scopes, cast.stranger.actor, study.id)


def test_an_end_that_is_moved_is_told_of_again_and_one_taken_back_ends_nothing(
    cast: Cast, scopes: Scopes, ending: Callable[..., None]
) -> None:
    ending()
    study = arrived(scopes, cast, 9)
    worker_runs(at(scopes, 10, 12))
    with scopes.open(cast.platform_admin.actor) as scope:
        contract = scope.session.scalars(select(Contract.id).where(Contract.organisation_id == cast.mercy)).one()
        organisations.end_contract(scope, contract, ends_on=None)
    worker_runs(at(scopes, 20, 12))
    assert sees(scopes, cast.reader.actor, study.id)
    with scopes.open(cast.platform_admin.actor) as scope:
        organisations.end_contract(scope, contract, ends_on=date(2026, 3, 21))
    worker_runs(at(scopes, 21, 12))
    assert [each.count("1 study is not signed yet") for each in told(scopes, cast.lead)] == [1, 1]
    worker_runs(at(scopes, 24, 12))
    assert not sees(scopes, cast.reader.actor, study.id)


def test_the_page_of_contracts_says_how_long_they_may_finish(cast: Cast, browse: Browse, ending: Callable[..., None]) -> None:
    ending()
    platform = browse(cast.platform_admin)
    for person in (cast.mercy_manager, cast.lead):
        page = browse(person).get("/admin/contracts").text
        assert "24 h to finish after the last day" in page
        assert "then what is unsigned goes back" in page
    contract = platform.get("/admin/contracts").text.partition("terms-")[2].partition('"')[0]
    assert platform.get("/admin/contracts/new").text.count('name="finishing_hours"') == 1
    assert UUID(contract)


def test_the_hours_to_finish_are_the_platforms_to_set(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        contract = scope.session.scalars(select(Contract.id).where(Contract.organisation_id == cast.mercy)).one()
    path = f"/admin/contracts/{contract}/terms"
    terms = {"reading_hours": "72", "priors": "read"}
    assert browse(cast.platform_admin).post(path, data=terms | {"finishing_hours": "721"}).status_code == 400
    assert browse(cast.platform_admin).post(path, data=terms | {"finishing_hours": "48"}).status_code == 302
    assert browse(cast.platform_admin).post(path, data=terms).status_code == 302  # as it is
    for person in (cast.mercy_manager, cast.lead, cast.strange_manager):
        assert browse(person).post(path, data=terms | {"finishing_hours": "1"}).status_code == 403
    with scopes.open(cast.mercy_manager.actor) as scope:
        assert scope.session.scalars(select(Contract.finishing_hours).where(Contract.id == contract)).one() == 48
