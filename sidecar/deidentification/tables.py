"""Rows of projects, exports, and of images that a person must look at before they leave."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.vault.model import sealed_at


class Project(Base):
    """A recipient or piece of research. Its key, sealed, makes pseudonyms: the same within it, unlinkable between two."""

    __tablename__ = "deidentification_projects"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        UniqueConstraint("organisation_id", "name"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    key_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("deidentification_projects|{id}|key"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Export(Base):
    """One export that ``user_id`` asked for. ``state`` is an ExportState, ``options`` are Options.

    ``done`` and ``left_out`` of ``total`` count instances. ``next_at``: when the worker may take it, or take it again because
    whoever worked on it went silent. ``problem`` is for people and holds no patient data.
    """

    __tablename__ = "deidentified_exports"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "project_id"],
            ["deidentification_projects.organisation_id", "deidentification_projects.id"],
        ),
        Index(None, "organisation_id", "created_at"),
        Index("ix_deidentified_exports_open", "organisation_id", "next_at", postgresql_where="state IN ('waiting', 'working')"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    user_id: Mapped[UUID]
    user_name: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    options: Mapped[list[str]] = mapped_column(ARRAY(Text))
    hold_heads: Mapped[bool]
    state: Mapped[str] = mapped_column(Text)
    problem: Mapped[str] = mapped_column(Text, default="")
    total: Mapped[int] = mapped_column(Integer, default=0)
    done: Mapped[int] = mapped_column(Integer, default=0)
    left_out: Mapped[int] = mapped_column(Integer, default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ExportedStudy(Base):
    """One study of an export, ``position`` in the order it was asked for."""

    __tablename__ = "exported_studies"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "export_id"], ["deidentified_exports.organisation_id", "deidentified_exports.id"]
        ),
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"]),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    export_id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer)


class HeldInstance(Base):
    """An image that a person must look at: why (``risks``), and what was decided (a Decision, "" until then)."""

    __tablename__ = "held_instances"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "export_id"], ["deidentified_exports.organisation_id", "deidentified_exports.id"]
        ),
        ForeignKeyConstraint(
            ["organisation_id", "orthanc_id"], ["instances.organisation_id", "instances.orthanc_id"], ondelete="CASCADE"
        ),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    export_id: Mapped[UUID] = mapped_column(primary_key=True)
    orthanc_id: Mapped[str] = mapped_column(Text, primary_key=True)
    study_id: Mapped[UUID]
    series_id: Mapped[UUID]
    risks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    decision: Mapped[str] = mapped_column(Text, default="")
    masks: Mapped[list[list[int]]] = mapped_column(JSONB, default=list)
    decided_by_name: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
