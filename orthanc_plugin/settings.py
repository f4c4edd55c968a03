"""The cell's environment, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orthanc_plugin.room import FREE_MB, MEBIBYTE, Room


@dataclass(frozen=True, slots=True)
class Settings:
    """What the supervisor tells a cell and its door. The secret stays in its file."""

    cell: str
    organisation: str
    aet: str
    directory: Path
    secret_file: Path
    inbox_url: str
    dicom_port: int
    inner_dicom_port: int
    free_mb: int = FREE_MB

    @property
    def policy_file(self) -> Path:
        """The policy snapshot."""
        return self.directory / "policy.json"

    @property
    def tls(self) -> Path:
        """Certificates of the TLS port."""
        return self.directory / "tls"

    @property
    def records(self) -> Path:
        """What the door has to tell; the plugin takes it from there."""
        return self.directory / "door" / "records"

    @property
    def addresses(self) -> Path:
        """Which loopback address stands for which caller."""
        return self.directory / "door" / "addresses"

    @property
    def news(self) -> Path:
        """The plugin's socket for the door's "images are flowing"."""
        return self.directory / "door" / "news"

    @property
    def desk(self) -> Path:
        """The plugin's socket for the door's "which objects does this retrieval mean?"."""
        return self.directory / "door" / "desk"

    @property
    def sealed(self) -> Path:
        """Files of studies that were deleted and may still come back; beside the storage, so that one name is as good as two."""
        return self.directory / "sealed"

    @property
    def room(self) -> Room:
        """The room for images."""
        return Room(self.directory / "storage", self.free_mb * MEBIBYTE)

    @property
    def log_file(self) -> Path:
        """The file of Orthanc's --logfile."""
        return self.directory / "log" / "orthanc.log"


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        KeyError, ValueError: a variable is missing or no number; Orthanc then does not start.
    """
    return Settings(
        cell=environment["RR_CELL_ID"],
        organisation=environment["RR_CELL_ORGANISATION"],
        aet=environment["RR_CELL_AET"],
        directory=Path(environment["RR_CELL_DIR"]),
        secret_file=Path(environment["RR_CELL_SECRET_FILE"]),
        inbox_url=environment["RR_INBOX_URL"],
        dicom_port=int(environment["RR_CELL_DICOM_PORT"]),
        inner_dicom_port=int(environment["RR_CELL_INNER_DICOM_PORT"]),
        free_mb=int(environment.get("RR_CELL_FREE_MB", FREE_MB)),
    )
