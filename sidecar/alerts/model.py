"""Words of alerts, and the facts their rules look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    """What may have to be looked at."""

    FAILED_SIGN_INS = "failed-sign-ins"
    PROBING = "probing"
    MASS_DOWNLOAD = "mass-download"
    BREAK_GLASS = "break-glass"
    GLASS_UNREVIEWED = "glass-unreviewed"
    NEW_PLACE = "new-place"
    LOCKED = "locked"
    REPLAY = "replay"
    REVIEW_DUE = "review-due"
    JOURNAL_BROKEN = "journal-broken"
    IMAGES_DAMAGED = "images-damaged"


LABELS: Mapping[Kind, str] = {
    Kind.FAILED_SIGN_INS: "Many failed sign-ins",
    Kind.PROBING: "Trying what is not theirs",
    Kind.MASS_DOWNLOAD: "Taking along many studies",
    Kind.BREAK_GLASS: "Break-glass",
    Kind.GLASS_UNREVIEWED: "Break-glass without review",
    Kind.NEW_PLACE: "Signed in from a new place",
    Kind.LOCKED: "Second factor locked",
    Kind.REPLAY: "An old token was used again",
    Kind.REVIEW_DUE: "Access review is due",
    Kind.JOURNAL_BROKEN: "The journal does not verify",
    Kind.IMAGES_DAMAGED: "Stored images are damaged",
}
GRAVE = frozenset(
    {
        Kind.BREAK_GLASS,
        Kind.GLASS_UNREVIEWED,
        Kind.PROBING,
        Kind.MASS_DOWNLOAD,
        Kind.REPLAY,
        Kind.JOURNAL_BROKEN,
        Kind.IMAGES_DAMAGED,
    }
)
"""What is mailed at once, however lately there was mail."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of the journal as the rules see it. ``person``: who did it, or whom a refused sign-in was about."""

    at: datetime
    kind: str
    person: UUID | None
    address: str
    study_id: UUID | None = None
    count: int = 1
    route: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """An alert that should stand. ``subject`` names whom or what it is about: a person's id, or an address."""

    kind: Kind
    subject: str
    first_at: datetime
    last_at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
