"""What the door of the cells has to tell."""

from dataclasses import dataclass
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
