"""Rows of alerts, of where people signed in from before, of forwarding and of access reviews."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.vault.model import sealed_at

WHEN = DateTime(timezone=True)


class Alert(Base):
    """Something to look at. One open row per kind and subject; what comes after moves ``last_at`` and ``facts``."""

    __tablename__ = "alerts"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        Index(
            "ix_alerts_open", "organisation_id", "kind", "subject", unique=True, postgresql_where=text("acknowledged_at IS NULL")
        ),
        Index(None, "organisation_id", "raised_at"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    first_at: Mapped[datetime] = mapped_column(WHEN)
    last_at: Mapped[datetime] = mapped_column(WHEN)
    raised_at: Mapped[datetime] = mapped_column(WHEN)
    told_at: Mapped[datetime | None] = mapped_column(WHEN)
    mailed_at: Mapped[datetime | None] = mapped_column(WHEN)
    acknowledged_at: Mapped[datetime | None] = mapped_column(WHEN)
    acknowledged_by: Mapped[UUID | None]
    acknowledged_name: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(Text, default="")


class AlertWatch(Base):
    """How far an organisation's chain was looked through for sign-ins, and when its administrators last had mail."""

    __tablename__ = "alert_watches"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    mailed_at: Mapped[datetime | None] = mapped_column(WHEN)


class AlertLimits(Base):
    """How many of what an organisation wants to be told of, if it chose other than the house's numbers (rules.Limits)."""

    __tablename__ = "alert_limits"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    failed_of_account: Mapped[int] = mapped_column(Integer)
    failed_of_address: Mapped[int] = mapped_column(Integer)
    denials: Mapped[int] = mapped_column(Integer)
    denials_of_images: Mapped[int] = mapped_column(Integer)
    downloads: Mapped[int] = mapped_column(Integer)
    studies_seen: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime] = mapped_column(WHEN)


class KnownPlace(Base):
    """A network somebody has signed in from (rules.place)."""

    __tablename__ = "known_places"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(Text, primary_key=True)
    last_at: Mapped[datetime] = mapped_column(WHEN)


class Forwarding(Base):
    """Where an organisation's chain goes besides. ``sequence`` is the last row that was taken over there.

    ``authority``: PEM of the certificate authorities trusted for it, "" for those everybody trusts. ``client_certificate``: PEM
    of what we prove ourselves with, "" for nothing; its private key is sealed.
    """

    __tablename__ = "forwardings"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(Text, primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    port: Mapped[int] = mapped_column(Integer)
    path: Mapped[str] = mapped_column(Text)
    authority: Mapped[str] = mapped_column(Text)
    bearer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, info=sealed_at("forwardings|{target}|bearer"))
    client_certificate: Mapped[str] = mapped_column(Text)
    client_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, info=sealed_at("forwardings|{target}|client key"))
    sequence: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(Integer)
    last_error: Mapped[str] = mapped_column(Text)
    next_try_at: Mapped[datetime] = mapped_column(WHEN)
    delivered_at: Mapped[datetime | None] = mapped_column(WHEN)
    set_at: Mapped[datetime] = mapped_column(WHEN)


class AccessReview(Base):
    """A confirmed review: who looked at which list (CSV, sealed) and when."""

    __tablename__ = "access_reviews"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        Index(None, "organisation_id", "quarter"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    quarter: Mapped[str] = mapped_column(Text)
    people: Mapped[int] = mapped_column(Integer)
    content_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("access_reviews|{id}|content"))
    content_hash: Mapped[str] = mapped_column(Text)
    reviewer_id: Mapped[UUID]
    reviewer_name: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    reviewed_at: Mapped[datetime] = mapped_column(WHEN)
