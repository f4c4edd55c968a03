"""What happens to anonymised exports. Ids, counts and words of ours; the reason stays in its table."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyExportAsked(Event):
    """Somebody wants this study to leave, anonymised. One event per study, so that its own history shows it."""

    kind: ClassVar[str] = "deidentification.export.asked"
    export_id: UUID
    options: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesReviewed(Event):
    """A person looked at held images of a study and decided (a Decision)."""

    kind: ClassVar[str] = "deidentification.export.reviewed"
    export_id: UUID
    decision: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFinished(Event):
    """An export reached an end or waits for people: ``result`` is its ExportState."""

    kind: ClassVar[str] = "deidentification.export.finished"
    export_id: UUID
    result: str
    images: int
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDownloaded(Event):
    """Who asked for it took the file."""

    kind: ClassVar[str] = "deidentification.export.downloaded"
    export_id: UUID
    size_bytes: int
