"""Who may send: registered by the hospital, refused callers counted, nothing of another hospital in sight."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Missing
from sidecar.organisations import queries, service
from sidecar.organisations.errors import Taken
from sidecar.organisations.events import SenderAdded, SenderRefused
from sidecar.organisations.model import Refusal
from tests.browser import Browser, alike
from tests.cast import Cast

Browse = Callable[..., Browser]


def refuse(
    scopes: Scopes, cast: Cast, count: int = 7, *, reason: Refusal = Refusal.UNKNOWN_AET, address: str = "10.1.2.3"
) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        seen = {"first_at": scope.now - timedelta(minutes=count), "last_at": scope.now}
        service.record_refusal(scope, aet="CT7", address=address, reason=reason, count=count, **seen)


def test_a_registered_sender_is_in_the_next_policy(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        before = queries.own_cell(scope).policy_revision
        sender = service.add_sender(scope, aet=" MERCY_CT1 ", network="10.1.2.14", description="Scanner 1")
    assert (sender.aet, sender.network) == ("MERCY_CT1", "10.1.2.14/32")
    assert [type(each) for each in scope.events] == [SenderAdded]
    with scopes.open(cast.owner.actor) as scope:
        assert queries.own_cell(scope).policy_revision == before + 1
        service.change_sender(scope, sender.id, aet="MERCY_CT2", network="10.1.2.0/24", description="")
        service.remove_sender(scope, sender.id)
    with scopes.open(cast.owner.actor) as scope:
        assert queries.own_cell(scope).policy_revision == before + 3
        assert queries.senders(scope) == []


def test_the_same_title_and_network_is_taken_and_nothing_else_is_lost(scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        service.add_sender(scope, aet="CT", network="10.0.0.0/24")
        with pytest.raises(Taken, match="already registered"):
            service.add_sender(scope, aet="CT", network="10.0.0.0/24")
        service.add_sender(scope, aet="CT", network="10.0.1.0/24")
        assert len(queries.senders(scope)) == 2


def test_refusals_are_counted_and_only_the_first_is_an_event(scopes: Scopes, cast: Cast) -> None:
    for count, events in ((7, [SenderRefused]), (7, []), (1, [])):
        with scopes.open(system_actor(cast.mercy)) as scope:
            service.record_refusal(
                scope,
                aet="CT7",
                address="10.1.2.3",
                reason=Refusal.UNKNOWN_AET,
                count=count,
                first_at=scope.now,
                last_at=scope.now,
            )
            assert [type(each) for each in scope.events] == events
    with scopes.open(cast.owner.actor) as scope:
        (row,) = queries.refusals(scope)
        assert (row.aet, row.address, row.attempts) == ("CT7", "10.1.2.3", 15)
        assert row.first_at < row.last_at
    with scopes.open(cast.luke_technician.actor) as scope:
        assert queries.refusals(scope) == []


def test_registering_forgets_what_it_explains_and_keeps_the_rest(scopes: Scopes, cast: Cast) -> None:
    refuse(scopes, cast)
    refuse(scopes, cast, reason=Refusal.WRONG_ADDRESS, address="10.1.2.99")
    refuse(scopes, cast, reason=Refusal.WRONG_CALLED_AET)
    refuse(scopes, cast, address="192.168.0.1")
    with scopes.open(cast.owner.actor) as scope:
        service.add_sender(scope, aet="CT7", network="10.1.2.0/24")
        left = {(row.address, row.reason) for row in queries.refusals(scope)}
    assert left == {("192.168.0.1", "unknown-aet"), ("10.1.2.3", "wrong-called-aet")}


def test_one_press_registers_and_one_dismisses(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    refuse(scopes, cast, 14)
    technician = browse(cast.owner)
    page = technician.get("/admin/senders").text
    assert "CT7" in page
    assert "14 attempts" in page
    caller = {"aet": "CT7", "address": "10.1.2.3"}
    assert technician.post("/admin/senders/register", data=caller).status_code == 302
    page = technician.get("/admin/senders").text
    assert "10.1.2.3/32" in page
    assert "14 attempts" not in page
    refuse(scopes, cast, 3, address="10.9.9.9")
    assert technician.post("/admin/senders/dismiss", data={"aet": "CT7", "address": "10.9.9.9"}).status_code == 302
    technician.get("/admin/senders")  # tells the outcome once
    assert "10.9.9.9" not in technician.get("/admin/senders").text


def test_removing_offers_to_take_it_back(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    technician = browse(cast.owner)
    sender = {"aet": "MERCY_CT1", "network": "10.1.2.0/24", "description": "Scanner 1"}
    assert technician.post("/admin/senders", data=sender).status_code == 302
    with scopes.open(cast.owner.actor) as scope:
        (row,) = queries.senders(scope)
    technician.post(f"/admin/senders/{row.id}/remove")
    page = technician.get("/admin/senders").text
    assert "Undo" in page
    assert 'value="Scanner 1"' in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("aet", "A" * 17, "at most 16"),
        ("aet", "CT\\1", "cannot hold"),
        ("network", "10.1.2", "not an address or a range"),
        ("network", "10.1.2.5/24", "10.1.2.0/24"),
        ("network", "0.0.0.0/0", "half the world"),
    ],
)
def test_a_form_says_at_the_field_what_is_wrong(browse: Browse, cast: Cast, field: str, value: str, words: str) -> None:
    sent = {"aet": "CT1", "network": "10.1.2.0/24", "description": "kept as typed", field: value}
    answer = browse(cast.owner).post("/admin/senders", data=sent)
    assert answer.status_code == 400
    assert words in answer.text
    assert f'id="{field}-error"' in answer.text
    assert "kept as typed" in answer.text


def test_another_hospital_gets_what_an_unknown_id_gets(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        sender = service.add_sender(scope, aet="CT1", network="10.1.2.0/24")
    unknown = uuid4()
    good = {"aet": "X", "network": "10.0.0.1", "description": ""}
    for who in (cast.luke_technician, cast.luke_admin):
        stranger = browse(who)
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/remove")):
            theirs = stranger.ask(method, f"/admin/senders/{sender.id}{path}", data=good if method == "POST" else None)
            nobodys = stranger.ask(method, f"/admin/senders/{unknown}{path}", data=good if method == "POST" else None)
            assert theirs.status_code == nobodys.status_code == 404
            assert alike(theirs, sender.id) == alike(nobodys, unknown)
    with scopes.open(cast.luke_technician.actor) as scope, pytest.raises(Missing):
        service.remove_sender(scope, sender.id)


@pytest.mark.parametrize("role", ["colleague", "own_radiologist", "reader", "nightowls_admin", "platform_admin", "stranger"])
def test_roles_without_the_permission_are_refused(browse: Browse, cast: Cast, role: str) -> None:
    visitor = browse(getattr(cast, role))
    assert visitor.get("/admin/senders").status_code == 403
    assert visitor.post("/admin/senders", data={"aet": "X", "network": "10.0.0.1"}).status_code == 403


def test_a_manager_looks_but_changes_nothing(browse: Browse, cast: Cast) -> None:
    manager = browse(cast.mercy_manager)
    assert manager.get("/admin/senders").status_code == 200
    assert manager.post("/admin/senders", data={"aet": "X", "network": "10.0.0.1"}).status_code == 403
    assert "<form" not in manager.get("/admin/senders").text.partition("<main")[2]
