"""The cell's environment, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What the supervisor tells a cell. The secret stays in its file."""

    cell: str
    organisation: str
    aet: str
    directory: Path
    secret_file: Path
    inbox_url: str

    @property
    def policy_file(self) -> Path:
        """The policy snapshot."""
        return self.directory / "policy.json"

    @property
    def log_file(self) -> Path:
        """The file of Orthanc's --logfile."""
        return self.directory / "log" / "orthanc.log"


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        KeyError: a variable is missing; Orthanc then does not start.
    """
    return Settings(
        cell=environment["RR_CELL_ID"],
        organisation=environment["RR_CELL_ORGANISATION"],
        aet=environment["RR_CELL_AET"],
        directory=Path(environment["RR_CELL_DIR"]),
        secret_file=Path(environment["RR_CELL_SECRET_FILE"]),
        inbox_url=environment["RR_INBOX_URL"],
    )
