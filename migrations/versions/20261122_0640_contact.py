"""E-mail addresses, and for whom share links were made, sealed under the organisation's key; addresses found by a lookup.

What is there is closed here, one row after the other: it takes the master key and the key of lookups, the secret files
``totp_key`` and ``lookup_key``. The form of what is sealed is ``sidecar.vault``'s: ``RRv1``, the generation of the key, nonce,
ciphertext; AES-256-GCM with ``table|row|column`` as associated data. It is written out here, since migrations outlive code.

Revision ID: 20261122_0640
Revises: 20261122_0630
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import op
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

revision = "20261122_0640"
down_revision = "20261122_0630"
branch_labels = None
depends_on = None

MARK, GENERATION, NONCE, KEY = b"RRv1", 4, 12, 32

ADD = """
ALTER TABLE users ADD COLUMN email_sealed BYTEA, ADD COLUMN email_lookup TEXT;
ALTER TABLE registrations ADD COLUMN email_sealed BYTEA, ADD COLUMN email_lookup TEXT;
ALTER TABLE account_tokens ADD COLUMN email_sealed BYTEA;
ALTER TABLE share_links ADD COLUMN recipient_sealed BYTEA;
"""
SEEN = "organisation_id = app_org() OR app_platform() OR app_login() IN ({}, invitation_hash)"
SWAP = """
ALTER TABLE users DROP COLUMN email;
CREATE UNIQUE INDEX uq_users_email_in_use ON users (organisation_id, email_lookup) WHERE deleted_at IS NULL;
ALTER TABLE registrations DROP COLUMN email, ALTER COLUMN email_sealed SET NOT NULL, ALTER COLUMN email_lookup SET NOT NULL,
  ADD CONSTRAINT uq_registrations_organisation_id_email_lookup UNIQUE (organisation_id, email_lookup);
ALTER TABLE account_tokens DROP COLUMN email, ALTER COLUMN email_sealed SET NOT NULL;
ALTER TABLE share_links DROP COLUMN recipient, ALTER COLUMN recipient_sealed SET NOT NULL;
GRANT UPDATE (email_sealed) ON account_tokens TO readingroom_app;
GRANT UPDATE (recipient_sealed) ON share_links TO readingroom_app;
"""

ADD_BACK = """
ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE registrations ADD COLUMN email TEXT;
ALTER TABLE account_tokens ADD COLUMN email TEXT;
ALTER TABLE share_links ADD COLUMN recipient TEXT;
"""
# Nobody's address stays nobody's: who was deleted, or shredded with the organisation.
SWAP_BACK = """
UPDATE users SET email = CASE WHEN deleted_at IS NULL THEN 'shredded:' || id ELSE '' END WHERE email IS NULL;
ALTER TABLE users DROP COLUMN email_sealed, DROP COLUMN email_lookup, ALTER COLUMN email SET NOT NULL;
CREATE UNIQUE INDEX uq_users_email_in_use ON users (organisation_id, email) WHERE deleted_at IS NULL;
ALTER TABLE registrations DROP COLUMN email_sealed, DROP COLUMN email_lookup, ALTER COLUMN email SET NOT NULL,
  ADD CONSTRAINT uq_registrations_organisation_id_email UNIQUE (organisation_id, email);
ALTER TABLE account_tokens DROP COLUMN email_sealed, ALTER COLUMN email SET NOT NULL;
ALTER TABLE share_links DROP COLUMN recipient_sealed, ALTER COLUMN recipient SET NOT NULL;
"""

# table: (its own part of the key, what lies open, what is sealed, whether it is looked up)
COLUMNS = {
    "users": ("id", "email", "email_sealed", True),
    "registrations": ("id", "email", "email_sealed", True),
    "account_tokens": ("hash", "email", "email_sealed", False),
    "share_links": ("id", "recipient", "recipient_sealed", False),
}


def upgrade() -> None:
    op.execute(ADD)
    with _lowered_walls():
        for table in COLUMNS:
            _close_all(table)
    op.execute(f"ALTER POLICY wall ON users USING ({SEEN.format('email_lookup')}) WITH CHECK ({SEEN.format('email_lookup')})")
    op.execute(SWAP)
    for table in COLUMNS:  # a dropped column's text lies in the table's file until it is written anew
        op.execute(f"CLUSTER {table} USING pk_{table}")
        op.execute(f"ALTER TABLE {table} SET WITHOUT CLUSTER")


def downgrade() -> None:
    op.execute(ADD_BACK)
    with _lowered_walls():
        for table in COLUMNS:
            _open_all(table)
        op.execute(f"ALTER POLICY wall ON users USING ({SEEN.format('email')}) WITH CHECK ({SEEN.format('email')})")
        op.execute("REVOKE UPDATE (email_sealed) ON account_tokens FROM readingroom_app")
        op.execute("REVOKE UPDATE (recipient_sealed) ON share_links FROM readingroom_app")
        op.execute(SWAP_BACK)


@contextmanager
def _lowered_walls() -> Iterator[None]:
    """A wall that is FORCEd hides a table's rows from its owner too: it is lowered while the rows change."""
    for table in (*COLUMNS, "data_keys"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    for table in (*COLUMNS, "data_keys"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _close_all(table: str) -> None:
    part, opened, sealed, looked_up = COLUMNS[table]
    keys: dict[Any, tuple[int, bytes] | None] = {}
    for row in _run(f"SELECT organisation_id AS house, {part} AS part, {opened} AS plain FROM {table} WHERE {opened} <> ''"):
        same = {"house": row.house, "part": row.part}
        if row.house not in keys:
            keys[row.house] = _newest_key(row.house)
        key = keys[row.house]
        if key is None:  # the organisation was shredded: nothing is closed for it any more, and nothing stays
            if table != "users":
                _run(f"DELETE FROM {table} WHERE organisation_id = :house AND {part} = :part", **same)
            continue
        generation, data_key = key
        body = _close(data_key, row.plain.encode(), f"{table}|{row.part}|{opened}")
        change = {sealed: MARK + generation.to_bytes(GENERATION, "big") + body}
        if looked_up:
            change["email_lookup"] = _lookup(row.plain)
        _write(table, part, same, change)


def _open_all(table: str) -> None:
    part, opened, sealed, _looked_up = COLUMNS[table]
    for row in _run(f"SELECT organisation_id AS house, {part} AS part, {sealed} AS body FROM {table} WHERE {sealed} IS NOT NULL"):
        plain = _opened(row.house, bytes(row.body), f"{table}|{row.part}|{opened}")
        _write(table, part, {"house": row.house, "part": row.part}, {opened: plain.decode()})


def _write(table: str, part: str, same: dict[str, Any], change: dict[str, Any]) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in change)
    _run(f"UPDATE {table} SET {columns} WHERE organisation_id = :house AND {part} = :part", **same, **change)


def _newest_key(house: Any) -> tuple[int, bytes] | None:
    """Return generation and key to close with; the first is made on demand. None for a shredded organisation."""
    newest = (
        "SELECT generation, wrapped FROM data_keys WHERE organisation_id = :house AND purpose = 'rows' ORDER BY 1 DESC LIMIT 1"
    )
    found = _run(newest, house=house).one_or_none()
    if found is None:
        made = os.urandom(KEY)
        wrapped = _close(_master(), made, f"data_keys|{house}|rows|1")
        _run("INSERT INTO data_keys VALUES (:house, 'rows', 1, :wrapped, now())", house=house, wrapped=wrapped)
        return 1, made
    if found.wrapped is None:
        return None
    return found.generation, _open(_master(), bytes(found.wrapped), f"data_keys|{house}|rows|{found.generation}")


def _opened(house: Any, stored: bytes, place: str) -> bytes:
    if not stored.startswith(MARK):  # closed by the master key itself, as in the first house
        return _open(_master(), stored, place)
    start = len(MARK) + GENERATION
    generation = int.from_bytes(stored[len(MARK) : start], "big")
    one = "SELECT wrapped FROM data_keys WHERE organisation_id = :house AND purpose = 'rows' AND generation = :generation"
    wrapped = bytes(_run(one, house=house, generation=generation).scalar_one())
    return _open(_open(_master(), wrapped, f"data_keys|{house}|rows|{generation}"), stored[start:], place)


def _close(key: bytes, plain: bytes, place: str) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def _open(key: bytes, closed: bytes, place: str) -> bytes:
    return AESGCM(key).decrypt(closed[:NONCE], closed[NONCE:], place.encode())


def _lookup(address: str) -> str:
    return "address:" + hmac.digest(_secret("lookup_key"), address.strip().lower().encode(), hashlib.sha256).hex()


@cache
def _master() -> bytes:
    return base64.urlsafe_b64decode(_secret("totp_key"))


@cache
def _secret(name: str) -> bytes:
    """Return a secret file; without it nothing is changed, since an address must neither stay open nor be lost."""
    path = Path(os.environ.get("RR_SECRETS_DIR", "")) / name
    if "RR_SECRETS_DIR" not in os.environ or not path.is_file():
        raise RuntimeError(
            f"E-mail addresses are sealed in this version, and that takes the secret file {name} in RR_SECRETS_DIR, which is not"
            " there. Nothing was changed. `./readingroom up` makes it and migrates; in containers the service setup does."
        )
    return path.read_bytes().strip()


def _run(statement: str, **values: Any) -> Any:
    return op.get_bind().execute(text(statement), values)
