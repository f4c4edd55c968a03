"""Rows of users."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.vault.model import sealed_at


class User(Base):
    """A person in one organisation.

    ``totp_last_step`` makes a code work once (RFC 6238 §5.2). ``factor_failures`` counts wrong codes since the last right one.
    Without ``identity_verified_at`` a person may not sign (21 CFR 11.100(b)). ``password_pepper`` names the secret that was mixed
    into the password before it was hashed (see passwords). Who was deleted keeps the row, so that no id ever means somebody else;
    the address is gone then, and free for another account. Addresses are sealed, and found by a lookup (see addresses).
    ``invited_by``, ``approved_by``: who let this person in.
    """

    __tablename__ = "users"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        Index(
            "uq_users_email_in_use", "organisation_id", "email_lookup", unique=True, postgresql_where=text("deleted_at IS NULL")
        ),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    email_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, info=sealed_at("users|{id}|email"))
    email_lookup: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    zone: Mapped[str] = mapped_column(Text, default="")
    password_hash: Mapped[str | None] = mapped_column(Text)
    password_pepper: Mapped[int] = mapped_column(SmallInteger, default=0)
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, info=sealed_at("users|{id}|totp"))
    totp_last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    factor_failures: Mapped[int] = mapped_column(Integer, default=0)
    factor_locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    identity_verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    identity_verified_by: Mapped[UUID | None]
    invitation_hash: Mapped[str | None] = mapped_column(Text)
    invitation_expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    invited_by: Mapped[UUID | None]
    approved_by: Mapped[UUID | None]
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
