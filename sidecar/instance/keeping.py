"""What an operator does with an organisation's keys and copies, on the machine that holds the instance."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from sidecar.accounts import addresses
from sidecar.adapters import supervisor_rpc
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop
from sidecar.instance import credentials, postgres
from sidecar.instance.instance import Instance
from sidecar.instance.layout import write_private
from sidecar.instance.steps import StepError
from sidecar.kernel.settings import Settings
from sidecar.vault import copies, erasing, handing, keys, rotation, shredding
from sidecar.vault.events import CopyMade, CopyRestored
from sidecar.vault.model import KeyName, Purpose

MASTER, LOOKUP = "totp_key", "lookup_key"
"""The secret file of the master key. Its name is older than what it grew into."""
NEXT_MASTER, FORMER_MASTER = "totp_key.next", "totp_key.former"
HOLDERS = ("web", "worker")
"""The programs that hold the master key in memory."""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key as a person sees it."""

    organisation: str
    purpose: str
    generation: int
    created: str
    destroyed: str


def list_keys(instance: Instance) -> list[KeyLine]:
    """Return all keys there are and were; never their bytes."""
    query = (
        "SELECT o.name, k.purpose, k.generation, k.created_at::date::text, coalesce(k.destroyed_at::date::text, '')"
        " FROM data_keys k JOIN organisations o ON o.id = k.organisation_id ORDER BY 1, 2, 3"
    )
    with database(instance) as connection:
        return [KeyLine(*row) for row in connection.execute(query)]


def organisation(instance: Instance, named: str) -> UUID:
    """Return the id of the organisation with this name or id; StepError when there is none."""
    with database(instance) as connection:
        query = "SELECT id FROM organisations WHERE name = %(named)s OR id::text = %(named)s"
        found = connection.execute(query, {"named": named}).fetchone()
    if found is None:
        raise StepError(f"there is no organisation called {named!r}; `./readingroom keys list` shows those with keys")
    return UUID(str(found[0]))


def rotate(instance: Instance, organisations: list[UUID]) -> int:
    """Give these organisations new data keys, all of them when none is named; return how many values were closed anew."""
    with workshop(instance) as shop:
        return sum(rotation.rotate(shop.scopes, shop.seal, each) for each in organisations or with_keys(instance))


def renew_lookup(instance: Instance) -> int:
    """Replace the key that finds e-mail addresses, also a lost one; return how many are found by the new one.

    Web and worker pause meanwhile. Broken off, nobody of the organisations that are left finds in until the same is done again.
    """
    with _paused(instance):
        write_private(instance.layout.secrets / LOOKUP, credentials.MAKERS[LOOKUP]())
        return look_up_anew(instance)


def look_up_anew(instance: Instance) -> int:
    """Make the lookups of all addresses with the key as it is now; return how many."""
    found = 0
    with workshop(instance) as shop:
        for each in with_keys(instance):
            with shop.scopes.open(system_actor(each)) as scope:
                found += addresses.look_up_anew(scope, shop.seal)
    return found


def rotate_master(instance: Instance) -> int:
    """Replace the master key; return how many data keys were wrapped anew. Web and worker pause meanwhile.

    Broken off anywhere it goes on: the new key is on disk before the first key is wrapped with it, and which of the two files
    opens the data keys says how far it came.
    """
    secrets_dir = instance.layout.secrets
    following = secrets_dir / NEXT_MASTER
    if not following.exists():
        _destroy(secrets_dir / FORMER_MASTER)
        write_private(following, credentials.MAKERS[MASTER]())
    with _paused(instance), workshop(instance) as shop:
        new = Seal.from_text(following.read_bytes().strip())
        wrapped = 0
        if not _opens(instance, new):
            for each in with_keys(instance):
                rotation.close_anew(shop.scopes, shop.seal, each)  # nothing stays closed by the master key itself
            wrapped = rotation.wrap_anew(shop.scopes, shop.seal, new)
        with database(instance) as connection:
            connection.execute("DELETE FROM idempotent_requests")  # answers kept for a day, closed by the master key
        former = secrets_dir / FORMER_MASTER
        if not former.exists():
            former.hardlink_to(secrets_dir / MASTER)
        following.replace(secrets_dir / MASTER)
        _destroy(former)
    return wrapped


def shred(instance: Instance, organisation_id: UUID) -> tuple[int, int, int]:
    """Destroy an organisation's keys and delete what lay open; return keys destroyed, rows deleted, keys of others wrapped anew.

    The master key is replaced at the end: wrapped keys in the database's log and in old dumps of it open with none any more.
    """
    with workshop(instance) as shop, database(instance) as connection:
        rows = erasing.erase(connection, organisation_id)
        destroyed = shredding.destroy_keys(shop.scopes, organisation_id, erased=rows)
    return destroyed, rows, rotate_master(instance)


def remainder(instance: Instance, organisation_id: UUID) -> erasing.Remainder:
    """Count what is left of an organisation."""
    with database(instance) as connection:
        return erasing.remainder(connection, organisation_id)


def backup(instance: Instance, organisation_id: UUID, file: Path) -> int:
    """Write an organisation's rows and documents to a new file, closed under its key; return how many rows."""
    _need_new(file)
    with workshop(instance) as shop:
        rotation.close_anew(shop.scopes, shop.seal, organisation_id)  # what the master key closed itself opens nowhere else
        with shop.scopes.open(system_actor(organisation_id)) as scope:
            _number, key = keys.newest(scope, shop.seal, organisation_id, Purpose.COPIES)
            data_keys = keys.living(scope, shop.seal, organisation_id)
        part = file.with_name(f"{file.name}.part")
        try:
            with database(instance) as connection, part.open("wb") as target:
                part.chmod(0o600)
                rows = copies.write(connection, target, organisation_id, key=key, data_keys=data_keys)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)  # one that broke off is no copy
        with shop.scopes.open(system_actor(organisation_id)) as scope:
            scope.emit(CopyMade(organisation_id=organisation_id, rows=rows))
    return rows


def restore(instance: Instance, file: Path, key_file: Path, passphrase: str) -> tuple[UUID, int]:
    """Bring an organisation back from a backup, with the key that was handed out; return which, and how many rows."""
    owner, key = handing.take_back(key_file.read_bytes(), passphrase=passphrase)
    with file.open("rb") as source:
        head = copies.read_head(source)
        if head.organisation_id != owner:
            raise StepError("this key is another organisation's")
        with workshop(instance) as shop:
            with database(instance) as connection:
                rows, data_keys = copies.restore(connection, source, head, key=key)
            with shop.scopes.open(system_actor(owner)) as scope:
                for generation, data_key in data_keys.items():
                    keys.add(scope, shop.seal, KeyName(owner, Purpose.ROWS, generation), data_key)
                keys.add(scope, shop.seal, KeyName(owner, Purpose.COPIES, 1), key.key)
                addresses.look_up_anew(scope, shop.seal)
                scope.emit(CopyRestored(organisation_id=owner, rows=rows))
    return owner, rows


def hand_out(instance: Instance, organisation_id: UUID, file: Path, passphrase: str) -> None:
    """Write the key to an organisation's backups to a new file, closed by a passphrase."""
    _need_new(file)
    with workshop(instance) as shop, shop.scopes.open(system_actor(organisation_id)) as scope:
        content = handing.hand_out(scope, shop.seal, passphrase=passphrase)
        write_private(file, content)


def with_keys(instance: Instance) -> list[UUID]:
    """Return the organisations that have something sealed, or may have from before there were data keys.

    A partner that came along with another's backup has neither keys nor people: its own backup brings them.
    """
    query = (
        "SELECT id FROM organisations o WHERE"
        " EXISTS (SELECT 1 FROM data_keys k WHERE k.organisation_id = o.id AND purpose = 'rows' AND wrapped IS NOT NULL)"
        " OR (NOT EXISTS (SELECT 1 FROM data_keys k WHERE k.organisation_id = o.id)"
        " AND (EXISTS (SELECT 1 FROM users u WHERE u.organisation_id = o.id)"
        " OR EXISTS (SELECT 1 FROM cells c WHERE c.organisation_id = o.id)))"
    )
    with database(instance) as connection:
        return [UUID(str(each)) for (each,) in connection.execute(query)]


@contextmanager
def workshop(instance: Instance) -> Iterator[Workshop]:
    """Open what jobs work with, every table known."""
    import sidecar.app  # noqa: F401 - declares every table, and so every sealed column
    from sidecar.worker import open_workshop

    with closing(open_workshop(Settings.from_env(instance.env()))) as shop:
        yield shop


@contextmanager
def database(instance: Instance) -> Iterator[Connection[TupleRow]]:
    """Open the instance's database as its superuser."""
    with postgres.connect(instance.layout, postgres.DATABASE) as connection:
        yield connection


@contextmanager
def _paused(instance: Instance) -> Iterator[None]:
    """Stop the programs that hold the master key, those that run, and start them again with the new one."""
    rpc = supervisor_rpc.connect(instance.layout.supervisor_socket)
    held = [part.name for part in instance.parts() if part.name in HOLDERS and part.state == "running"]
    for name in held:
        supervisor_rpc.stop(rpc, name)
    try:
        yield
    finally:
        for name in held:
            supervisor_rpc.start(rpc, name)


def _opens(instance: Instance, master: Seal) -> bool:
    """Say whether this master key is the one that the data keys are wrapped with."""
    with database(instance) as connection:
        row = connection.execute(
            "SELECT organisation_id, purpose, generation, wrapped FROM data_keys WHERE wrapped IS NOT NULL LIMIT 1"
        ).fetchone()
    return row is None or keys.wraps(master, KeyName(UUID(str(row[0])), Purpose(row[1]), int(row[2])), bytes(row[3]))


def _need_new(file: Path) -> None:
    """Refuse to write over a file: it may be the only copy, or the only key to one. Raise FileExistsError."""
    if file.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file))


def _destroy(path: Path) -> None:
    """Write over a key's bytes before its name goes. A file system that copies on write keeps them nevertheless."""
    if path.exists():
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
