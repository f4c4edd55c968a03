# ruff: noqa: S608 - the statements of a tampering superuser, all written in this file
"""The chain and its signed checkpoints: every tampering is found, in the database and in an exported file."""

import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection
from psycopg.rows import namedtuple_row
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from sidecar.audit import anchors, inspection, jobs, service, transfer
from sidecar.audit.chain import Verdict, walk
from sidecar.audit.checkpoints import Checkpoint, Kind, Signer
from sidecar.cli import cli
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop, everybody
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, postgres
from sidecar.kernel.journal import row_hash
from sidecar.kernel.settings import Settings
from sidecar.worker import open_workshop
from tests.browser import Browser
from tests.cast import Cast, Person
from tests.service.test_audit import register

Browse = Callable[[Person | None], Browser]


@pytest.fixture(scope="module")
def signer(settings: Settings) -> Signer:
    return Signer.from_pem(settings.secret("checkpoint_key.pem"))


@pytest.fixture
def shop(services: Instance, tmp_path: Path) -> Iterator[Workshop]:
    """The worker, keeping its checkpoints in a directory of the test's own."""
    settings = replace(Settings.from_env(services.env()), checkpoints_dir=tmp_path / "checkpoints")
    opened = open_workshop(settings)
    yield opened
    opened.close()


def chain_of(scopes: Scopes, cast: Cast, signer: Signer, rows: int = 16) -> Checkpoint:
    """Write some rows for the first hospital and sign the last one."""
    register(scopes, cast, rows)
    with scopes.open(system_actor(cast.mercy)) as scope:
        made = service.sign_head(scope, signer)
    assert made is not None
    return made


@contextmanager
def superuser(services: Instance) -> Iterator[Connection[Any]]:
    """Do what only the database's superuser can: triggers off, no walls; taken back at the end."""
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


ROW = " WHERE organisation_id = %(organisation)s AND sequence = %(at)s"
LATER = " WHERE organisation_id = %(organisation)s AND sequence >= %(at)s"
STATEMENTS: dict[str, tuple[LiteralString, ...]] = {
    "edit": ("UPDATE journal SET body = replace(body, 'CT', 'MR')" + ROW,),
    "kind": ("UPDATE journal SET kind = 'reports.report.read'" + ROW,),
    "moment": ("UPDATE journal SET at = at + interval '1 s'" + ROW,),
    "person": ("UPDATE journal SET actor_id = NULL" + ROW,),
    "outcome": ("UPDATE journal SET outcome = 8" + ROW,),
    "hash": ("UPDATE journal SET hash = sha256(hash)" + ROW,),
    "link": ("UPDATE journal SET previous_hash = sha256(previous_hash)" + ROW,),
    "delete": ("DELETE FROM journal" + ROW,),
    "swap": (
        "UPDATE journal SET sequence = -1" + ROW,
        "UPDATE journal SET sequence = %(at)s WHERE organisation_id = %(organisation)s AND sequence = %(other)s",
        "UPDATE journal SET sequence = %(other)s WHERE organisation_id = %(organisation)s AND sequence = -1",
    ),
    # The checkpoints of what is cut off go too; the one kept outside remains.
    "truncate": ("DELETE FROM journal" + LATER, "DELETE FROM journal_checkpoints" + LATER),
    "insert": (),
    "rewrite": (),
}


def tamper(connection: Connection[Any], organisation: UUID, kind: str, dice: random.Random, last: int) -> None:
    """Change a chain as an attacker with all rights in the database would."""
    at = dice.randrange(1, last + 1)
    for statement in STATEMENTS[kind]:
        connection.execute(statement, {"organisation": organisation, "at": at, "other": at % last + 1})
    if not STATEMENTS[kind]:
        rewrite(connection, organisation, at, insert=kind == "insert")


def rewrite(connection: Connection[Any], organisation: UUID, at: int, *, insert: bool) -> None:
    """Edit a row, or put one in, and compute every hash after it anew: a chain that is whole, and not the one signed."""
    rows = connection.execute(
        "SELECT sequence, body, previous_hash FROM journal WHERE organisation_id = %s AND sequence >= %s ORDER BY sequence",
        (organisation, at),
    ).fetchall()
    bodies = [body.replace("CT", "MR") for _sequence, body, _previous in rows[:1]] if insert else []
    bodies += [body.replace("CT", "MR") if number == 0 else body for number, (_sequence, body, _previous) in enumerate(rows)]
    previous, first = rows[0][2], rows[0][0]
    for number, body in enumerate(bodies, start=first):
        hash_ = row_hash(previous, organisation, number, body)
        connection.execute(
            "INSERT INTO journal SELECT organisation_id, %(to)s, at, kind, actor_id, actor_organisation_id, study_id, %(body)s,"
            " %(previous)s, %(hash)s, outcome, subject_id FROM journal WHERE organisation_id = %(of)s AND sequence = %(from)s"
            " ON CONFLICT (organisation_id, sequence)"
            " DO UPDATE SET body = %(body)s, previous_hash = %(previous)s, hash = %(hash)s",
            {"to": number, "from": min(number, first + len(rows) - 1), "of": organisation, "body": body, "previous": previous,
             "hash": hash_},
        )  # fmt: skip
        previous = hash_


def seen_by(connection: Connection[Any], organisation: UUID, signer: Signer, outside: list[Checkpoint]) -> Verdict:
    """Verify what the tampering connection sees, as the application would: rows and checkpoints of the table, one outside."""
    rows = connection.cursor(row_factory=namedtuple_row).execute(
        "SELECT organisation_id, sequence, at, kind, actor_id, actor_organisation_id, study_id, outcome, subject_id, body,"
        " previous_hash, hash FROM journal WHERE organisation_id = %s ORDER BY sequence",
        (organisation,),
    )
    signed = connection.execute(
        "SELECT organisation_id, sequence, kind, hash, made_at, key, signature FROM journal_checkpoints"
        " WHERE organisation_id = %s",
        (organisation,),
    ).fetchall()
    known = [Checkpoint(owner, number, Kind(kind), *rest) for owner, number, kind, *rest in signed]
    links: Iterable[Any] = rows
    return walk(links, [*known, *outside], signer.verifier, copies=True)


def test_c03_a_thousand_random_tampers_are_all_found_in_the_database(
    services: Instance, scopes: Scopes, cast: Cast, signer: Signer
) -> None:
    """Edit, delete, swap, insert, truncate and a chain computed anew, each by the superuser with all triggers off."""
    made = chain_of(scopes, cast, signer)
    dice, found = random.Random(4), 0  # noqa: S311 - a repeatable order
    with superuser(services) as connection:
        assert seen_by(connection, cast.mercy, signer, [made]).whole
        connection.execute("SAVEPOINT before")
        for number in range(1000):
            kind = [*STATEMENTS][number % len(STATEMENTS)]
            tamper(connection, cast.mercy, kind, dice, made.sequence)
            verdict = seen_by(connection, cast.mercy, signer, [made])
            assert not verdict.whole, (number, kind)
            assert verdict.broken_at is not None, (number, kind)
            found += 1
            connection.execute("ROLLBACK TO before")
        assert seen_by(connection, cast.mercy, signer, [made]).whole
    assert found == 1000


def test_c03_a_thousand_random_tampers_are_all_found_in_an_export(scopes: Scopes, cast: Cast, signer: Signer) -> None:
    chain_of(scopes, cast, signer)
    lines = list(inspection.write(scopes, signer, cast.mercy, "Mercy"))
    about, verdict = transfer.verify_lines(lines)
    assert (verdict.whole, verdict.rows, verdict.anchored) == (True, 16, 16)
    assert about["key"] == signer.verifier.fingerprint
    dice = random.Random(5)  # noqa: S311
    for number in range(1000):
        forged = list(lines)
        at = dice.randrange(len(forged))
        kind = ("edit", "delete", "swap", "insert", "truncate")[number % 5]
        if kind == "edit":
            place = dice.randrange(len(forged[at]) - 1)
            forged[at] = forged[at][:place] + bytes([forged[at][place] ^ 1]) + forged[at][place + 1 :]
        elif kind == "delete":
            del forged[at]
        elif kind == "swap":
            other = (at + dice.randrange(1, len(forged))) % len(forged)
            forged[at], forged[other] = forged[other], forged[at]
        elif kind == "insert":
            forged.insert(at, dice.choice(lines))
        else:
            del forged[at:]
        assert not transfer.verify_lines(forged)[1].whole, (number, kind, at)


def test_an_export_signed_by_somebody_else_is_known_by_its_fingerprint(scopes: Scopes, cast: Cast, signer: Signer) -> None:
    chain_of(scopes, cast, signer, 3)
    forger = Signer(Ed25519PrivateKey.generate())
    forged = list(inspection.write(scopes, forger, cast.mercy, "Mercy"))
    assert any("another key" in each for each in transfer.verify_lines(forged, key=signer.verifier.fingerprint)[1].faults)
    assert not transfer.verify_lines(forged)[1].whole  # the checkpoints of the house are not the forger's


def test_c03_the_application_can_neither_change_nor_remove(scopes: Scopes, cast: Cast, signer: Signer) -> None:
    chain_of(scopes, cast, signer, 3)
    for statement in (
        "UPDATE journal SET body = ''",
        "DELETE FROM journal",
        "TRUNCATE journal",
        "INSERT INTO journal (organisation_id, sequence) VALUES (gen_random_uuid(), 1)",
        "UPDATE journal_checkpoints SET signature = ''",
        "DELETE FROM journal_checkpoints",
        "TRUNCATE journal_checkpoints",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), scopes.open(system_actor(cast.mercy)) as scope:
            scope.session.execute(text(statement))


def test_not_even_the_owner_changes_a_row_or_a_checkpoint(services: Instance, scopes: Scopes, cast: Cast, signer: Signer) -> None:
    chain_of(scopes, cast, signer, 3)
    engine = create_engine(services.env()["RR_DATABASE_OWNER_URL"])
    for statement in ("UPDATE journal SET kind = 'x'", "DELETE FROM journal", "TRUNCATE journal_checkpoints"):
        with engine.begin() as connection, pytest.raises(DBAPIError, match="never change"):
            connection.execute(text(statement))
    engine.dispose()


def test_the_worker_signs_every_journal_inside_and_outside_the_database(shop: Workshop, scopes: Scopes, cast: Cast) -> None:
    assert {cast.mercy, cast.nightowls, cast.platform, cast.third} <= set(everybody(scopes))
    register(scopes, cast, 2)
    jobs.sign_checkpoint(shop, cast.mercy)
    jobs.sign_checkpoint(shop, cast.mercy)  # nothing new: nothing signed
    kept = anchors.kept(shop.settings.checkpoints_dir, cast.mercy)
    assert [each.sequence for each in kept] == [2]
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert [each for each in service.checkpoints(scope)] == kept  # noqa: C416 - one by one, as lists
    with scopes.open(cast.strange_admin.actor) as scope:
        assert cast.mercy not in {each.organisation_id for each in service.checkpoints(scope)}


def test_an_older_database_put_back_is_noticed(services: Instance, shop: Workshop, scopes: Scopes, cast: Cast) -> None:
    """The checkpoint in the file knows of rows that the database has forgotten, its own checkpoints with them."""
    register(scopes, cast, 2)
    jobs.sign_checkpoint(shop, cast.mercy)
    register(scopes, cast, 5)
    jobs.sign_checkpoint(shop, cast.mercy)
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in STATEMENTS["truncate"]:
            connection.execute(statement, {"organisation": cast.mercy, "at": 3})
    found = next(inspection.inspect(scopes, signer_of(shop).verifier, shop.settings.checkpoints_dir, only=str(cast.mercy)))
    assert found.verdict.broken_at == 3
    assert "an older copy restored" in found.verdict.faults[0]
    with scopes.open(cast.mercy_admin.actor) as scope:
        assert service.verify(scope, signer_of(shop).verifier).whole  # the database alone does not know


def signer_of(shop: Workshop) -> Signer:
    return Signer.from_pem(shop.settings.secret("checkpoint_key.pem"))


def test_a_daily_check_puts_a_broken_chain_on_record_once(
    services: Instance, shop: Workshop, scopes: Scopes, cast: Cast, browse: Browse
) -> None:
    register(scopes, cast, 5)
    jobs.sign_checkpoint(shop, cast.mercy)
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE journal SET body = body || ' ' WHERE organisation_id = %s AND sequence = 3", (cast.mercy,))
    jobs.check_chain(shop, cast.mercy)
    page = browse(cast.mercy_admin).get("/admin/audit").text
    assert "The journal does not verify" in page
    assert page.count("Entry 3 was changed, removed, moved or put in") == 2  # the warning, and the line in the journal
    tomorrow = replace(shop, scopes=replace(shop.scopes, clock=lambda: datetime.now(UTC) + timedelta(days=1)))
    jobs.check_chain(tomorrow, cast.mercy)
    with scopes.open(cast.mercy_admin.actor) as scope:
        rows = scope.session.scalars(text("SELECT body FROM journal WHERE kind = 'audit.journal.checked'")).all()
    assert [json.loads(each)["outcome"] for each in rows] == [12]


def test_the_verb_verifies_database_and_export(services: Instance, scopes: Scopes, cast: Cast, tmp_path: Path) -> None:
    register(scopes, cast, 4)
    run, data, only = CliRunner(), str(services.layout.data), str(cast.mercy)
    good = run.invoke(cli, ["audit", "verify", "--data", data, "--organisation", only])
    assert (good.exit_code, "4 entries, unbroken" in good.output) == (0, True), good.output
    for name in ("journal.jsonl", "journal.jsonl.gz"):
        written = run.invoke(cli, ["audit", "export", "--data", data, "--organisation", only, str(tmp_path / name)])
        assert written.exit_code == 0, written.output
        assert run.invoke(cli, ["audit", "verify", str(tmp_path / name)]).exit_code == 0
    assert gzip.decompress((tmp_path / "journal.jsonl.gz").read_bytes()).count(b"\n") == 4 + 1 + 2
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o077 == 0
    (tmp_path / "journal.jsonl").write_bytes((tmp_path / "journal.jsonl").read_bytes().replace(b"CT1", b"CT9"))
    forged = run.invoke(cli, ["audit", "verify", str(tmp_path / "journal.jsonl")])
    assert forged.exit_code == 1
    assert "was changed" in forged.output
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM journal WHERE organisation_id = %s AND sequence = 4", (cast.mercy,))
    cut = run.invoke(cli, ["audit", "verify", "--data", data, "--organisation", only])
    assert (cut.exit_code, "Entry 4 is missing" in cut.output) == (1, True), cut.output
