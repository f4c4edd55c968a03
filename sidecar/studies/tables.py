"""Rows of studies, series, instances, cached metadata and thumbnails, reading contexts. DICOM elements carry their keyword."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Computed,
    DateTime,
    FetchedValue,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class Study(Base):
    """One study of one provider. The same StudyInstanceUID in two organisations is two rows that know nothing of each other.

    ``changed_xid`` is the id of the transaction that touched the row last (set by a trigger): readers who remember the
    oldest transaction still running when they looked never miss a change (see ``worklist.queries``). ``patient_name_words`` is
    the name as a person looks for it, words without accents, made by the database. ``reading_ends_at``: from then on the
    reading organisation no longer sees the study; None while it is unsigned.
    """

    __tablename__ = "studies"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        ForeignKeyConstraint(["reading_organisation_id"], ["organisations.id"]),
        UniqueConstraint("organisation_id", "orthanc_id"),
        Index(None, "organisation_id", "study_instance_uid"),
        Index(None, "organisation_id", "patient_id"),
        Index(None, "organisation_id", "arrived_at"),
        Index(None, "reading_organisation_id", "arrived_at"),
        Index(None, "organisation_id", "changed_xid"),
        Index(None, "reading_organisation_id", "changed_xid"),
        Index("ix_studies_latest", "organisation_id", text("study_date DESC"), text("study_time DESC"), "id"),
        Index(None, "organisation_id", "accession_number"),
        Index(None, "id"),
        Index(None, "reading_organisation_id", "reading_ends_at"),
        Index(
            "ix_studies_search",
            *("organisation_id", "patient_name_words", "patient_id", "accession_number", "study_description"),
            "modalities_in_study",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
            postgresql_ops=dict.fromkeys(
                ("patient_name_words", "patient_id", "accession_number", "study_description"), "gin_trgm_ops"
            ),
        ),
        Index("ix_studies_open", "organisation_id", postgresql_where="status <> 'final'"),
        Index("ix_studies_open_reading", "reading_organisation_id", postgresql_where="status <> 'final'"),
        Index("ix_studies_arriving", "organisation_id", "completes_at", postgresql_where="arrival = 'arriving'"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    reading_organisation_id: Mapped[UUID | None]
    orthanc_id: Mapped[str] = mapped_column(Text)
    study_instance_uid: Mapped[str] = mapped_column(Text)
    patient_id: Mapped[str] = mapped_column(Text)
    patient_name: Mapped[str] = mapped_column(Text)
    patient_birth_date: Mapped[str] = mapped_column(Text)
    patient_sex: Mapped[str] = mapped_column(Text)
    accession_number: Mapped[str] = mapped_column(Text)
    study_date: Mapped[str] = mapped_column(Text)
    study_time: Mapped[str] = mapped_column(Text)
    study_id: Mapped[str] = mapped_column(Text)
    study_description: Mapped[str] = mapped_column(Text)
    referring_physician_name: Mapped[str] = mapped_column(Text)
    modalities_in_study: Mapped[list[str]] = mapped_column(ARRAY(Text))
    series_count: Mapped[int] = mapped_column(Integer, default=0)
    instance_count: Mapped[int] = mapped_column(Integer, default=0)
    arrival: Mapped[str] = mapped_column(Text)
    arrived_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_image_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    completes_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    priority: Mapped[str] = mapped_column(Text)
    priority_rank: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    status: Mapped[str] = mapped_column(Text)
    assignee_id: Mapped[UUID | None]
    assignee_name: Mapped[str] = mapped_column(Text, default="")
    lock_user_id: Mapped[UUID | None]
    lock_user_name: Mapped[str] = mapped_column(Text, default="")
    lock_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    signed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reading_ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    patient_name_words: Mapped[str] = mapped_column(Text, Computed("name_words(patient_name)", persisted=True), deferred=True)
    changed_xid: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue(), server_onupdate=FetchedValue())


class Series(Base):
    """One series of a study, as the cell told."""

    __tablename__ = "series"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"], ondelete="CASCADE"),
        UniqueConstraint("organisation_id", "study_id", "series_instance_uid"),
        Index(None, "organisation_id", "series_instance_uid"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID]
    orthanc_id: Mapped[str] = mapped_column(Text)
    series_instance_uid: Mapped[str] = mapped_column(Text)
    modality: Mapped[str] = mapped_column(Text)
    series_number: Mapped[int | None] = mapped_column(Integer)
    series_description: Mapped[str] = mapped_column(Text)
    body_part_examined: Mapped[str] = mapped_column(Text)
    series_date: Mapped[str] = mapped_column(Text, default="")
    series_time: Mapped[str] = mapped_column(Text, default="")
    instance_count: Mapped[int] = mapped_column(Integer, default=0)


class Instance(Base):
    """One stored instance. ``orthanc_id`` is its identity in the cell; a re-sent one is the same row."""

    __tablename__ = "instances"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "series_id"], ["series.organisation_id", "series.id"], ondelete="CASCADE"),
        UniqueConstraint("organisation_id", "series_id", "sop_instance_uid"),
        Index(None, "organisation_id", "sop_instance_uid"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    orthanc_id: Mapped[str] = mapped_column(Text, primary_key=True)
    series_id: Mapped[UUID]
    study_id: Mapped[UUID]
    sop_instance_uid: Mapped[str] = mapped_column(Text)
    sop_class_uid: Mapped[str] = mapped_column(Text)
    instance_number: Mapped[int | None] = mapped_column(Integer)
    number_of_frames: Mapped[int] = mapped_column(Integer)
    rows: Mapped[int | None] = mapped_column(Integer)
    columns: Mapped[int | None] = mapped_column(Integer)
    remote_aet: Mapped[str] = mapped_column(Text)
    remote_ip: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SeriesMetadata(Base):
    """Full DICOM JSON of one series (PS3.18 §10.4.1.1.2), gzip; valid while ``instance_count`` equals the series' own."""

    __tablename__ = "series_metadata"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "series_id"], ["series.organisation_id", "series.id"], ondelete="CASCADE"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    series_id: Mapped[UUID] = mapped_column(primary_key=True)
    instance_count: Mapped[int] = mapped_column(Integer)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SeriesThumbnail(Base):
    """A small JPEG of a series' middle image; empty where nothing is to be seen. Valid as ``SeriesMetadata`` is."""

    __tablename__ = "series_thumbnails"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "series_id"], ["series.organisation_id", "series.id"], ondelete="CASCADE"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    series_id: Mapped[UUID] = mapped_column(primary_key=True)
    instance_count: Mapped[int] = mapped_column(Integer)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ErasedStudy(Base):
    """The identity in the cell of a study whose images were removed for good: no late event of theirs brings it back.

    The study's own row stays, hidden, for its reports and its history.
    """

    __tablename__ = "erased_studies"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"]),
        Index(None, "organisation_id", "orthanc_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID] = mapped_column(primary_key=True)
    orthanc_id: Mapped[str] = mapped_column(Text)
    erased_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PriorLoan(Base):
    """An older study that a reading group sees for the sake of the one it was given (``for_study_id``), and as long as that."""

    __tablename__ = "prior_loans"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["organisation_id", "for_study_id"], ["studies.organisation_id", "studies.id"], ondelete="CASCADE"),
        Index(None, "reading_organisation_id", "ends_at"),
        Index(None, "organisation_id", "for_study_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID] = mapped_column(primary_key=True)
    for_study_id: Mapped[UUID] = mapped_column(primary_key=True)
    reading_organisation_id: Mapped[UUID]
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class TakeBack(Base):
    """A routed, unsigned study that its owner took back from a reading group. What is written here is the owner's.

    ``reason`` is a ``model.TakeBackReason``; ``contract_id``: whose end took it back, None when a person did; ``had_by_id``: who
    had it then. ``told_at``: when the group was told; ``undone_at``: contracts may give it to that group again.
    """

    __tablename__ = "take_backs"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"], ondelete="CASCADE"),
        Index(None, "organisation_id", "study_id"),
        Index(None, "reading_organisation_id", "changed_xid"),
        Index("ix_take_backs_untold", "organisation_id", postgresql_where="told_at IS NULL"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID]
    reading_organisation_id: Mapped[UUID]
    contract_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(Text)
    explanation: Mapped[str] = mapped_column(Text)
    had_by_id: Mapped[UUID | None]
    taken_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    taken_by_id: Mapped[UUID | None]
    taken_by_name: Mapped[str] = mapped_column(Text)
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_by_name: Mapped[str] = mapped_column(Text, default="")
    changed_xid: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())


class ReadingContext(Base):
    """A short-lived capability: this user may see exactly these studies of this provider's cell, until then."""

    __tablename__ = "reading_contexts"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"], ondelete="CASCADE"),
        Index(None, "expires_at"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    user_organisation_id: Mapped[UUID]
    session: Mapped[str] = mapped_column(Text)
    study_id: Mapped[UUID]
    study_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    study_instance_uids: Mapped[list[str]] = mapped_column(ARRAY(Text))
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
