"""What happens with shares, links and broken glass. ``organisation_id`` owns what is shared."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event
from sidecar.sharing.model import Verdict, What


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassBroken(Event):
    """DICOM PS3.15 A.5, Security Alert, Emergency Override Started. ``studies`` in words: how many, or "all"."""

    kind: ClassVar[str] = "sharing.glass.broken"
    glass_id: UUID
    studies: str
    minutes: int
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassMissed(Event):
    """Somebody would have broken it for a patient whom the organisation does not have: a slip, or a guess. Nothing was opened."""

    kind: ClassVar[str] = "sharing.glass.missed"
    outcome: ClassVar[int] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassClosed(Event):
    """Emergency Override Stopped: its user closed it before its time."""

    kind: ClassVar[str] = "sharing.glass.closed"
    glass_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassReviewed(Event):
    """Somebody else of the organisation looked at why it was broken."""

    kind: ClassVar[str] = "sharing.glass.reviewed"
    glass_id: UUID
    verdict: Verdict
    in_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassOverdue(Event):
    """Nobody has reviewed it in time; its administrators are told. ``days`` since it was broken.

    ``user_id``: by whom, None for the platform's administrator.
    """

    kind: ClassVar[str] = "sharing.glass.overdue"
    glass_id: UUID
    user_id: UUID | None
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyShared(Event):
    """A viewer may look at a study."""

    kind: ClassVar[str] = "sharing.study.shared"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyUnshared(Event):
    """A viewer may not any more."""

    kind: ClassVar[str] = "sharing.study.unshared"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMade(Event):
    """Somebody outside was given a way to a study or its report."""

    kind: ClassVar[str] = "sharing.link.made"
    link_id: UUID
    what: What
    most_views: int
    with_code: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRevoked(Event):
    """It was taken back."""

    kind: ClassVar[str] = "sharing.link.revoked"
    link_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOpened(Event):
    """Somebody came in by it, for the ``view``-th time."""

    kind: ClassVar[str] = "sharing.link.opened"
    link_id: UUID
    view: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRefused(Event):
    """Somebody tried it in vain: it is over, or the code is wrong. ``why`` is a LinkState or "code"."""

    kind: ClassVar[str] = "sharing.link.refused"
    outcome: ClassVar[int] = 4
    link_id: UUID
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUsed(Event):
    """Who came in by it looked at something: "the report", "the report as PDF", "images of a series".

    ``version``: of the report, 0 for images.
    """

    kind: ClassVar[str] = "sharing.link.used"
    link_id: UUID
    what: str
    series_id: UUID | None = None
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadersTold(Event):
    """Who had opened an earlier version of a report was told of ``version``, as far as they may see it: accounts and links."""

    kind: ClassVar[str] = "sharing.readers.told"
    report_id: UUID
    version: int
    people: tuple[UUID, ...]
    links: tuple[UUID, ...]
