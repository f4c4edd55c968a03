"""Who reads what: one winner per study, locks that run out, and who may at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from sidecar.adapters.seals import Seal
from sidecar.assignment import service
from sidecar.gate.actor import Actor, OrganisationKind, Role, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Conflict, Denied, Invalid, Missing, Problem
from sidecar.kernel.journal import JournalRow
from sidecar.studies.model import Status
from sidecar.studies.tables import Study
from tests.browser import Browser
from tests.cast import Cast, Person, make_person
from tests.factories.studies import make_study

Browse = Callable[[Person | None], Browser]


def do(scopes: Scopes, who: Person | Actor, verb: Callable[..., Study], study_id: UUID, **named: Any) -> Study:
    with scopes.open(who if isinstance(who, Actor) else who.actor) as scope:
        return verb(scope, study_id, **named)


def now_is(scopes: Scopes, study_id: UUID, owner: UUID) -> Study:
    with scopes.open(system_actor(owner)) as scope:
        return scope.session.scalars(select(Study).where(Study.id == study_id)).one()


def later(scopes: Scopes, **ahead: float) -> Scopes:
    return replace(scopes, clock=lambda: utc_now() + timedelta(**ahead))


def kinds(scopes: Scopes, cast: Cast, study_id: UUID) -> list[str]:
    with scopes.open(system_actor(cast.mercy)) as scope:
        rows = select(JournalRow.kind).where(JournalRow.study_id == study_id).order_by(JournalRow.sequence)
        return list(scope.session.scalars(rows))


def test_of_twenty_who_claim_one_has_it(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    readers = [
        make_person(scopes, seal, cast.nightowls, OrganisationKind.READING_GROUP, Role.RADIOLOGIST, f"Dr. Number {n}")
        for n in range(20)
    ]

    def claim(reader: Person) -> str:
        try:
            return do(scopes, reader, service.claim, study.id).assignee_name
        except Conflict as conflict:
            return conflict.message

    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(claim, readers))
    winner = now_is(scopes, study.id, cast.mercy).assignee_name
    assert told.count(winner) == 1
    assert told.count(f"{winner} has it.") == 19
    assert kinds(scopes, cast, study.id) == ["assignment.study.claimed"]


def test_claiming_twice_and_releasing(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    for _ in range(2):
        assert do(scopes, cast.reader, service.claim, study.id).status == Status.ASSIGNED
    with pytest.raises(Denied, match=r"Dr. Nora Reader has it"):
        do(scopes, cast.second_reader, service.release, study.id)
    assert do(scopes, cast.reader, service.release, study.id).status == Status.UNREAD
    assert do(scopes, cast.lead, service.release, study.id).assignee_id is None
    assert kinds(scopes, cast, study.id) == ["assignment.study.claimed", "assignment.study.released"]


def test_who_may(cast: Cast, scopes: Scopes) -> None:
    routed = make_study(scopes, cast.mercy, reading=cast.nightowls)
    own = make_study(scopes, cast.mercy)
    refused: list[tuple[Person, UUID, type[Problem]]] = [
        (cast.own_radiologist, routed.id, Denied),  # its owner sees it; the night owls read it
        (cast.owner, routed.id, Denied),
        (cast.lead, routed.id, Denied),  # managers assign, they do not read
        (cast.reader, own.id, Missing),  # never given to them
        (cast.stranger, routed.id, Missing),
        (cast.platform_admin, routed.id, Missing),
    ]
    for person, study_id, problem in refused:
        for verb in (service.claim, service.lock):
            with pytest.raises(problem):
                do(scopes, person, verb, study_id)
    assert do(scopes, cast.own_radiologist, service.claim, own.id).assignee_name == "Dr. Rosa House"
    for person in (cast.mercy_manager, cast.reader):
        with pytest.raises(Denied):
            do(scopes, person, service.assign, routed.id, user_id=cast.reader.user_id)


def test_a_manager_assigns_and_moves_it(cast: Cast, scopes: Scopes, seal: Seal) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    with scopes.open(cast.lead.actor) as scope:
        names = [each.name for each in service.candidates(scope, scope.one(select(Study).where(Study.id == study.id)))]
    assert names == ["Dr. Nora Reader", "Dr. Sam Second"]
    assert do(scopes, cast.lead, service.assign, study.id, user_id=cast.reader.user_id).assignee_name == "Dr. Nora Reader"
    assert do(scopes, cast.lead, service.assign, study.id, user_id=cast.second_reader.user_id).status == Status.ASSIGNED
    for nobody in (cast.lead.user_id, cast.own_radiologist.user_id, cast.stranger.user_id, uuid4()):
        with pytest.raises(Invalid):
            do(scopes, cast.lead, service.assign, study.id, user_id=nobody)
    do(scopes, cast.second_reader, service.lock, study.id)
    with pytest.raises(Conflict, match=r"Dr. Sam Second is reading it right now"):
        do(scopes, cast.lead, service.assign, study.id, user_id=cast.reader.user_id)
    for verb in (service.release, service.unlock):
        with pytest.raises(Missing):
            do(scopes, cast.strange_manager, verb, study.id)
    with pytest.raises(Missing):
        do(scopes, cast.strange_manager, service.assign, study.id, user_id=cast.stranger.user_id)


def test_the_lock_of_the_one_who_reads(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    locked = do(scopes, cast.reader, service.lock, study.id)
    assert (locked.status, locked.assignee_id, locked.lock_user_name) == ("reading", cast.reader.user_id, "Dr. Nora Reader")
    for verb in (service.lock, service.claim):
        with pytest.raises(Conflict, match=r"Dr. Nora Reader"):
            do(scopes, cast.second_reader, verb, study.id)
    renewed = do(later(scopes, seconds=50), cast.reader, service.lock, study.id)
    assert renewed.lock_until is not None
    assert locked.lock_until is not None
    assert renewed.lock_until > locked.lock_until
    do(scopes, cast.second_reader, service.unlock, study.id)  # not theirs: nothing changes
    assert now_is(scopes, study.id, cast.mercy).lock_user_id == cast.reader.user_id
    assert do(scopes, cast.reader, service.unlock, study.id).status == Status.ASSIGNED
    assert kinds(scopes, cast, study.id) == ["assignment.reading.started", "assignment.reading.paused"]


def test_a_lock_that_ran_out_stops_nobody(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    do(scopes, cast.reader, service.lock, study.id)
    after = later(scopes, seconds=61)
    with pytest.raises(Conflict, match=r"Dr. Nora Reader has it"):
        do(after, cast.second_reader, service.lock, study.id)
    do(after, cast.lead, service.assign, study.id, user_id=cast.second_reader.user_id)
    assert do(after, cast.second_reader, service.lock, study.id).lock_user_name == "Dr. Sam Second"


def test_one_of_two_who_open_it_at_once_reads(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)

    def open_it(reader: Person) -> bool:
        try:
            do(scopes, reader, service.lock, study.id)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(open_it, [cast.reader, cast.second_reader])) == [False, True]


def test_a_signed_study_is_nobodys_any_more(cast: Cast, scopes: Scopes) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls, status="final")
    for verb in (service.claim, service.lock):
        with pytest.raises(Conflict, match="signed"):
            do(scopes, cast.reader, verb, study.id)
    with pytest.raises(Conflict, match="signed"):
        do(scopes, cast.lead, service.assign, study.id, user_id=cast.reader.user_id)


def test_the_api_and_what_the_stranger_hears(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    claimed = browse(cast.reader).post(f"/api/studies/{study.id}/claim")
    assert claimed.get_json()["study"]["assignee_name"] == "Dr. Nora Reader"
    assert browse(cast.reader).post(f"/api/studies/{study.id}/release").status_code == 200
    lead = browse(cast.lead)
    assert len(lead.get(f"/api/studies/{study.id}/candidates").get_json()["candidates"]) == 2
    given = lead.post(f"/api/studies/{study.id}/assign", json={"user_id": str(cast.second_reader.user_id)})
    assert given.get_json()["study"]["status"] == "assigned"
    stat = lead.post(f"/api/studies/{study.id}/priority", json={"priority": "stat"})
    assert stat.get_json()["study"]["priority"] == "stat"
    for nonsense in (None, {}, {"user_id": "x"}, {"user_id": str(uuid4()), "more": 1}):
        assert lead.post(f"/api/studies/{study.id}/assign", json=nonsense).status_code == 400
    taken = browse(cast.reader).post(f"/api/studies/{study.id}/claim")
    assert (taken.status_code, taken.get_json()["message"]) == (409, "Dr. Sam Second has it.")
    doors: list[tuple[Person, str, str, Any]] = [
        (cast.stranger, "POST", "claim", None),
        (cast.stranger, "POST", "release", None),
        (cast.strange_manager, "GET", "candidates", None),
        (cast.strange_manager, "POST", "assign", {"user_id": str(cast.stranger.user_id)}),
        (cast.strange_manager, "POST", "priority", {"priority": "stat"}),
    ]
    for person, method, door, body in doors:
        strange, unknown = (browse(person).ask(method, f"/api/studies/{one}/{door}", json=body) for one in (study.id, uuid4()))
        assert (strange.status_code, strange.data) == (unknown.status_code, unknown.data) == (404, unknown.data)
    assert browse(None).post(f"/api/studies/{study.id}/claim").status_code == 401


def test_who_is_given_a_study_is_told_and_nobody_else(cast: Cast, scopes: Scopes, browse: Browse) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="SECRET^NAME")
    lead = browse(cast.lead)
    assert lead.post(f"/api/studies/{study.id}/priority", json={"priority": "stat"}).status_code == 200
    for _twice in range(2):  # the second time changes nothing
        assert lead.post(f"/api/studies/{study.id}/assign", json={"user_id": str(cast.reader.user_id)}).status_code == 200
    (told,) = browse(cast.reader).get("/api/notifications").json["notifications"]
    assert (told["text"], told["href"]) == (f"{cast.lead.actor.name} gave you a STAT study to read.", f"/reading/{study.id}")
    for other in (cast.lead, cast.second_reader, cast.owner, cast.colleague, cast.stranger, cast.strange_manager):
        assert browse(other).get("/api/notifications").json["notifications"] == []
    assert browse(cast.second_reader).post(f"/api/studies/{study.id}/release").status_code == 403
    assert browse(cast.reader).post(f"/api/studies/{study.id}/release").status_code == 200
    assert browse(cast.reader).post(f"/api/studies/{study.id}/claim").status_code == 200
    assert len(browse(cast.reader).get("/api/notifications").json["notifications"]) == 1, "what one takes oneself is no news"
