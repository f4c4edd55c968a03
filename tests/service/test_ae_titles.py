"""AE titles: registered by the hospital with what they may do, refused callers counted, nothing of another hospital in sight."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Missing
from sidecar.organisations import queries, service
from sidecar.organisations.errors import Taken, Unfit
from sidecar.organisations.events import EntityAdded, EntityChanged, EntityRemoved
from sidecar.organisations.model import Outcome
from tests.browser import Browser, alike
from tests.cast import Cast

Browse = Callable[..., Browser]
PACS = {
    "aet": "MERCY_PACS",
    "networks": "10.1.3.14\n10.8.0.0/16",
    "services": ["echo", "find", "move"],
    "host": "10.1.3.14",
    "port": "11112",
    "description": "Hospital PACS",
}


def refuse(
    scopes: Scopes,
    cast: Cast,
    count: int = 7,
    *,
    aet: str = "CT7",
    reason: Outcome = Outcome.UNKNOWN_AET,
    address: str = "10.1.2.3",
) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        seen = {"first_at": scope.now - timedelta(minutes=count), "last_at": scope.now}
        service.record_refusal(scope, aet=aet, address=address, reason=reason, count=count, **seen)


def test_an_ae_title_is_in_the_next_policy(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        before = queries.own_cell(scope).policy_revision
        entity = service.add_entity(scope, aet=" MERCY_CT1 ", networks=["10.1.2.14"], description="Scanner 1")
        assert [type(each) for each in scope.events] == [EntityAdded]
    assert (entity.aet, entity.networks, entity.services) == ("MERCY_CT1", ["10.1.2.14/32"], ["echo", "store"])
    with scopes.open(cast.owner.actor) as scope:
        assert queries.own_cell(scope).policy_revision == before + 1
        changed = {"networks": ["10.1.2.0/24"], "services": ["find", "echo"], "host": "CT2.Mercy.example.", "port": 104}
        service.change_entity(scope, entity.id, aet="MERCY_CT2", description="", **changed)
        (told,) = queries.callers(scope)
        assert (told.aet, told.services, told.host, told.port) == ("MERCY_CT2", ["echo", "find"], "ct2.mercy.example", 104)
        service.remove_entity(scope, entity.id)
        assert [type(each) for each in scope.events] == [EntityChanged, EntityRemoved]
    with scopes.open(cast.owner.actor) as scope:
        assert queries.own_cell(scope).policy_revision == before + 3
        assert queries.entities(scope) == []


def test_a_title_is_registered_once_and_nothing_else_is_lost(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        service.add_entity(scope, aet="CT", networks=["10.0.0.0/24"])
        with pytest.raises(Taken, match="registered already"):
            service.add_entity(scope, aet="CT", networks=["10.0.1.0/24"])
        service.add_sender(scope, aet="CT", network="10.0.1.0/24")
        service.add_sender(scope, aet="CT", network="10.0.1.0/24")
        (entity,) = queries.entities(scope)
        assert entity.networks == ["10.0.0.0/24", "10.0.1.0/24"]
        service.narrow_entity(scope, entity.id, network="10.0.0.0/24")
        with pytest.raises(Unfit, match="where it calls from"):
            service.narrow_entity(scope, entity.id, network="10.0.1.0/24")


def test_registering_forgets_what_it_explains_and_keeps_the_rest(scopes: Scopes, cast: Cast) -> None:
    refuse(scopes, cast)
    refuse(scopes, cast, reason=Outcome.WRONG_ADDRESS, address="10.1.2.99")
    refuse(scopes, cast, reason=Outcome.WRONG_CALLED_AET)
    refuse(scopes, cast, address="192.168.0.1")
    with scopes.open(cast.owner.actor) as scope:
        service.add_sender(scope, aet="CT7", network="10.1.2.0/24")
        left = {(row.address, row.reason) for row in queries.refusals(scope)}
    assert left == {("192.168.0.1", "unknown-aet"), ("10.1.2.3", "wrong-called-aet")}


def test_one_press_registers_one_takes_it_back_and_one_dismisses(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    refuse(scopes, cast, 14)
    technician = browse(cast.owner)
    page = technician.get("/admin/ae-titles").text
    assert "Unknown AE title CT7 from 10.1.2.3, 14 attempts" in page
    caller = {"aet": "CT7", "address": "10.1.2.3"}
    assert technician.post("/admin/ae-titles/register", data=caller).status_code == 302
    page = technician.get("/admin/ae-titles").text
    assert "10.1.2.3/32" in page
    assert "14 attempts" not in page
    technician.post("/admin/ae-titles/register", data={"aet": "CT7", "address": "10.9.9.8"})
    with scopes.open(cast.owner.actor) as scope:
        (entity,) = queries.entities(scope)
    assert f'action="/admin/ae-titles/{entity.id}/narrow"' in technician.get("/admin/ae-titles").text, (
        "undo takes one address back"
    )
    technician.post(f"/admin/ae-titles/{entity.id}/narrow", data={"network": "10.9.9.8"})
    with scopes.open(cast.owner.actor) as scope:
        assert queries.entity(scope, entity.id).networks == ["10.1.2.3/32"]
    refuse(scopes, cast, 3, address="10.9.9.9")
    assert technician.post("/admin/ae-titles/dismiss", data={"aet": "CT7", "address": "10.9.9.9"}).status_code == 302
    technician.get("/admin/ae-titles")  # tells the outcome once
    assert "10.9.9.9" not in technician.get("/admin/ae-titles").text


def test_a_caller_without_a_title_is_shown_with_the_reason_it_cannot_be_registered(
    browse: Browse, scopes: Scopes, cast: Cast
) -> None:
    refuse(scopes, cast, 1, aet="", address="10.7.7.7")
    technician = browse(cast.owner)
    page = technician.get("/admin/ae-titles").text
    assert "A caller without an AE title from 10.7.7.7, 1 attempt" in page
    assert "cannot be registered" in page
    assert ">Register<" not in page
    assert technician.post("/admin/ae-titles/register", data={"aet": "", "address": "10.7.7.7"}).status_code == 400
    assert technician.post("/admin/ae-titles/dismiss", data={"aet": "", "address": "10.7.7.7"}).status_code == 302


def test_adding_changing_and_removing_can_each_be_taken_back(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    technician = browse(cast.owner)
    assert technician.post("/admin/ae-titles", data=PACS).status_code == 302
    with scopes.open(cast.owner.actor) as scope:
        (entity,) = queries.entities(scope)
    page = f"/admin/ae-titles/{entity.id}"
    assert f'action="{page}/remove"' in technician.get(page).text.partition("Undo")[0], "adding is taken back by removing"
    assert technician.post(page, data=PACS | {"services": ["echo"], "networks": "10.1.3.14"}).status_code == 302
    told = technician.get(page).text
    assert 'name="services" value="echo find move"' in told
    assert 'name="networks" value="10.1.3.14/32 10.8.0.0/16"' in told
    technician.post(page, data=PACS | {"services": "echo find move", "networks": "10.1.3.14/32 10.8.0.0/16"})
    technician.post(f"{page}/remove")
    assert 'name="description" value="Hospital PACS"' in technician.get("/admin/ae-titles").text
    technician.post("/admin/ae-titles", data=PACS | {"services": "echo find move", "networks": "10.1.3.14/32 10.8.0.0/16"})
    with scopes.open(cast.owner.actor) as scope:
        (back,) = queries.callers(scope)
    assert (back.networks, back.services) == (["10.1.3.14/32", "10.8.0.0/16"], ["echo", "find", "move"])
    assert (back.host, back.port) == ("10.1.3.14", 11112)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("aet", "A" * 17, "at most 16"),
        ("aet", "CT\\1", "cannot hold"),
        ("networks", "10.1.2", "not an address or a range"),
        ("networks", "10.1.2.0/24, 10.1.2.5/24", "10.1.2.0/24"),
        ("networks", "0.0.0.0/0", "half the world"),
        ("services", [], "choose what it may do"),
        ("host", "no host!", "not an address or a host name"),
        ("host", "10.1.2.999", "not an address or a host name"),
        ("port", "", "Write the port"),
        ("port", "65536", "At most 65535"),
        ("port", "x", "whole number"),
    ],
)
def test_a_form_says_at_the_field_what_is_wrong(browse: Browse, cast: Cast, field: str, value: str, words: str) -> None:
    answer = browse(cast.owner).post("/admin/ae-titles", data=PACS | {"description": "kept as typed", field: value})
    assert answer.status_code == 400
    assert words in answer.text
    assert f'id="{field}-error"' in answer.text
    assert "kept as typed" in answer.text


def test_commitment_needs_a_way_back_and_an_entry_some_use(browse: Browse, cast: Cast) -> None:
    technician = browse(cast.owner)
    caller = PACS | {"host": "", "port": ""}
    assert "write its address and port" in technician.post("/admin/ae-titles", data=caller | {"services": "commitment"}).text
    assert "or where it is reached" in technician.post("/admin/ae-titles", data=caller | {"networks": ""}).text
    node = PACS | {"networks": "", "services": []}
    assert technician.post("/admin/ae-titles", data=node).status_code == 302


def test_the_sheet_names_ports_titles_and_services(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    technician = browse(cast.owner)
    technician.post("/admin/ae-titles", data=PACS)
    sheet = technician.get("/admin/connection").text
    assert "Echo, Find, Move" in sheet
    assert "Port with TLS" in sheet
    assert browse(cast.platform_admin).get(f"/admin/organisations/{cast.mercy}/connection").text.count("MERCY_PACS") == 0


def test_another_hospital_gets_what_an_unknown_id_gets(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        entity = service.add_sender(scope, aet="CT1", network="10.1.2.0/24")
    unknown = uuid4()
    for who in (cast.luke_technician, cast.luke_admin):
        stranger = browse(who)
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/remove"), ("POST", "/narrow"), ("POST", "/echo")):
            data = PACS | {"network": "10.1.2.0/24"} if method == "POST" else None
            theirs, nobodys = (stranger.ask(method, f"/admin/ae-titles/{each}{path}", data=data) for each in (entity.id, unknown))
            assert theirs.status_code == nobodys.status_code == 404
            assert alike(theirs, entity.id) == alike(nobodys, unknown)
    with scopes.open(cast.luke_technician.actor) as scope, pytest.raises(Missing):
        service.remove_entity(scope, entity.id)


@pytest.mark.parametrize("role", ["colleague", "own_radiologist", "reader", "nightowls_admin", "platform_admin", "stranger"])
def test_roles_without_the_permission_are_refused(browse: Browse, cast: Cast, role: str) -> None:
    visitor = browse(getattr(cast, role))
    for page in ("", "/associations", "/encryption", "/encryption/authority.pem"):
        assert visitor.get(f"/admin/ae-titles{page}").status_code == 403
    assert visitor.post("/admin/ae-titles", data=PACS).status_code == 403


def test_a_manager_looks_but_changes_nothing(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        entity = service.add_sender(scope, aet="CT1", network="10.1.2.0/24")
    manager = browse(cast.mercy_manager)
    for page in ("", "/associations", "/encryption", f"/{entity.id}"):
        answer = manager.get(f"/admin/ae-titles{page}")
        assert answer.status_code == 200
        assert "<form" not in answer.text.partition("<main")[2].partition("</main>")[0]
    assert manager.post("/admin/ae-titles", data=PACS).status_code == 403
    assert manager.post(f"/admin/ae-titles/{entity.id}/echo").status_code == 403
