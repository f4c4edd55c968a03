"""Rows of organisations, contracts, cells, application entities, their certificates, associations, refusals."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.organisations.model import FINISHING_HOURS, READING_HOURS, Priors
from sidecar.vault.model import sealed_at


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
    """A provider (``organisation_id``) lets a reading group read: which modalities (None = all), since and until when.

    ``reading_hours`` after sign-off the group no longer sees the study; ``priors`` is a ``model.Priors``. What is unsigned
    ``finishing_hours`` after the last day goes back; ``announced_at`` and ``closed_at``: when both were told of either.
    """

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
    reading_hours: Mapped[int] = mapped_column(Integer, default=READING_HOURS)
    priors: Mapped[str] = mapped_column(Text, default=Priors.READ)
    finishing_hours: Mapped[int] = mapped_column(Integer, default=FINISHING_HOURS)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    announced_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Cell(Base):
    """One provider's Orthanc: where it listens, whether it should run, how it was seen last.

    The door listens on ``dicom_port`` (while ``plain_allowed``) and ``dicom_tls_port``, Orthanc itself on
    ``inner_dicom_port``; 0 is not given yet. ``character_set`` is that of texts that name none (model.CHARACTER_SETS).
    """

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
    inner_dicom_port: Mapped[int] = mapped_column(Integer, default=0)
    dicom_tls_port: Mapped[int] = mapped_column(Integer, default=0)
    plain_allowed: Mapped[bool] = mapped_column(default=True)
    character_set: Mapped[str] = mapped_column(Text, default="Utf8")
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


class ApplicationEntity(Base):
    """A DICOM application entity of the hospital: what its AE title may ask of the cell, whence, and where it is reached.

    ``networks`` (CIDR) it may call from, ``services`` are Service values; ``host`` and ``port`` where we may send to, ""
    and 0 when it only calls.
    """

    __tablename__ = "application_entities"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        UniqueConstraint("organisation_id", "aet"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    aet: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    networks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    services: Mapped[list[str]] = mapped_column(ARRAY(Text))
    host: Mapped[str] = mapped_column(Text, default="")
    port: Mapped[int] = mapped_column(Integer, default=0)
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CellAuthority(Base):
    """A cell's own certificate authority and the cell's server certificate, PEM; the keys are sealed to their column."""

    __tablename__ = "cell_authorities"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    certificate: Mapped[str] = mapped_column(Text)
    key_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("cell_authorities|{organisation_id}|key"))
    server_certificate: Mapped[str] = mapped_column(Text)
    server_key_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("cell_authorities|{organisation_id}|server_key"))
    server_host: Mapped[str] = mapped_column(Text)
    server_not_after: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ClientCertificate(Base):
    """A certificate the cell's authority issued for an AE title; never its key. ``sha256`` is of the DER form, hex."""

    __tablename__ = "client_certificates"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        UniqueConstraint("organisation_id", "sha256"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    aet: Mapped[str] = mapped_column(Text)
    serial: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    certificate: Mapped[str] = mapped_column(Text)
    not_before: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    not_after: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    issued_by: Mapped[UUID | None]
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Association(Base):
    """One association, or ``count`` equal ones in a row (echoes, refusals). ``port`` "plain" or "tls"; sizes in bytes."""

    __tablename__ = "associations"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        Index(None, "organisation_id", "ended_at"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    aet: Mapped[str] = mapped_column(Text)
    called_aet: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    port: Mapped[str] = mapped_column(Text)
    certificate: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    services: Mapped[list[str]] = mapped_column(ARRAY(Text))
    objects: Mapped[int] = mapped_column(Integer)
    bytes_in: Mapped[int] = mapped_column(BigInteger)
    bytes_out: Mapped[int] = mapped_column(BigInteger)
    began_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    count: Mapped[int] = mapped_column(Integer)


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
