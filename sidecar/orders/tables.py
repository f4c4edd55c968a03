"""Rows of orders and of what they have to do with studies. DICOM elements carry their keyword."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import Date, DateTime, ForeignKeyConstraint, Index, Text, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class Order(Base):
    """One Requested Procedure with its one Scheduled Procedure Step. The start is the hospital's local time."""

    __tablename__ = "orders"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        UniqueConstraint("organisation_id", "accession_number", "requested_procedure_id", name="uq_orders_procedure"),
        UniqueConstraint("organisation_id", "study_instance_uid"),
        Index("ix_orders_day", "organisation_id", "scheduled_procedure_step_start_date"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(Text)
    patient_name: Mapped[str] = mapped_column(Text)
    patient_birth_date: Mapped[str] = mapped_column(Text)
    patient_sex: Mapped[str] = mapped_column(Text)
    accession_number: Mapped[str] = mapped_column(Text)
    requested_procedure_id: Mapped[str] = mapped_column(Text)
    requested_procedure_description: Mapped[str] = mapped_column(Text)
    reason_for_requested_procedure: Mapped[str] = mapped_column(Text)
    referring_physician_name: Mapped[str] = mapped_column(Text)
    study_instance_uid: Mapped[str] = mapped_column(Text)
    modality: Mapped[str] = mapped_column(Text)
    scheduled_station_ae_title: Mapped[str] = mapped_column(Text)
    scheduled_procedure_step_start_date: Mapped[date] = mapped_column(Date)
    scheduled_procedure_step_start_time: Mapped[time] = mapped_column(Time)
    status: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OrderStudy(Base):
    """A study belongs to an order. A study has at most one order, an order may have several studies."""

    __tablename__ = "order_studies"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "order_id"], ["orders.organisation_id", "orders.id"]),
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"], ondelete="CASCADE"),
        Index(None, "organisation_id", "order_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    basis: Mapped[str] = mapped_column(Text)
    matched_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
