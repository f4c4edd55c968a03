"""Rows of what an organisation says about its people's requests."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKeyConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class LimitSettings(Base):
    """An organisation's own budgets. None: as the house has it. ``networks`` are its own, in CIDR notation."""

    __tablename__ = "limit_settings"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    signed_in: Mapped[int | None]
    uploads: Mapped[int | None]
    networks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    network_authentication: Mapped[int]
    network_anonymous: Mapped[int]
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
