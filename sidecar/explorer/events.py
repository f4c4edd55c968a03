"""What is told about Orthanc Explorer."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerOpened(Event):
    """Somebody opened Orthanc Explorer (DICOM PS3.15 A.5.3.6, DICOM Instances Accessed).

    ``reach``: "own", the whole archive of the own organisation, or "context", the studies of a reading context.
    """

    kind: ClassVar[str] = "studies.explorer.opened"
    reach: str
    context_id: UUID | None = None
