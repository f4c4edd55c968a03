"""Rows of the inbox."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class InboxEvent(Base):
    """An event already taken. At least once on the wire becomes exactly once here."""

    __tablename__ = "inbox"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
