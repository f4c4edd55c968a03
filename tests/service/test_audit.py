"""The journal read back: one's own, in words, and a chain that shows tampering done behind the application's back."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

import pytest

from sidecar.audit import queries, service
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, postgres
from sidecar.organisations import service as organisations
from tests.browser import Browser
from tests.cast import Cast, Person

Browse = Callable[[Person | None], Browser]


def register(scopes: Scopes, cast: Cast, count: int = 3) -> None:
    for number in range(count):
        with scopes.open(cast.owner.actor) as scope:
            organisations.add_sender(scope, aet=f"CT{number}", network="10.1.2.0/24")


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
    assert "CT0" in admin.get(f"/admin/audit?group=organisations.ae,organisations.refusal&day={today}").text
    assert "CT0" not in admin.get("/admin/audit?group=reports.").text
    assert "CT0" not in admin.get("/admin/audit?day=2020-01-01").text
    for beyond in ("9999-12-31", "0001-01-01"):
        assert "The journal knows the years" in admin.get(f"/admin/audit?day={beyond}").text
    page = admin.get("/admin/audit?day=yesterday").text
    assert "Write a date" in page
    assert "Nothing here" in admin.get("/admin/audit?day=2020-01-01").text


def test_it_is_paged(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    register(scopes, cast, 55)
    first, second = (browse(cast.mercy_admin).get(f"/admin/audit?page={page}").text for page in (1, 2))
    assert "Older" in first
    assert "CT54 " in first
    assert "CT0 " not in first
    assert "CT0 " in second
    assert "Newer" in second
    assert browse(cast.mercy_admin).get("/admin/audit?page=999999").status_code == 200


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
            assert all("CT0" not in entry.what for entry in queries.entries(scope, queries.Span(), offset=0, limit=50))
    for who in (cast.owner, cast.reader, cast.mercy_manager, cast.stranger):
        assert browse(who).get("/admin/audit").status_code == 403


def test_a_whole_chain_verifies(browse: Browse, scopes: Scopes, cast: Cast) -> None:
    register(scopes, cast)
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert service.verify(scope) == service.Verdict(rows=3, broken_at=None)
    assert "Chain unbroken, 3 entries" in browse(cast.mercy_admin).get("/admin/audit?check=1").text


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE journal SET body = replace(body, 'CT1', 'CT9') WHERE organisation_id = %(organisation)s AND sequence = 2", 2),
        ("DELETE FROM journal WHERE organisation_id = %(organisation)s AND sequence = 2", 2),
        ("DELETE FROM journal WHERE organisation_id = %(organisation)s AND sequence = 1", 1),
        ("UPDATE journal SET sequence = 5 - sequence WHERE organisation_id = %(organisation)s AND sequence = 3", 2),
        ("UPDATE journal SET hash = previous_hash WHERE organisation_id = %(organisation)s AND sequence = 1", 1),
    ],
)
def test_tampering_is_found(
    services: Instance, browse: Browse, scopes: Scopes, cast: Cast, statement: LiteralString, broken_at: int
) -> None:
    register(scopes, cast)
    if "5 - sequence" in statement:
        tamper(services, "DELETE FROM journal WHERE organisation_id = %(organisation)s AND sequence = 2", cast.mercy)
    tamper(services, statement, cast.mercy)
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert service.verify(scope).broken_at == broken_at
    assert "The journal does not verify" in browse(cast.mercy_admin).get("/admin/audit?check=1").text


def test_the_columns_beside_the_body_are_part_of_the_promise(services: Instance, scopes: Scopes, cast: Cast) -> None:
    """Kind, actor and moment are copied out of the body for searching: a copy that differs is tampering too."""
    register(scopes, cast)
    edit = "UPDATE journal SET actor_id = gen_random_uuid() WHERE organisation_id = %(organisation)s AND sequence = 3"
    tamper(services, edit, cast.mercy)
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert service.verify(scope).broken_at == 3
