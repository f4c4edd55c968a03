"""Rows of what people were told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class Notification(Base):
    """One thing a person was told in the house. ``text`` holds no patient data; ``href`` is a path of ours or empty."""

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"]),
        Index("ix_notifications_latest", "organisation_id", "user_id", "created_at", "id"),
        Index("ix_notifications_unread", "organisation_id", "user_id", postgresql_where="read_at IS NULL"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    href: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
