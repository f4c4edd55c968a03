"""The journal: one append-only table, hash-chained per organisation. Audit and outbox are two readings of it.

A row's hash is ``sha256(previous_hash || organisation id (16 bytes) || sequence (8 bytes, big endian) || body)``, where ``body``
is the exact JSON text stored. The chain is advanced by the database function ``journal_append`` alone: the application's role
may neither insert, update nor delete rows, and any edit, removal or reordering breaks the chain.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from sidecar.kernel.canonical import canonical
from sidecar.kernel.db import Base

GENESIS = b"\x00" * 32


class JournalRow(Base):
    """One thing that happened. ``organisation_id`` owns the chain; ``actor_organisation_id`` is who did it."""

    __tablename__ = "journal"
    __table_args__ = (
        Index(None, "organisation_id", "at"),
        Index(None, "organisation_id", "study_id"),
        Index(None, "actor_organisation_id", "at"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    kind: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    actor_organisation_id: Mapped[UUID | None]
    study_id: Mapped[UUID | None]
    body: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


def row_hash(previous: bytes, organisation_id: UUID, sequence: int, body: str) -> bytes:
    """Return the hash that row ``sequence`` must bear, given the hash of the row before it."""
    return hashlib.sha256(previous + organisation_id.bytes + sequence.to_bytes(8, "big") + body.encode()).digest()


def append(session: Session, organisation_id: UUID, body: Mapping[str, Any]) -> None:
    """Add one row to an organisation's chain. ``body`` needs ``kind`` and ``at``; ids only, never patient data."""
    session.execute(
        text("SELECT journal_append(:organisation, :body)"),
        {"organisation": organisation_id, "body": canonical(body)},
    )


def copied_truly(row: JournalRow) -> bool:
    """Say whether the columns beside the body, there for searching, still say what the hashed body says."""
    body = json.loads(row.body)
    ids = {"actor": row.actor_id, "actor_organisation": row.actor_organisation_id, "study": row.study_id}
    return (
        row.kind == body["kind"]
        and row.at == datetime.fromisoformat(body["at"])
        and all((str(value) if value else None) == body.get(name) for name, value in ids.items())
    )


def first_break(rows: Iterable[JournalRow]) -> int | None:
    """Return the sequence of the first row that does not continue its chain, or None. ``rows`` in order, from 1."""
    previous = GENESIS
    for expected, row in enumerate(rows, start=1):
        good = row_hash(previous, row.organisation_id, expected, row.body)
        if row.sequence != expected or row.previous_hash != previous or row.hash != good or not copied_truly(row):
            return expected
        previous = row.hash
    return None
