"""The journal: one append-only table, hash-chained per organisation. Audit and outbox are two readings of it.

A row's hash is ``sha256(previous_hash || organisation id (16 bytes) || sequence (8 bytes, big endian) || body)``, where ``body``
is the exact JSON text stored. The chain is advanced by the database function ``journal_append`` alone: the application's role
may neither insert, update nor delete rows, and any edit, removal or reordering breaks the chain.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from sidecar.kernel.canonical import canonical
from sidecar.kernel.db import Base

GENESIS = b"\x00" * 32
ELSEWHERE = "organisation_id <> actor_organisation_id"
"""What somebody did in another organisation's chain."""


class JournalRow(Base):
    """One thing that happened. ``organisation_id`` owns the chain; ``actor_organisation_id`` is who did it.

    ``subject_id``: the person or order it is about, beside its study.
    """

    __tablename__ = "journal"
    __table_args__ = (
        Index(None, "organisation_id", "at", "sequence"),
        Index(None, "organisation_id", "actor_id", "at"),
        Index(None, "organisation_id", "kind", "at"),
        Index("ix_journal_subject", "organisation_id", "subject_id", "at", postgresql_where=text("subject_id IS NOT NULL")),
        Index("ix_journal_refused", "organisation_id", "at", "sequence", postgresql_where=text("outcome <> 0")),
        Index(None, "organisation_id", "study_id"),
        Index("ix_journal_elsewhere", "actor_organisation_id", "at", postgresql_where=text(ELSEWHERE)),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    kind: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    actor_organisation_id: Mapped[UUID | None]
    study_id: Mapped[UUID | None]
    outcome: Mapped[int] = mapped_column(SmallInteger)
    subject_id: Mapped[UUID | None]
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


class Link(Protocol):
    """A row of the journal as the chain sees it: the table's own, or one read back from an export."""

    @property
    def organisation_id(self) -> UUID: ...  # noqa: D102
    @property
    def sequence(self) -> int: ...  # noqa: D102
    @property
    def body(self) -> str: ...  # noqa: D102
    @property
    def previous_hash(self) -> bytes: ...  # noqa: D102
    @property
    def hash(self) -> bytes: ...  # noqa: D102


def copied_truly(row: Any) -> bool:
    """Say whether the columns beside the body, there for searching, still say what the hashed body says."""
    try:
        body = json.loads(row.body)
        facts = body.get("facts") or {}
        subject = facts.get("user_id") or facts.get("assignee_id") or facts.get("order_id")
        ids = (
            (row.actor_id, body.get("actor")),
            (row.actor_organisation_id, body.get("actor_organisation")),
            (row.study_id, body.get("study")),
            (row.subject_id, subject),
        )
        return (
            row.kind == body["kind"]
            and row.at == datetime.fromisoformat(body["at"])
            and row.outcome == body.get("outcome", 0)
            and all((str(value) if value else None) == said for value, said in ids)
        )
    except (ValueError, KeyError, AttributeError):
        return False  # no text that ``append`` could have written


def continues(previous: bytes, expected: int, row: Link) -> bool:
    """Say whether a row is the one numbered ``expected`` after the row with the hash ``previous``."""
    good = row_hash(previous, row.organisation_id, expected, row.body)
    return row.sequence == expected and row.previous_hash == previous and row.hash == good


def first_break(rows: Iterable[JournalRow]) -> int | None:
    """Return the sequence of the first row that does not continue its chain, or None. ``rows`` in order, from 1."""
    previous = GENESIS
    for expected, row in enumerate(rows, start=1):
        if not continues(previous, expected, row) or not copied_truly(row):
            return expected
        previous = row.hash
    return None
