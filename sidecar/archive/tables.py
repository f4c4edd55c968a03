"""Rows of jobs, deletions, legal holds and retention periods. ``organisation_id`` is always the owner of the study."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.archive.model import DeletionState
from sidecar.kernel.db import Base

STUDY = ["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"]


class Job(Base):
    """Something long that one person had done to one study; ``user_organisation_id`` is theirs, which may be a reading group's.

    ``kind`` is a JobKind, ``state`` a JobState. ``done`` of ``total`` counts instances. ``target`` is the AE title of a send, the
    Form of a download. ``cell_job`` is the cell's own name for the running work. ``problem`` is a code that ``rules`` words,
    ``problem_detail`` what a technician may need (a DIMSE status). ``options`` are the kind's own.
    """

    __tablename__ = "archive_jobs"
    __table_args__ = (
        ForeignKeyConstraint(*STUDY),
        Index(None, "user_organisation_id", "created_at"),
        Index("ix_archive_jobs_open", "organisation_id", postgresql_where="state IN ('waiting', 'running', 'cancelling')"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    study_id: Mapped[UUID]
    series_id: Mapped[UUID | None]
    user_id: Mapped[UUID]
    user_name: Mapped[str] = mapped_column(Text)
    user_organisation_id: Mapped[UUID]
    target: Mapped[str] = mapped_column(Text, default="")
    total: Mapped[int] = mapped_column(Integer, default=0)
    done: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    cell_job: Mapped[str] = mapped_column(Text, default="")
    problem: Mapped[str] = mapped_column(Text, default="")
    problem_detail: Mapped[str] = mapped_column(Text, default="")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Deletion(Base):
    """One deletion of one study: hidden since ``asked_at``, undoable until ``erase_at``, gone for good since ``erased_at``.

    ``undone_at``: somebody wants it back since then. It is when its cell has all its images again (state UNDONE).
    """

    __tablename__ = "archive_deletions"
    __table_args__ = (
        ForeignKeyConstraint(*STUDY),
        Index(None, "organisation_id", "study_id"),
        Index("ix_archive_deletions_due", "organisation_id", "erase_at", postgresql_where="state IN ('hidden', 'erasing')"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    explanation: Mapped[str] = mapped_column(Text)
    images: Mapped[int] = mapped_column(Integer)
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    asked_by_id: Mapped[UUID]
    asked_by_name: Mapped[str] = mapped_column(Text)
    erase_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_by_name: Mapped[str] = mapped_column(Text, default="")
    problem: Mapped[str] = mapped_column(Text, default="")

    @property
    def shown(self) -> DeletionState:
        """How far it is, for who looks."""
        returning = self.state == DeletionState.HIDDEN and self.undone_at is not None
        return DeletionState.RETURNING if returning else DeletionState(self.state)


class LegalHold(Base):
    """While a hold is not lifted, nobody deletes the study, whatever its age."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        ForeignKeyConstraint(*STUDY),
        Index("uq_legal_holds_standing", "organisation_id", "study_id", unique=True, postgresql_where="lifted_at IS NULL"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    set_by_name: Mapped[str] = mapped_column(Text)
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_by_name: Mapped[str] = mapped_column(Text, default="")
    lift_reason: Mapped[str] = mapped_column(Text, default="")


class RetentionPeriod(Base):
    """How many years after the study's date an organisation keeps its studies, if it chose other than the default."""

    __tablename__ = "retention_periods"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    years: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_by_name: Mapped[str] = mapped_column(Text)


class InstanceDigest(Base):
    """What an instance's file was when it was received, and is. ``damage`` is "" or a Damage; ``due_at``: the next reading.

    Written as owed by a trigger when the instance is; ``sha256`` is None until the file was read once, and stays from then on.
    """

    __tablename__ = "instance_digests"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "orthanc_id"],
            ["instances.organisation_id", "instances.orthanc_id"],
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        Index(None, "organisation_id", "due_at"),
        Index("ix_instance_digests_damaged", "organisation_id", postgresql_where="damage <> ''"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    orthanc_id: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    recorded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    damage: Mapped[str] = mapped_column(Text)
