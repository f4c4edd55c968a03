"""Backups of one organisation: closed, whole, and the same again where they come back; shredding, seen from the files."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidTag
from psycopg import sql
from sqlalchemy import select

from sidecar.accounts import addresses
from sidecar.accounts import service as accounts
from sidecar.accounts.events import SignedIn
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.alerts.jobs import watch_one
from sidecar.gate.actor import NOBODY, system_actor
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance, keeping, postgres
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.kernel.journal import JournalRow, first_break
from sidecar.reports import documents, queries
from sidecar.vault import erasing, rows, service
from sidecar.vault.errors import KeyDestroyed
from tests.cast import Cast
from tests.factories.studies import make_study
from tests.service.test_reports import sign, write

PASSPHRASE = "seven green bottles"


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup of Mercy beside the key to it."""

    mercy: UUID
    luke: UUID
    report: UUID
    paper: bytes
    file: Path
    key: Path
    rows: int
    canary: bytes
    email: str


def test_a08_no_backup_holds_a_secret_of_an_authenticator_as_it_is(kept: Kept, empty: Instance, cast: Cast) -> None:
    """Nor does what the backup brings back: it stays sealed under the organisation's key."""
    secrets = [cast.owner.totp_secret.encode(), cast.owner.totp_secret.encode().hex().encode()]
    assert not any(each in kept.file.read_bytes() for each in secrets)
    keeping.restore(empty, kept.file, kept.key, PASSPHRASE)
    people = all_rows(empty, kept.mercy)["users"]
    assert any("totp_sealed" in row for row in people)
    assert not any(each.decode() in row for each in secrets for row in people)


@pytest.fixture
def kept(scopes: Scopes, seal: Seal, cast: Cast, services: Instance, tmp_path: Path) -> Kept:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name=(canary := f"Canary^{uuid4().hex}"))
    report = sign(scopes, seal, cast.reader, write(scopes, cast.reader, study)).report_id
    with scopes.open(cast.owner.actor) as scope:
        paper = documents.paper(scope, seal, queries.version(scope, report))
    file, key = tmp_path / "mercy.copy", tmp_path / "mercy.key"
    keeping.hand_out(services, cast.mercy, key, PASSPHRASE)
    count = keeping.backup(services, cast.mercy, file)
    return Kept(cast.mercy, cast.luke, report, paper, file, key, count, canary.encode(), cast.owner.email)


def all_rows(instance: Instance, organisation_id: UUID) -> dict[str, set[str]]:
    """Return every row of an organisation as text, by table; of the journal what was there when the backup was made.

    Without the lookups of addresses: each house makes them with a key of its own.
    """
    found: dict[str, set[str]] = {}
    with postgres.connect(instance.layout, postgres.DATABASE) as connection:
        for table in rows.tables(connection):
            query = sql.SQL("SELECT (to_jsonb(t) - 'email_lookup')::text FROM {} t WHERE {}")
            query = query.format(sql.Identifier(table), rows.mine(table))
            found[table] = {str(row) for (row,) in connection.execute(query, {"organisation": organisation_id})}
    found["journal"] = {row for row in found["journal"] if "vault.copy" not in row}
    return found


def everything(instance: Instance) -> Iterator[Any]:
    """Yield the database's own files."""
    with postgres.connect(instance.layout, postgres.DATABASE) as connection:
        connection.execute("CHECKPOINT")
    return (path for path in Path(postgres.cluster(instance.layout)).rglob("*") if path.is_file())


def test_a_backup_is_closed_and_comes_back_whole_into_an_empty_instance(kept: Kept, services: Instance, empty: Instance) -> None:
    raw = kept.file.read_bytes()
    for open_text in (kept.canary, kept.email.encode(), b"Mercy", b"No acute finding", b"%PDF"):
        assert open_text not in raw
    assert kept.file.stat().st_mode & 0o077 == 0
    assert PASSPHRASE.encode() not in kept.key.read_bytes()
    which, count = keeping.restore(empty, kept.file, kept.key, PASSPHRASE)
    assert (which, count) == (kept.mercy, kept.rows)
    there, here = all_rows(services, kept.mercy), all_rows(empty, kept.mercy)
    assert {table: len(each) for table, each in here.items() if each} == {t: len(each) for t, each in there.items() if each}
    assert here == there
    assert len(here["studies"]) == len(here["report_versions"]) == len(here["report_documents"]) == 1
    with keeping.workshop(empty) as shop, shop.scopes.open(system_actor(kept.mercy)) as scope:
        version = queries.version(scope, kept.report)  # its signature is checked against the readers' authority
        assert documents.paper(scope, shop.seal, version) == kept.paper
        assert hashlib.sha256(kept.paper).hexdigest() == version.pdf_hash
        chain = scope.session.scalars(
            select(JournalRow).where(JournalRow.organisation_id == kept.mercy).order_by(JournalRow.sequence)
        )
        assert first_break(chain.all()) is None
        owner = accounts.at_address(scope, kept.mercy, kept.email.upper())  # found by the key of this house
        assert owner is not None
        assert addresses.of(scope, shop.seal, owner) == kept.email
    with pytest.raises(Conflict, match="here already"):
        keeping.restore(empty, kept.file, kept.key, PASSPHRASE)


def test_no_other_key_no_wrong_passphrase_and_no_altered_file_brings_anything_back(
    kept: Kept, scopes: Scopes, services: Instance, empty: Instance, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="passphrase"):
        keeping.restore(empty, kept.file, kept.key, "seven green bottle?")
    other = tmp_path / "luke.key"
    keeping.hand_out(services, kept.luke, other, PASSPHRASE)
    with pytest.raises(keeping.StepError, match="another organisation's"):
        keeping.restore(empty, kept.file, other, PASSPHRASE)
    raw = kept.file.read_bytes()
    for broken in (raw[:-20], raw[:-1] + bytes([raw[-1] ^ 1]), raw.replace(str(kept.mercy).encode(), str(kept.luke).encode())):
        bad = tmp_path / "bad.copy"
        bad.write_bytes(broken)
        with pytest.raises((Invalid, keeping.StepError)):
            keeping.restore(empty, bad, kept.key, PASSPHRASE)
    assert not any(all_rows(empty, kept.mercy).values())


def test_e02_another_master_key_opens_everything_and_the_old_one_nothing(kept: Kept, empty: Instance) -> None:
    keeping.restore(empty, kept.file, kept.key, PASSPHRASE)
    secret = empty.layout.secrets / keeping.MASTER
    old = Seal.from_text(secret.read_bytes().strip())
    assert keeping.rotate_master(empty) >= 2
    assert not (empty.layout.secrets / keeping.NEXT_MASTER).exists()
    assert not (empty.layout.secrets / keeping.FORMER_MASTER).exists()
    assert Seal.from_text(secret.read_bytes().strip()) != old
    with keeping.workshop(empty) as shop, shop.scopes.open(system_actor(kept.mercy)) as scope:
        assert documents.paper(scope, shop.seal, queries.version(scope, kept.report)) == kept.paper
        with pytest.raises(InvalidTag):
            documents.paper(scope, old, queries.version(scope, kept.report))
    assert not keeping._opens(empty, old)


def test_a_master_rotation_stopped_after_its_commit_goes_on(kept: Kept, empty: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping.restore(empty, kept.file, kept.key, PASSPHRASE)

    def power_cut(_path: Path, _target: Path) -> None:
        raise InterruptedError

    with monkeypatch.context() as patched, pytest.raises(InterruptedError):
        patched.setattr(Path, "hardlink_to", power_cut)
        keeping.rotate_master(empty)
    assert keeping.rotate_master(empty) == 0
    with keeping.workshop(empty) as shop, shop.scopes.open(system_actor(kept.mercy)) as scope:
        assert documents.paper(scope, shop.seal, queries.version(scope, kept.report)) == kept.paper


def test_e02_a_shredded_organisation_leaves_nothing_to_read_in_the_databases_tables(
    kept: Kept, empty: Instance, tmp_path: Path
) -> None:
    """Postgres' log keeps what passed through it until it is recycled; a wrapped key in it opens with no master key any more."""
    keeping.restore(empty, kept.file, kept.key, PASSPHRASE)
    with keeping.workshop(empty) as shop, shop.scopes.open(system_actor(kept.mercy)) as scope:
        user = scope.session.scalars(select(User).where(User.totp_sealed.is_not(None)).limit(1)).one()
        sealed = user.totp_sealed or b""
        service.open_sealed(scope, shop.seal, kept.mercy, sealed, place=f"users|{user.id}|totp")
        lookup = shop.scopes.lookup.of(kept.email)
        assert accounts.at_address(scope, kept.mercy, kept.email) is not None
    with keeping.workshop(empty) as shop, shop.scopes.open(system_actor(kept.mercy), address="198.51.100.7") as scope:
        scope.emit(SignedIn(organisation_id=kept.mercy, user_id=user.id))
    destroyed, deleted, _wrapped = keeping.shred(empty, kept.mercy)
    assert destroyed >= 2
    assert deleted > 5
    left = {table for table, each in all_rows(empty, kept.mercy).items() if each}
    assert left <= set(erasing.KEPT)
    assert "journal" in left
    tables = [path for path in everything(empty) if "base" in path.parts]
    assert len(tables) > 100
    gone = (kept.canary, kept.email.encode(), lookup.encode())
    assert not [path for path in tables if any(each in content for content in [path.read_bytes()] for each in gone)]
    with keeping.workshop(empty) as shop, shop.scopes.open(system_actor(kept.mercy)) as scope:
        with pytest.raises(KeyDestroyed):
            service.open_sealed(scope, shop.seal, kept.mercy, sealed, place=f"users|{user.id}|totp")
        with shop.scopes.open(NOBODY, login=lookup) as door:
            assert door.session.scalars(select(User)).all() == [], "an address like any unknown one"
        for person in scope.session.scalars(select(User).where(User.organisation_id == kept.mercy)):
            assert (person.email_sealed, person.email_lookup, addresses.of(scope, shop.seal, person)) == (None, None, "")
            assert person.disabled_at, "a session that is open ends at its next request"
        kinds = scope.session.scalars(select(JournalRow.kind).where(JournalRow.organisation_id == kept.mercy)).all()
        assert "vault.keys.destroyed" in kinds
    with keeping.workshop(empty) as shop:  # the worker of a running house comes by, and learns nothing anew from the journal
        watch_one(shop.scopes, shop.seal, kept.mercy)
    assert keeping.remainder(empty, kept.mercy).clean
    with pytest.raises(KeyDestroyed):
        keeping.backup(empty, kept.mercy, tmp_path / "after.copy")
    with pytest.raises(KeyDestroyed):
        keeping.hand_out(empty, kept.mercy, tmp_path / "after.key", PASSPHRASE)


def test_every_table_that_outlives_a_shredding_exists_and_has_a_reason(services: Instance) -> None:
    with postgres.connect(services.layout, postgres.DATABASE) as connection:
        assert set(erasing.KEPT) <= set(rows.tables(connection))
