"""The generations of an organisation's keys: the newest to close with, an older one to open with."""

import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.vault.errors import KeyDestroyed
from sidecar.vault.model import KeyName, Purpose
from sidecar.vault.tables import DataKey

KEY_BYTES = 32


def new_key() -> bytes:
    """Return a random key."""
    return secrets.token_bytes(KEY_BYTES)


def place(name: KeyName) -> str:
    """Return where a wrapped key belongs: moved to another organisation or generation it does not open."""
    return f"data_keys|{name.organisation_id}|{name.purpose}|{name.generation}"


def newest(scope: Scope, master: Seal, organisation_id: UUID, purpose: Purpose = Purpose.ROWS) -> tuple[int, Seal]:
    """Return the generation to close with; the first is made on demand. KeyDestroyed for a shredded organisation.

    The row stays share-locked to the end of the transaction: a generation is not destroyed while somebody closes with it.
    """
    row = _newest_row(scope, organisation_id, purpose)
    if row is None:
        add(scope, master, KeyName(organisation_id, purpose, 1))
        row = _newest_row(scope, organisation_id, purpose)
    if row is None:
        raise Missing
    return row.generation, _unwrap(master, row)


def newest_generation(scope: Scope, organisation_id: UUID) -> int | None:
    """Return which generation is the newest, or None without any; KeyDestroyed for a shredded organisation."""
    row = _newest_row(scope, organisation_id, Purpose.ROWS)
    if row is not None and row.wrapped is None:
        raise KeyDestroyed
    return row.generation if row else None


def named(scope: Scope, master: Seal, name: KeyName) -> Seal:
    """Return the key of one generation, to open with; KeyDestroyed when it is gone, Missing when it never was.

    It is unwrapped once in a transaction: a list of people opens a value for each of them.
    """
    known: dict[tuple[Seal, KeyName], Seal] = scope.session.info.setdefault("data_keys", {})
    if (master, name) not in known:
        known[master, name] = _unwrap(master, _row(scope, name))
    return known[master, name]


def _row(scope: Scope, name: KeyName) -> DataKey:
    same = (
        DataKey.organisation_id == name.organisation_id,
        DataKey.purpose == name.purpose,
        DataKey.generation == name.generation,
    )
    row: DataKey = scope.one(select(DataKey).where(*same).execution_options(populate_existing=True))
    return row


def living(scope: Scope, master: Seal, organisation_id: UUID) -> dict[int, bytes]:
    """Return every data key that still opens, by generation: they travel with a backup, inside it."""
    mine = (DataKey.organisation_id == organisation_id, DataKey.purpose == Purpose.ROWS, DataKey.wrapped.is_not(None))
    rows = scope.session.scalars(select(DataKey).where(*mine).order_by(DataKey.generation))
    return {row.generation: _unwrap(master, row).key for row in rows}


def wraps(master: Seal, name: KeyName, wrapped: bytes) -> bool:
    """Say whether this master key wrapped that key."""
    try:
        master.open(wrapped, place=place(name))
    except InvalidTag:
        return False
    return True


def add(scope: Scope, master: Seal, wanted: KeyName, key: bytes = b"") -> None:
    """Write a generation with a new random key, or with a given one; where somebody else did so first, theirs counts."""
    wrapped = master.close(key or new_key(), place=place(wanted))
    row = {"organisation_id": wanted.organisation_id, "purpose": wanted.purpose.value, "generation": wanted.generation}
    made = insert(DataKey).values(**row, wrapped=wrapped, created_at=scope.now)
    scope.session.execute(made.on_conflict_do_nothing())


def _newest_row(scope: Scope, organisation_id: UUID, purpose: Purpose) -> DataKey | None:
    found = select(DataKey).where(DataKey.organisation_id == organisation_id, DataKey.purpose == purpose)
    newest_first = found.order_by(DataKey.generation.desc()).limit(1).with_for_update(read=True)
    return scope.session.scalars(newest_first.execution_options(populate_existing=True)).one_or_none()


def _unwrap(master: Seal, row: DataKey) -> Seal:
    if row.wrapped is None:
        raise KeyDestroyed
    return Seal(master.open(row.wrapped, place=place(KeyName(row.organisation_id, Purpose(row.purpose), row.generation))))
