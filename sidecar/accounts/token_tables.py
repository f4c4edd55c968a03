"""Rows of what programs prove themselves with. Secrets are stored as hashes only: 256 random bits need no slow one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base

MOMENT = DateTime(timezone=True)


class RefreshFamily(Base):
    """One sign-in of a program: all refresh tokens that follow from it. ``proved_at``: when the second factor was proved."""

    __tablename__ = "refresh_families"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"]),
        Index(None, "organisation_id", "user_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    client: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    proved_at: Mapped[datetime] = mapped_column(MOMENT)
    created_at: Mapped[datetime] = mapped_column(MOMENT)
    used_at: Mapped[datetime] = mapped_column(MOMENT)
    expires_at: Mapped[datetime] = mapped_column(MOMENT)
    ended_at: Mapped[datetime | None] = mapped_column(MOMENT)
    ending: Mapped[str] = mapped_column(Text)


class RefreshToken(Base):
    """One refresh token. ``spent_at``: when the last of the requests that came while it was exchanged had been answered."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "family_id"], ["refresh_families.organisation_id", "refresh_families.id"], ondelete="CASCADE"
        ),
        Index(None, "organisation_id", "family_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    family_id: Mapped[UUID]
    issued_at: Mapped[datetime] = mapped_column(MOMENT)
    spent_at: Mapped[datetime | None] = mapped_column(MOMENT)


class ApiKey(Base):
    """A person's key for a machine. ``hint``: its last letters, to tell keys apart; ``scopes``: permissions it was given."""

    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"]),
        UniqueConstraint("organisation_id", "hash"),
        Index(None, "organisation_id", "user_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    hint: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(MOMENT)
    expires_at: Mapped[datetime] = mapped_column(MOMENT)
    used_at: Mapped[datetime | None] = mapped_column(MOMENT)
    address: Mapped[str] = mapped_column(Text)
    revoked_at: Mapped[datetime | None] = mapped_column(MOMENT)
