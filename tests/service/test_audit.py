"""The journal read back: one's own, in words, and a chain that shows tampering done behind the application's back."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

import pytest
from flask import Flask

from sidecar.audit import queries, service
from sidecar.audit.chain import Verdict
from sidecar.audit.model import Question
from sidecar.audit.words import GROUPS
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, postgres
from sidecar.organisations import service as organisations
from tests.browser import Browser
from tests.cast import Cast, Person

Browse = Callable[[Person | None], Browser]


def register(scopes: Scopes, cast: Cast, count: int = 3, *, name: str = "CT") -> None:
    for number in range(count):
        with scopes.open(cast.owner.actor) as scope:
            organisations.add_sender(scope, aet=f"{name}{number}", network="10.1.2.0/24")


def tamper(services: Instance, statement: LiteralString, organisation_id: UUID) -> None:
    """Do what only somebody with the database's superuser could: switch the triggers off and edit."""
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(statement, {"organisation": organisation_id}).rowcount


def test_the_page_says_who_did_what(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    register(scopes, cast, 1)
    page = browse(cast.mercy_admin).get("/admin/audit").text
    assert "Tess Owner" in page
    assert "registered the AE title CT0 (echo, store) from 10.1.2.0/24" in page


def test_it_is_narrowed_by_kind_and_day(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    register(scopes, cast, 1)
    admin, today = browse(cast.mercy_admin), datetime.now(UTC).date()
    group = next(value for value, label in GROUPS if label == "AE titles")
    assert "CT0" in admin.get(f"/admin/audit?group={group}&since={today}&until={today}").text
    assert "CT0" not in admin.get("/admin/audit?group=reports.").text
    assert "CT0" not in admin.get("/admin/audit?until=2020-01-01").text
    for beyond in ("9999-12-31", "0001-01-01"):
        assert "The journal knows the years" in admin.get(f"/admin/audit?until={beyond}").text
    page = admin.get("/admin/audit?since=yesterday").text
    assert "Write a date" in page
    assert "Nothing here" in admin.get("/admin/audit?until=2020-01-01").text


def test_it_is_narrowed_by_person_and_outcome(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    register(scopes, cast, 1)
    browse(cast.owner).get("/admin/audit")
    admin = browse(cast.mercy_admin)
    theirs = admin.get(f"/admin/audit?person={cast.owner.user_id}").text
    assert "CT0" in theirs
    assert "tried what their role may not: GET /admin/audit (attempt 1)" in theirs
    assert "CT0" not in admin.get(f"/admin/audit?person={cast.mercy_manager.user_id}").text
    refused = admin.get("/admin/audit?outcome=refused").text
    assert "tried what their role may not" in refused
    assert "CT0" not in refused
    assert "tried what" not in admin.get("/admin/audit?outcome=done").text
    assert admin.get("/admin/audit?person=me").status_code == 400


def test_it_is_paged_by_place_not_by_number(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    register(scopes, cast, 60)
    admin, address, seen = browse(cast.mercy_admin), "/admin/audit?group=&outcome=done", []
    while address:
        page = admin.get(address).text
        seen += [int(each) for each in re.findall(r"AE title CT(\d+) ", page)]
        older = re.search(r'href="(/admin/audit\?[^"]*after=[^"]*)"', page)
        address = older[1].replace("&amp;", "&") if older else ""
    assert seen == list(range(59, -1, -1))
    assert admin.get("/admin/audit?after=nowhere").status_code == 400


def test_the_platform_is_named_as_such_and_names_the_hospital(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    browse(cast.platform_admin).post(f"/admin/cells/{cast.mercy}", data={"wanted": "restarting"})
    theirs = browse(cast.mercy_admin).get("/admin/audit").text
    assert "The platform" in theirs
    assert "Pat Platform" not in theirs
    own = browse(cast.platform_admin).get("/admin/audit").text
    assert "Pat Platform" in own
    assert "at Mercy Hospital" in own


def test_nobody_reads_anothers_journal(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    register(scopes, cast, 1)
    for who in (cast.luke_admin, cast.strange_admin, cast.nightowls_admin, cast.platform_admin):
        assert "CT0" not in browse(who).get("/admin/audit").text
        with scopes.open(who.actor) as scope:
            rows = queries.page(scope, Question(), limit=50)
            assert all("CT0" not in entry.what for entry in queries.entries(scope, rows))
    for who in (cast.owner, cast.reader, cast.mercy_manager, cast.stranger):
        assert browse(who).get("/admin/audit").status_code == 403


def check(browse: Browse, cast: Cast) -> str:
    admin = browse(cast.mercy_admin)
    assert admin.post("/admin/audit/keeping/check").status_code == 302
    return admin.get("/admin/audit/keeping").text


def verdict(scopes: Scopes, cast: Cast, app: Flask) -> Verdict:
    with scopes.open(cast.mercy_admin.actor) as scope:
        return service.verify(scope, app.extensions["readingroom.checkpoints"].verifier)


def test_a_whole_chain_verifies(browse: Browse, scopes: Scopes, cast: Cast, app: Flask) -> None:
    register(scopes, cast)
    assert verdict(scopes, cast, app) == Verdict(rows=3, last=3)
    assert "All 3 entries were checked" in check(browse, cast)
    assert "Chain unbroken" in browse(cast.mercy_admin).get("/admin/audit").text


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE journal SET body = replace(body, 'CT1', 'CT9') WHERE organisation_id = %(organisation)s AND sequence = 2", 2),
        ("DELETE FROM journal WHERE organisation_id = %(organisation)s AND sequence = 1", 1),
        # Kind, actor and moment are copied out of the body for searching: a copy that differs is tampering too.
        ("UPDATE journal SET actor_id = gen_random_uuid() WHERE organisation_id = %(organisation)s AND sequence = 3", 3),
    ],
)
def test_tampering_is_found(
    services: Instance, browse: Browse, scopes: Scopes, cast: Cast, app: Flask, statement: LiteralString, broken_at: int
) -> None:
    register(scopes, cast)
    tamper(services, statement, cast.mercy)
    assert verdict(scopes, cast, app).broken_at == broken_at
    assert f"Entry {broken_at} " in check(browse, cast)
    assert "The journal does not verify" in browse(cast.mercy_admin).get("/admin/audit").text
