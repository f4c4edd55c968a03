"""What the doors tell: transfers one by one, echoes and refusals counted, the last ones kept, each hospital its own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.organisations import queries, service
from sidecar.organisations.events import SenderRefused
from sidecar.organisations.model import AssociationRecord, Outcome
from sidecar.organisations.service import associations
from tests.browser import Browser
from tests.cast import Cast

Browse = Callable[..., Browser]


def tell(
    scopes: Scopes, cast: Cast, aet: str, outcome: Outcome = Outcome.ACCEPTED, *, ago: float = 0, **facts: Any
) -> list[type]:
    """Record an association as the intake does; return what became an event. ``ago`` in seconds."""
    with scopes.open(system_actor(cast.mercy)) as scope:
        ended = scope.now - timedelta(seconds=ago)
        known = {
            "called_aet": "MERCY",
            "address": "10.1.2.3",
            "port": "plain",
            "certificate": "",
            "services": ("store",),
            "bytes_in": 110_000_000,
            "bytes_out": 50_000,
            "began_at": ended - timedelta(seconds=34),
            "ended_at": ended,
        }
        service.record_association(scope, uuid4(), AssociationRecord(aet=aet, outcome=outcome, **{**known, **facts}))
        return [type(each) for each in scope.events]


def test_a_transfer_is_told_whole_and_the_title_was_seen(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        service.add_sender(scope, aet="CT1", network="10.1.2.0/24")
    tell(scopes, cast, "CT1", objects=212, ago=60)
    tell(scopes, cast, "CT1", objects=1, ago=600)
    page = browse(cast.owner).get("/admin/ae-titles/associations").text
    assert "CT1 sent 212 images, 110 MB, in 34 s" in page
    assert "CT1 sent 1 image, 110 MB" in page
    with scopes.open(cast.owner.actor) as scope:
        (entity,) = queries.entities(scope)
        newest = queries.associations(scope)[0]
    assert entity.last_seen_at == newest.ended_at, "an older one told later does not turn the clock back"


def test_what_did_not_get_through_is_told_and_is_no_refusal(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    with scopes.open(cast.owner.actor) as scope:
        service.add_sender(scope, aet="PACS", network="10.1.2.0/24")
    lost = {"called_aet": "ELSEWHERE", "bytes_in": 900, "services": ("find", "move")}
    assert tell(scopes, cast, "PACS", Outcome.UNKNOWN_DESTINATION, ago=90, **lost) == []
    assert tell(scopes, cast, "PACS", Outcome.INCOMPLETE, objects=40) == []
    technician = browse(cast.owner)
    page = technician.get("/admin/ae-titles/associations").text
    assert "PACS asked to have images sent to ELSEWHERE, which is no node with an address here" in page
    assert "PACS sent 40 images, 110 MB, in 34 s; others did not get through" in page
    assert ">Register<" not in page
    with scopes.open(cast.owner.actor) as scope:
        assert queries.refusals(scope) == []
        (entity,) = queries.entities(scope)
        assert entity.last_seen_at == queries.associations(scope)[0].ended_at
    assert "ELSEWHERE" not in browse(cast.strange_technician).get("/admin/ae-titles/associations").text


def test_equal_refusals_are_one_row_with_a_count(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    refused = {"services": (), "bytes_in": 0, "count": 7}
    assert tell(scopes, cast, "CT7", Outcome.UNKNOWN_AET, ago=120, **refused) == [SenderRefused]
    assert tell(scopes, cast, "CT7", Outcome.UNKNOWN_AET, ago=60, **refused) == []
    tell(scopes, cast, "CT7", Outcome.UNKNOWN_AET, ago=2 * 86400, **refused)
    with scopes.open(cast.owner.actor) as scope:
        assert sorted(row.count for row in queries.associations(scope)) == [7, 14]
        assert [row.attempts for row in queries.refusals(scope)] == [21]
    technician = browse(cast.owner)
    assert "Unknown AE title CT7 from 10.1.2.3, 14 attempts" in technician.get("/admin/ae-titles/associations").text
    assert "Unknown AE title CT7 from 10.1.2.3, 21 attempts" in technician.get("/admin/ae-titles").text
    for who, offered in ((cast.owner, True), (cast.mercy_manager, False)):
        assert (">Register<" in browse(who).get("/admin/ae-titles/associations").text) is offered
    technician.post("/admin/ae-titles/register", data={"aet": "CT7", "address": "10.1.2.3"})
    assert ">Register<" not in technician.get("/admin/ae-titles/associations").text


def test_echoes_are_counted_and_transfers_never(scopes: Scopes, cast: Cast) -> None:
    for ago in (300, 200, 100):
        tell(scopes, cast, "CT1", services=("echo",), ago=ago)
        tell(scopes, cast, "CT1", services=("echo", "store"), ago=ago - 50)
    with scopes.open(cast.owner.actor) as scope:
        assert sorted(row.count for row in queries.associations(scope)) == [1, 1, 1, 3]


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.MALFORMED, Outcome.TOO_MANY])
def test_who_cannot_be_registered_is_only_listed(scopes: Scopes, cast: Cast, outcome: Outcome) -> None:
    tell(scopes, cast, "", outcome, services=(), bytes_in=3)
    with scopes.open(cast.owner.actor) as scope:
        assert queries.refusals(scope) == []
        assert len(queries.associations(scope, accepted=False)) == 1


def test_the_list_is_narrowed_by_outcome_and_title(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    tell(scopes, cast, "GOOD")
    tell(scopes, cast, "BAD", Outcome.WRONG_CERTIFICATE, port="tls", services=())
    technician = browse(cast.owner)
    accepted = technician.get("/admin/ae-titles/associations?outcome=accepted").text
    refused = technician.get("/admin/ae-titles/associations?outcome=refused").text
    assert ("GOOD" in accepted, "BAD" in accepted) == (True, False)
    assert ("GOOD" in refused, "BAD" in refused) == (False, True)
    assert "GOOD sent" not in technician.get("/admin/ae-titles/associations?aet=BAD").text


def test_only_the_last_are_kept_and_a_flood_of_refusals_hides_no_transfer(
    scopes: Scopes, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(associations, "KEPT", 3)
    monkeypatch.setattr(associations, "KEPT_REFUSALS", 2)
    for number in range(5):
        tell(scopes, cast, f"CT{number}", ago=500 - number)
        tell(scopes, cast, f"X{number}", Outcome.UNKNOWN_AET, services=(), ago=100 - number)
    with scopes.open(system_actor(cast.mercy)) as scope:
        service.prune_associations(scope)
        assert [row.aet for row in queries.associations(scope)] == ["X4", "X3", "X2", "CT4", "CT3", "CT2"]
        assert [row.aet for row in queries.refusals(scope)] == ["X4", "X3"]


def test_hostile_titles_are_text(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    tell(scopes, cast, "<script>alert(1)", Outcome.UNKNOWN_AET, services=())
    technician = browse(cast.owner)
    for page in ("", "/associations"):
        assert "<script>alert" not in technician.get(f"/admin/ae-titles{page}").text


def test_another_hospital_sees_none_of_it(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    tell(scopes, cast, "SECRETAET")
    tell(scopes, cast, "SECRETAET", Outcome.UNKNOWN_AET, services=())
    for page in ("", "/associations", "/associations?aet=SECRETAET"):
        assert "SECRETAET from" not in browse(cast.luke_technician).get(f"/admin/ae-titles{page}").text
    with scopes.open(cast.luke_technician.actor) as scope:
        assert queries.associations(scope) == []
