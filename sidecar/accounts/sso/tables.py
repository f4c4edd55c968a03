"""Rows of single sign-on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, DateTime, ForeignKeyConstraint, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.vault.model import sealed_at


class SsoProvider(Base):
    """An organisation's provider.

    ``required``: passwords open nothing there. ``trusted_proofs``: what its tokens must name in ``amr`` or ``acr`` to count as
    a second factor; empty: ours is always asked.
    """

    __tablename__ = "sso_providers"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    client_secret_sealed: Mapped[bytes] = mapped_column(
        LargeBinary, info=sealed_at("sso_providers|{organisation_id}|client_secret")
    )
    required: Mapped[bool] = mapped_column(Boolean)
    trusted_proofs: Mapped[list[str]] = mapped_column(ARRAY(Text))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SsoSubject(Base):
    """Who a provider's ``sub`` is: the first time found by a verified e-mail address, from then on by this row alone."""

    __tablename__ = "sso_subjects"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"]),
        UniqueConstraint("organisation_id", "issuer", "user_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID]
    linked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
