"""Rows of reports and their signed versions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.vault.model import sealed_at


class Report(Base):
    """An organisation's report on one study: the living draft. ``revision`` grows with each save: no window overwrites another.

    A study that changes its readers may have a draft of each; one of them is signed at most.
    """

    __tablename__ = "reports"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"]),
        UniqueConstraint("organisation_id", "study_id", "author_organisation_id"),
        Index("ux_reports_signed", "organisation_id", "study_id", unique=True, postgresql_where=sql("status = 'final'")),
        Index(None, "study_id"),
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
    """One signed version, immutable by trigger and by privilege (21 CFR 11.10(e), 11.50, 11.70).

    ``signature`` is over the content's canonical JSON, by the key of ``certificate`` (PEM); versions of format 1 have none.
    ``content_hash`` and ``pdf_hash`` are SHA-256, hex.
    """

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
    pdf_hash: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    certificate: Mapped[str | None] = mapped_column(Text)


class Addendum(Base):
    """What is added to a signed report: a draft of its authors' own, at most one open per report; signed, it is ``version``.

    ``lock_until``: so long its author holds it against colleagues. Signed ones never change: what counts then is the version.
    """

    __tablename__ = "report_addenda"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "report_id"], ["reports.organisation_id", "reports.id"]),
        ForeignKeyConstraint(
            ["organisation_id", "report_id", "version"],
            ["report_versions.organisation_id", "report_versions.report_id", "report_versions.version"],
        ),
        Index("ux_report_addenda_open", "organisation_id", "report_id", unique=True, postgresql_where=sql("status = 'draft'")),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(Integer)
    author_id: Mapped[UUID]
    author_organisation_id: Mapped[UUID]
    author_name: Mapped[str] = mapped_column(Text)
    lock_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ReportDocument(Base):
    """A signed version on paper: its PDF, sealed. Which PDF it is says the version's ``pdf_hash``; under which key may change."""

    __tablename__ = "report_documents"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "report_id", "version"],
            ["report_versions.organisation_id", "report_versions.report_id", "report_versions.version"],
        ),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    reading_organisation_id: Mapped[UUID | None]
    pdf_sealed: Mapped[bytes] = mapped_column(
        LargeBinary, info=sealed_at("report_documents|{report_id}.{version}|pdf", open_mark=b"%PDF-")
    )


class SigningAuthority(Base):
    """Who vouches for an organisation's signers, and the clock that stamps their signatures. Certificates PEM, keys sealed."""

    __tablename__ = "signing_authorities"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    certificate: Mapped[str] = mapped_column(Text)
    key_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("signing_authorities|{organisation_id}|key"))
    clock_certificate: Mapped[str] = mapped_column(Text)
    clock_key_sealed: Mapped[bytes] = mapped_column(
        LargeBinary, info=sealed_at("signing_authorities|{organisation_id}|clock_key")
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
