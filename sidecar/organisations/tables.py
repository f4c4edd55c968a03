"""Rows of organisations, contracts, cells, senders, refused associations."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class Organisation(Base):
    """A tenant. ``kind`` is an OrganisationKind; ``letterhead`` is printed on its reports; ``zone`` an IANA name."""

    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, unique=True)
    letterhead: Mapped[str] = mapped_column(Text, default="")
    zone: Mapped[str] = mapped_column(Text, default="UTC")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Contract(Base):
    """A provider (``organisation_id``) lets a reading group read: which modalities (None = all), since and until when."""

    __tablename__ = "contracts"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        ForeignKeyConstraint(["reading_organisation_id"], ["organisations.id"]),
        Index(None, "reading_organisation_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    reading_organisation_id: Mapped[UUID]
    modalities: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    turnaround_minutes: Mapped[dict[str, int]] = mapped_column(JSONB)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Cell(Base):
    """One provider's Orthanc: where it listens, whether it should run, how it was seen last."""

    __tablename__ = "cells"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        UniqueConstraint("organisation_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    aet: Mapped[str] = mapped_column(Text)
    dicom_port: Mapped[int] = mapped_column(Integer)
    http_port: Mapped[int] = mapped_column(Integer)
    secret_hash: Mapped[str] = mapped_column(Text, default="")
    wanted: Mapped[str] = mapped_column(Text, default="running")
    state: Mapped[str] = mapped_column(Text, default="new")
    last_error: Mapped[str] = mapped_column(Text, default="")
    disk_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    restarted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_image_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    changes_cursor: Mapped[int] = mapped_column(BigInteger, default=0)
    policy_revision: Mapped[int] = mapped_column(BigInteger, default=0)
    versions: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Sender(Base):
    """A registered DICOM sender: calling AE title and the network (CIDR) it may call from."""

    __tablename__ = "senders"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        UniqueConstraint("organisation_id", "aet", "network"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    aet: Mapped[str] = mapped_column(Text)
    network: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RefusedAssociation(Base):
    """Somebody who knocked and was refused: counted per AE title, address and reason until registered or dismissed."""

    __tablename__ = "refused_associations"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    aet: Mapped[str] = mapped_column(Text, primary_key=True)
    address: Mapped[str] = mapped_column(Text, primary_key=True)
    reason: Mapped[str] = mapped_column(Text, primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
