"""Files of finished exports: one directory per organisation, gone when their time is over.

The root is 0700, and nobody else passes; in containers it belongs to nginx' group, which is why what is below it can be read
by the group.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

ENDING = ".zip"


@dataclass(frozen=True, slots=True)
class ExportStore:
    """The directory that the worker writes and nginx reads."""

    root: Path

    def path(self, organisation_id: UUID, export_id: UUID) -> Path:
        """Return where an export's file is or will be."""
        return self.root / str(organisation_id) / f"{export_id}{ENDING}"

    def begin(self, organisation_id: UUID, export_id: UUID) -> Path:
        """Return an empty private file to write into."""
        path = self.path(organisation_id, export_id)
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o640)
        return path

    def remove(self, organisation_id: UUID, export_id: UUID) -> None:
        """Delete an export's file if there is one."""
        self.path(organisation_id, export_id).unlink(missing_ok=True)

    def present(self, organisation_id: UUID) -> set[UUID]:
        """Return which exports have a file."""
        return {UUID(each.stem) for each in (self.root / str(organisation_id)).glob(f"*{ENDING}")}

    def address(self, organisation_id: UUID, export_id: UUID) -> str:
        """Return the address nginx serves the file under, for X-Accel-Redirect only."""
        return f"/__exports/{organisation_id}/{export_id}{ENDING}"
