"""Settings: read once from the environment, refused loudly when incomplete."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
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
class Smtp:
    """The mail server. ``security`` is "starttls", "tls" or "plain"; without ``user`` nobody signs in there.

    ``authority``: a PEM file of the authority that certified it, when it is none that every machine trusts.
    """

    host: str
    port: int
    security: str
    sender: str
    user: str
    password: str = field(repr=False)
    authority: str = ""

    @classmethod
    def from_values(cls, values: Mapping[str, str], secrets_dir: Path) -> "Smtp | None":
        """Read RR_SMTP_*, and the password from the secret file ``smtp_password``; None without a host."""
        host, user = values.get("RR_SMTP_HOST", ""), values.get("RR_SMTP_USER", "")
        if not host:
            return None
        security = values.get("RR_SMTP_SECURITY") or "starttls"
        if security not in SMTP_PORTS:
            raise SettingsError(f"RR_SMTP_SECURITY is {security!r}, not one of {', '.join(SMTP_PORTS)}")
        port = values.get("RR_SMTP_PORT") or str(SMTP_PORTS[security])
        if not port.isdigit():
            raise SettingsError(f"RR_SMTP_PORT is {port!r}, not a port")
        sender = values.get("RR_SMTP_FROM", "")
        if "@" not in sender:
            raise SettingsError("RR_SMTP_FROM is not an address such as reading-room@hospital.org")
        password = secrets_dir / "smtp_password"
        if user and not password.is_file():
            raise SettingsError("RR_SMTP_USER is set, but the secret file smtp_password is missing in RR_SECRETS_DIR")
        authority = values.get("RR_SMTP_AUTHORITY", "")
        if authority and not Path(authority).is_file():
            raise SettingsError("RR_SMTP_AUTHORITY is not a file; write the path of the authority's certificates in PEM")
        return cls(host, int(port), security, sender, user, password.read_text().strip() if user else "", authority)


SMTP_PORTS = {"starttls": 587, "tls": 465, "plain": 25}
"""Ways to the mail server and the usual port of each (RFC 6409 §3.1, RFC 8314 §3.3)."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """How many requests are let in: attempts to sign in and anonymous requests in 15 minutes, of a person and uploads in one."""

    authentication: int = 5
    anonymous: int = 100
    signed_in: int = 1000
    uploads: int = 10

    @classmethod
    def from_values(cls, values: Mapping[str, str]) -> "Budgets":
        """Read RR_LIMIT_AUTHENTICATION, _ANONYMOUS, _SIGNED_IN and _UPLOADS; raise SettingsError for what is no number."""
        given = {each.name: values.get(f"RR_LIMIT_{each.name.upper()}", "") for each in fields(cls)}
        for name, text in given.items():
            if text and not (text.isdigit() and int(text)):
                raise SettingsError(f"RR_LIMIT_{name.upper()} is {text!r}, not a number of requests such as 5")
        return cls(**{name: int(text) for name, text in given.items() if text})


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
    checkpoints_dir: Path
    export_days: int
    zone: ZoneInfo
    smtp: Smtp | None
    budgets: Budgets

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
            checkpoints_dir=Path(need("RR_CHECKPOINTS_DIR")),
            export_days=_days(values.get("RR_EXPORT_DAYS", "7")),
            zone=ZoneInfo(values.get("RR_ZONE", "UTC")),
            smtp=Smtp.from_values(values, Path(need("RR_SECRETS_DIR"))),
            budgets=Budgets.from_values(values),
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
