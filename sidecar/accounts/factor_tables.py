"""Rows of what proves a person besides the password and the authenticator."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base


class BackupCode(Base):
    """One code of the printed set. ``code_hash`` is SHA-256 of 125 random bits, which need no slower hash (ASVS 5.0, 6.5.2)."""

    __tablename__ = "backup_codes"
    __table_args__ = (ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"]),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Passkey(Base):
    """A public key credential (W3C Web Authentication Level 3, §4). ``public_key`` is COSE (RFC 9052)."""

    __tablename__ = "passkeys"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"]),
        UniqueConstraint("organisation_id", "credential_id"),
        Index("ix_passkeys_organisation_id_user_id", "organisation_id", "user_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    synced: Mapped[bool] = mapped_column(Boolean)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
