"""Rows of people on their way into an organisation, or to another role in it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.vault.model import sealed_at


class OrganisationCode(Base):
    """What staff type to register with this organisation. No secret that opens anything: somebody there approves each of them."""

    __tablename__ = "organisation_codes"
    __table_args__ = (ForeignKeyConstraint(["organisation_id"], ["organisations.id"]), Index(None, "code"))

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Registration(Base):
    """Somebody who would like an account. Not an account: nothing here can sign in."""

    __tablename__ = "registrations"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        UniqueConstraint("organisation_id", "email_lookup"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    email_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("registrations|{id}|email"))
    email_lookup: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    password_pepper: Mapped[int] = mapped_column(SmallInteger)
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AccountToken(Base):
    """A link somebody was sent. Only its hash is kept, and the row goes when it is used.

    ``purpose`` is a tokens.Purpose; ``subject_id`` the account or the registration it belongs to; ``email_sealed`` the address
    that the link proves.
    """

    __tablename__ = "account_tokens"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        Index(None, "hash"),
        Index(None, "organisation_id", "subject_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    email_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("account_tokens|{hash}|email"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RoleChange(Base):
    """One person asks for another's role to change, a second one decides. Decided when ``decided_at`` is set."""

    __tablename__ = "role_changes"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"]),
        Index("uq_role_changes_waiting", "organisation_id", "user_id", unique=True, postgresql_where=text("decided_at IS NULL")),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    role_before: Mapped[str] = mapped_column(Text)
    role_after: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    accepted: Mapped[bool | None]
