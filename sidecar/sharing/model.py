"""Words of sharing."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class What(StrEnum):
    """What a link shows."""

    REPORT = "report"
    STUDY = "study"


class Verdict(StrEnum):
    """What a review says of broken glass."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


class LinkState(StrEnum):
    """What a link is worth now."""

    OPEN = "open"
    REVOKED = "revoked"
    EXPIRED = "expired"
    USED_UP = "used up"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Guest:
    """Who came in by a link: which one, and whose study it shows."""

    organisation_id: UUID
    link_id: UUID
