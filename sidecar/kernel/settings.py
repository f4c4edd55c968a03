"""Settings: read once from the environment, refused loudly when incomplete."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo


class SettingsError(RuntimeError):
    """A required RR_* variable is missing or malformed."""


@dataclass(frozen=True, slots=True)
class PortRange:
    """An inclusive range of TCP ports that cells may be given."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> "PortRange":
        """Read ``"11112-11211"``; raise SettingsError otherwise."""
        first, _, last = text.partition("-")
        if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) < 65536):  # noqa: PLR2004 - ports end there
            raise SettingsError(f"{text!r} is not a port range such as 11112-11211")
        return cls(int(first), int(last))


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the sidecar is told from outside. Secrets stay in files under ``secrets_dir`` (mode 0600)."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    public_url: str
    secrets_dir: Path
    cells_dir: Path
    supervisor_socket: Path
    supervisor_include: Path
    orthanc_root: Path | None
    plugin_dir: Path
    orthanc_config: Path
    inbox_url: str
    cell_dicom_ports: PortRange
    cell_http_ports: PortRange
    cell_inner_dicom_ports: PortRange
    cell_dicom_tls_ports: PortRange
    cell_host: str
    dicom_host: str
    ohif_dir: Path
    exports_dir: Path
    export_days: int
    zone: ZoneInfo

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Build the settings from RR_* variables; raise SettingsError naming the first missing one."""
        values = os.environ if env is None else env

        def need(name: str) -> str:
            value = values.get(name, "")
            if not value:
                raise SettingsError(f"{name} is not set; `./readingroom up` writes it, see README, chapter Settings")
            return value

        root = values.get("RR_ORTHANC_ROOT", "")
        return cls(
            database_url=need("RR_DATABASE_URL"),
            redis_url=need("RR_REDIS_URL"),
            public_url=need("RR_PUBLIC_URL").rstrip("/"),
            secrets_dir=Path(need("RR_SECRETS_DIR")),
            cells_dir=Path(need("RR_CELLS_DIR")),
            supervisor_socket=Path(need("RR_SUPERVISOR_SOCKET")),
            supervisor_include=Path(need("RR_SUPERVISOR_INCLUDE")),
            orthanc_root=Path(root) if root else None,
            plugin_dir=Path(need("RR_PLUGIN_DIR")),
            orthanc_config=Path(need("RR_ORTHANC_CONFIG")),
            inbox_url=need("RR_INBOX_URL"),
            cell_dicom_ports=PortRange.parse(need("RR_CELL_DICOM_PORTS")),
            cell_http_ports=PortRange.parse(need("RR_CELL_HTTP_PORTS")),
            cell_inner_dicom_ports=PortRange.parse(need("RR_CELL_INNER_DICOM_PORTS")),
            cell_dicom_tls_ports=PortRange.parse(need("RR_CELL_DICOM_TLS_PORTS")),
            cell_host=need("RR_CELL_HOST"),
            dicom_host=need("RR_DICOM_HOST"),
            ohif_dir=Path(need("RR_OHIF_DIR")),
            exports_dir=Path(need("RR_EXPORTS_DIR")),
            export_days=_days(values.get("RR_EXPORT_DAYS", "7")),
            zone=ZoneInfo(values.get("RR_ZONE", "UTC")),
        )

    def secret(self, name: str) -> bytes:
        """Return the content of one secret file; raise SettingsError if it is missing or empty."""
        path = self.secrets_dir / name
        if not path.is_file() or not (content := path.read_bytes().strip()):
            raise SettingsError(f"the secret file {name} is missing or empty in RR_SECRETS_DIR")
        return content


def _days(text: str) -> int:
    """Read a number of days; raise SettingsError for anything else."""
    if not text.isdigit() or int(text) == 0:
        raise SettingsError(f"RR_EXPORT_DAYS is {text!r}, not a number of days such as 7")
    return int(text)
