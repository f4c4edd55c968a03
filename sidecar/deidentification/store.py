"""Files of finished exports: one directory per organisation, gone when their time is over. Nobody else may look."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

ENDING = ".zip"


def file_of(organisation_id: UUID, export_id: UUID) -> str:
    """Return how an export's file is called below the root."""
    return f"{organisation_id}/{export_id}{ENDING}"


@dataclass(frozen=True, slots=True)
class ExportStore:
    """The directory that the worker writes and the carrier reads."""

    root: Path

    def path(self, organisation_id: UUID, export_id: UUID) -> Path:
        """Return where an export's file is or will be."""
        return self.root / file_of(organisation_id, export_id)

    def begin(self, organisation_id: UUID, export_id: UUID) -> Path:
        """Return an empty private file to write into."""
        path = self.path(organisation_id, export_id)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        return path

    def remove(self, organisation_id: UUID, export_id: UUID) -> None:
        """Delete an export's file if there is one."""
        self.path(organisation_id, export_id).unlink(missing_ok=True)

    def present(self, organisation_id: UUID) -> set[UUID]:
        """Return which exports have a file."""
        return {UUID(each.stem) for each in (self.root / str(organisation_id)).glob(f"*{ENDING}")}
