"""The RR_* variables: how the instance tells its programs, tests and people where things are."""

import hashlib
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from sidecar.instance import orthanc_root, postgres, redis, viewer
from sidecar.instance.layout import CHECKOUT, LOOPBACK, Layout, write_private

SMTP = ("RR_SMTP_HOST", "RR_SMTP_PORT", "RR_SMTP_SECURITY", "RR_SMTP_FROM", "RR_SMTP_USER", "RR_SMTP_AUTHORITY")
LIMITS = ("RR_LIMIT_AUTHENTICATION", "RR_LIMIT_ANONYMOUS", "RR_LIMIT_SIGNED_IN", "RR_LIMIT_UPLOADS")
TOLD = {**dict.fromkeys((*SMTP, *LIMITS), ""), "RR_EXPORT_DAYS": "7", "RR_ZONE": "UTC"}
"""What whoever runs the house may say, with what holds until they do."""


def variables(layout: Layout) -> dict[str, str]:
    """Return what ``sidecar.kernel.settings`` reads. Values hold passwords: never print them."""
    ports = layout.ports
    return {
        "RR_DATABASE_URL": postgres.url(layout, postgres.APP),
        "RR_REDIS_URL": redis.url(layout),
        "RR_PUBLIC_URL": layout.public_url,
        "RR_SECRETS_DIR": str(layout.secrets),
        "RR_CELLS_DIR": str(layout.cells),
        "RR_SUPERVISOR_SOCKET": str(layout.supervisor_socket),
        "RR_SUPERVISOR_INCLUDE": str(layout.cells_conf),
        "RR_ORTHANC_ROOT": str(orthanc_root.root_path()),
        "RR_PLUGIN_DIR": str(CHECKOUT / "orthanc_plugin"),
        "RR_ORTHANC_CONFIG": str(CHECKOUT / "orthanc.json"),
        "RR_INBOX_URL": f"http://{LOOPBACK}:{ports.web}/intake/events",
        "RR_CELL_DICOM_PORTS": "{}-{}".format(*ports.cell_dicom),
        "RR_CELL_HTTP_PORTS": "{}-{}".format(*ports.cell_http),
        "RR_CELL_INNER_DICOM_PORTS": "{}-{}".format(*ports.cell_inner_dicom),
        "RR_CELL_DICOM_TLS_PORTS": "{}-{}".format(*ports.cell_dicom_tls),
        "RR_CELL_HOST": LOOPBACK,
        "RR_DICOM_HOST": os.environ.get("RR_DICOM_HOST") or _dicom_host(layout),
        "RR_OHIF_DIR": str(viewer.path()),
        "RR_EXPORTS_DIR": str(layout.exports),
        "RR_CHECKPOINTS_DIR": str(layout.checkpoints),
        **_told(layout),
    }


def _told(layout: Layout) -> dict[str, str]:
    """Return what is said now, else what was said at an earlier ``up``: an update from a plain shell must not end the mails."""
    file = layout.data / "env"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    before = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    return {name: os.environ.get(name, before.get(name, default)) for name, default in TOLD.items()}


def _dicom_host(layout: Layout) -> str:
    """Return what connection sheets tell scanners: an address that can be called, which 0.0.0.0 is not."""
    if layout.bind != "0.0.0.0":  # noqa: S104 - read, not bound
        return layout.bind
    return urlsplit(layout.url).hostname or socket.getfqdn()


def owner_variables(layout: Layout) -> dict[str, str]:
    """Return the variables with the owner's database URL added: for migrations only, no program runs with it."""
    return {**variables(layout), "RR_DATABASE_OWNER_URL": postgres.url(layout, postgres.OWNER)}


def write(layout: Layout) -> None:
    """Write ``env`` (0600) in the data directory: ``set -a; . env`` gives a shell what the programs have."""
    text = "".join(f"{name}='{value}'\n" for name, value in owner_variables(layout).items())
    write_private(layout.data / "env", text)


def code_fingerprint(*parts: str) -> str:
    """Return a digest of the sidecar's sources and ``parts``: when it changes, programs are started anew."""
    digest = hashlib.sha256("\0".join(parts).encode())
    for path in sorted((CHECKOUT / "sidecar").rglob("*")):
        if path.suffix in {".py", ".html", ".jinja"} and "node_modules" not in path.parts:
            _add_stat(digest, path)
    _add_stat(digest, CHECKOUT / "requirements.lock")
    return digest.hexdigest()[:16]


def _add_stat(digest: "hashlib._Hash", path: Path) -> None:
    state = path.stat()
    digest.update(f"{path}:{state.st_size}:{state.st_mtime_ns}".encode())
