"""Rows of mails on their way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.vault.model import sealed_at


class Mail(Base):
    """A mail that did not arrive yet. ``sealed`` holds whom, subject and text; the row goes when it is delivered.

    ``due_at`` is when it is tried next; empty: it was given up, for the reason in ``last_error``.
    """

    __tablename__ = "mails"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        Index(None, "due_at"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("mails|{id}|sealed"))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
