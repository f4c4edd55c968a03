"""What is asked of the journal, and what a line of it holds."""

import base64
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sidecar.audit.vocabulary import Code


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for; empty fields do not narrow. From ``since`` (inclusive) until ``until`` (exclusive).

    ``person`` did it or it was about their account; ``studies`` and ``orders`` are alternatives: rows about any of them.
    ``inside`` is one organisation's chain.
    """

    kinds: tuple[str, ...] = ()
    person: UUID | None = None
    studies: tuple[UUID, ...] | None = None
    orders: tuple[UUID, ...] = ()
    refused: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    inside: UUID | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after a row, in the order of the lists: newest first."""

    at: datetime
    organisation_id: UUID
    sequence: int

    def __str__(self) -> str:
        text = f"{self.at.isoformat()}|{self.organisation_id}|{self.sequence}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, written: str) -> "Cursor":
        """Read one back; ValueError for anything else."""
        at, organisation_id, sequence = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode().split("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or int(sequence) < 0:
            raise ValueError("no cursor of ours")
        return cls(moment, UUID(organisation_id), int(sequence))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal in words. ``who`` and ``of`` (the other organisation) are "" where there is nobody to name."""

    at: datetime
    organisation_id: UUID
    sequence: int
    kind: str
    code: Code
    outcome: int
    actor_id: UUID | None
    who: str
    role: str
    of: str
    inside: str
    what: str
    study_id: UUID | None
    study_uid: str
    address: str
    request: str
