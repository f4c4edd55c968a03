"""Rows of reports and their signed versions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class Report(Base):
    """The report on one study: the living draft. ``revision`` grows with each save: no window overwrites another."""

    __tablename__ = "reports"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"]),
        UniqueConstraint("organisation_id", "study_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID]
    reading_organisation_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(Text)
    author_id: Mapped[UUID]
    author_organisation_id: Mapped[UUID]
    author_name: Mapped[str] = mapped_column(Text)
    sections: Mapped[dict[str, str]] = mapped_column(JSONB)
    revision: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ReportVersion(Base):
    """One signed version, immutable by trigger and by privilege (21 CFR 11.10(e), 11.50, 11.70)."""

    __tablename__ = "report_versions"
    __table_args__ = (ForeignKeyConstraint(["organisation_id", "report_id"], ["reports.organisation_id", "reports.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    reading_organisation_id: Mapped[UUID | None]
    content: Mapped[dict[str, object]] = mapped_column(JSONB)
    content_hash: Mapped[str] = mapped_column(Text)
    signer_id: Mapped[UUID]
    signer_name: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    meaning: Mapped[str] = mapped_column(Text)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
