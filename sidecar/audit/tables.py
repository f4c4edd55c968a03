"""Rows beside the journal: signed checkpoints, and how long an organisation keeps its journal."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Integer, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class CheckpointRow(Base):
    """A signed statement about one row of the chain (``checkpoints.Checkpoint``). Only ever added."""

    __tablename__ = "journal_checkpoints"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    key: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class Keeping(Base):
    """How long the organisation keeps its journal, whether somebody holds it, and what the last whole check found.

    ``fault`` is "" for a journal that verified. No row: six years, no hold, not checked yet.
    """

    __tablename__ = "journal_keeping"
    __table_args__ = (CheckConstraint("years >= 6", name="six_years"),)

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    years: Mapped[int] = mapped_column(Integer)
    hold_reason: Mapped[str] = mapped_column(Text, default="")
    held_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    held_by_name: Mapped[str] = mapped_column(Text, default="")
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    checked_rows: Mapped[int] = mapped_column(BigInteger, default=0)
    fault: Mapped[str] = mapped_column(Text, default="")
