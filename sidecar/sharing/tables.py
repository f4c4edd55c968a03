"""Rows of shares with viewers, of links for people outside, of broken glass."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sidecar.kernel.db import Base
from sidecar.vault.model import sealed_at


class StudyShare(Base):
    """A study that a viewer may look at. ``organisation_id`` owns the study, ``user_organisation_id`` employs the viewer."""

    __tablename__ = "study_shares"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"], ondelete="CASCADE"),
        Index(None, "user_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_organisation_id: Mapped[UUID]
    shared_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    shared_by_id: Mapped[UUID]
    shared_by_name: Mapped[str] = mapped_column(Text)


class ShareLink(Base):
    """A link by which somebody without an account sees one study. Of its secrets only hashes are kept.

    ``what`` is a ``model.What``. ``views`` counts openings, up to ``most_views``; ``wrong_codes`` those with a wrong code.
    """

    __tablename__ = "share_links"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "study_id"], ["studies.organisation_id", "studies.id"], ondelete="CASCADE"),
        Index(None, "token_hash"),
        Index(None, "organisation_id", "study_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    study_id: Mapped[UUID]
    what: Mapped[str] = mapped_column(Text)
    recipient_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=sealed_at("share_links|{id}|recipient"))
    token_hash: Mapped[str] = mapped_column(Text)
    code_hash: Mapped[str | None] = mapped_column(Text)
    wrong_codes: Mapped[int] = mapped_column(Integer, default=0)
    most_views: Mapped[int] = mapped_column(Integer)
    views: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by_id: Mapped[UUID]
    created_by_name: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_viewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by_name: Mapped[str] = mapped_column(Text, default="")


class BrokenGlass(Base):
    """Somebody broke the glass: these studies (None: all of the organisation) were open to them, and why.

    ``organisation_id`` owns the studies; ``user_organisation_id`` is another one only for the platform's people.
    ``reminded_at``: when its administrators were last told that the review is overdue.
    """

    __tablename__ = "glasses"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
        CheckConstraint("ends_at <= opened_at + interval '60 minutes'", name="an_hour_at_most"),
        Index(None, "user_id"),
        Index("ix_glasses_unreviewed", "organisation_id", "review_due_at", postgresql_where="reviewed_at IS NULL"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    user_organisation_id: Mapped[UUID]
    user_name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    study_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    review_due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reminded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reviewed_by_id: Mapped[UUID | None]
    reviewed_by_name: Mapped[str] = mapped_column(Text, default="")
    verdict: Mapped[str] = mapped_column(Text, default="")
    remark: Mapped[str] = mapped_column(Text, default="")
