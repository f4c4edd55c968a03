"""What a cell's gate saw people do stands in the journal in their names: once, and in nobody's name who was not let in."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from sidecar.adapters.cell_tokens import CellTokens, Visitor
from sidecar.gate.actor import Actor, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow, first_break
from tests.cast import Cast, Person
from tests.factories.arrivals import stored
from tests.service.test_intake import cell_id, post

__all__ = ["cell_id", "post"]
Post = Callable[..., TestResponse]


def visit(receipt: str = "", **changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "kind": "gate-visited",
        "at": "2026-11-22T01:00:30.000+00:00",
        "receipt": receipt,
        "sort": "study",
        "subject": "1.2.3",
        "first_at": "2026-11-22T01:00:00.000+00:00",
        "last_at": "2026-11-22T01:00:30.000+00:00",
        "count": 299,
        **changes,
    }


@pytest.fixture
def receipt(app: Flask, cell_id: UUID) -> Callable[[Person], str]:
    tokens: CellTokens = app.extensions["readingroom.cell_tokens"]

    def give(person: Person) -> str:
        actor = person.actor
        visitor = Visitor(
            person.user_id, person.organisation_id, str(actor.role), actor.session, "10.9.8.7", "reading", actor.name
        )
        return tokens.receipt(cell_id, visitor)

    return give


def rows(scopes: Scopes, actor: Actor, beginning: str = "studies.") -> list[JournalRow]:
    with scopes.open(actor) as scope:
        found = scope.session.scalars(select(JournalRow).order_by(JournalRow.organisation_id, JournalRow.sequence))
        return [row for row in found if row.kind.startswith(beginning) and not row.kind.startswith("studies.study.")]


def test_images_given_at_the_gate_are_on_record_once_in_the_persons_name(
    cast: Cast, scopes: Scopes, post: Post, receipt: Callable[[Person], str]
) -> None:
    arrived = stored(range(3))
    post(arrived)
    event = visit(receipt(cast.reader), subject=arrived["study"]["StudyInstanceUID"])
    for _ in range(3):
        assert post(event).status_code == 200
    (row,) = rows(scopes, cast.mercy_admin.actor)
    body = json.loads(row.body)
    assert (row.kind, row.actor_id, row.actor_organisation_id) == (
        "studies.images.accessed", cast.reader.user_id, cast.nightowls,
    )  # fmt: skip
    assert row.study_id is not None
    assert (body["name"], row.outcome) == ("Dr. Nora Reader", 0)
    assert (body["role"], body["address"], body["facts"]["count"], body["facts"]["purpose"]) == (
        "radiologist", "10.9.8.7", 299, "reading",
    )  # fmt: skip
    assert [each.hash for each in rows(scopes, cast.nightowls_admin.actor)] == [row.hash], "their own administrator sees it too"
    for other in (cast.stranger, cast.strange_admin, cast.luke_admin, cast.platform_admin):
        assert rows(scopes, other.actor, "studies.images") == []
    with scopes.open(system_actor(cast.mercy)) as scope:
        own = JournalRow.organisation_id == cast.mercy
        assert first_break(scope.session.scalars(select(JournalRow).where(own).order_by(JournalRow.sequence))) is None


def test_a_cell_can_name_nobody_who_was_not_let_in_there(
    app: Flask, cast: Cast, scopes: Scopes, post: Post, receipt: Callable[[Person], str]
) -> None:
    tokens: CellTokens = app.extensions["readingroom.cell_tokens"]
    elsewhere = tokens.receipt(uuid4(), Visitor(cast.reader.user_id, cast.nightowls, "radiologist", "s", "10.9.8.7", "reading"))
    for forged in (elsewhere, receipt(cast.reader)[:-3] + "AAA", "x", ""):
        assert post(visit(forged)).status_code == 200
    found = rows(scopes, cast.mercy_admin.actor)
    assert len(found) == 4
    assert {(row.actor_id, row.actor_organisation_id) for row in found} == {(None, cast.mercy)}
    assert rows(scopes, cast.nightowls_admin.actor) == []


def test_searches_and_refusals_are_on_record_and_a_refusal_says_so(
    cast: Cast, scopes: Scopes, post: Post, receipt: Callable[[Person], str]
) -> None:
    post(visit(receipt(cast.own_radiologist), sort="search", subject=""))
    post(visit(receipt(cast.reader), sort="refused", subject="not in the reading context"))
    searched, refused = rows(scopes, cast.mercy_admin.actor)
    assert (searched.kind, searched.actor_id, json.loads(searched.body)["outcome"]) == (
        "studies.archive.searched", cast.own_radiologist.user_id, 0,
    )  # fmt: skip
    assert (refused.kind, json.loads(refused.body)["outcome"]) == ("studies.gate.refused", 4)
    assert json.loads(refused.body)["facts"]["reason"] == "not in the reading context"


def test_a_uid_that_two_patients_bear_is_on_record_for_both(
    cast: Cast, scopes: Scopes, post: Post, receipt: Callable[[Person], str]
) -> None:
    one, two = stored(range(2)), stored(range(2))
    uid = one["study"]["StudyInstanceUID"]
    two["study"] |= {"StudyInstanceUID": uid, "ID": "another", "PatientID": "P-other"}
    post(one, two)
    post(visit(receipt(cast.owner), subject=uid))
    assert len({row.study_id for row in rows(scopes, cast.mercy_admin.actor)}) == 2
