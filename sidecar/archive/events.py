"""What happens to whole studies. Ids, numbers and codes; what people wrote as their reason stays in its own row."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDownloaded(Event):
    """Somebody took a study or one of its series along (DICOM PS3.15 A.5.3.4, Data Export). ``form`` is a Form."""

    kind: ClassVar[str] = "archive.study.downloaded"
    job_id: UUID
    form: str
    series_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAsked(Event):
    """Somebody wants a study sent to a node."""

    kind: ClassVar[str] = "archive.study.send-asked"
    job_id: UUID
    aet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded(Event):
    """A job is over: ``state`` is a JobState, ``problem`` the code of what went wrong, ``images`` how many were sent."""

    kind: ClassVar[str] = "archive.job.ended"
    job_id: UUID
    job: str
    aet: str
    state: str
    problem: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRepeated(Event):
    """Somebody tried a job again."""

    kind: ClassVar[str] = "archive.job.repeated"
    job_id: UUID
    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDeleted(Event):
    """Somebody deleted a study: it is hidden from now on and can be brought back for a while. ``reason`` is a Reason."""

    kind: ClassVar[str] = "archive.study.deleted"
    deletion_id: UUID
    reason: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionUndone(Event):
    """A deleted study is to come back: ``cause`` is "person", or "images" when new ones came for it."""

    kind: ClassVar[str] = "archive.study.undeleted"
    deletion_id: UUID
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReturned(Event):
    """A deleted study is back, in its cell and in the index."""

    kind: ClassVar[str] = "archive.study.returned"
    deletion_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyErased(Event):
    """The images of a deleted study are gone for good, from the cell and from the index."""

    kind: ClassVar[str] = "archive.study.erased"
    deletion_id: UUID
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSet(Event):
    """A study must be kept until somebody says otherwise."""

    kind: ClassVar[str] = "archive.hold.set"
    hold_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLifted(Event):
    """A legal hold ended."""

    kind: ClassVar[str] = "archive.hold.lifted"
    hold_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionChanged(Event):
    """The organisation keeps its studies for another number of years from now on."""

    kind: ClassVar[str] = "archive.retention.changed"
    years: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDamaged(Event):
    """Files of a study are not what was received: ``altered`` of them differ, ``missing`` are not there or cannot be read."""

    kind: ClassVar[str] = "archive.study.damaged"
    outcome: ClassVar[int] = 8
    altered: int
    missing: int
