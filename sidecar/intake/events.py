"""What the door of the cells has to tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CellAnnounced(Event):
    """A cell has started; ``unknown_routes`` counts doors of this Orthanc that the reviewed table lacks (they stay shut)."""

    kind: ClassVar[str] = "intake.cell.started"
    cell_id: UUID
    orthanc: str
    unknown_routes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvent(Event):
    """What a cell's gate saw: ``count`` requests from ``first_at`` to ``last_at``. The row itself is of when we were told."""

    kind: ClassVar[str] = "studies.gate"
    purpose: str
    session: str
    first_at: datetime
    last_at: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesAccessed(GateEvent):
    """A person was given images or data of a study (DICOM PS3.15 A.5.3.3, DICOM Instances Accessed)."""

    kind: ClassVar[str] = "studies.images.accessed"
    study_instance_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSearched(GateEvent):
    """A person was shown lists of an archive or searched it (DICOM PS3.15 A.5.3.10, Query)."""

    kind: ClassVar[str] = "studies.archive.searched"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRefused(GateEvent):
    """The gate let somebody not pass; ``reason`` in its own words, which quote nothing of what was asked."""

    kind: ClassVar[str] = "studies.gate.refused"
    outcome: ClassVar[int] = 4
    reason: str
