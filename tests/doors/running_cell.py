"""A real cell for tests and benchmarks: the door, and Orthanc in its root with plugin and configuration, on free ports."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sidecar.adapters.cell_program import DEEP_STACK

CHECKOUT = Path(__file__).resolve().parents[2]
INSIDE = "/run/readingroom"
KID = "test-key"
SENDER: dict[str, Any] = {"services": ["echo", "store"], "host": "", "port": 0, "certificates": []}
"""What a snapshot says of an AE title beside its name and networks, unless a test says otherwise."""


def orthanc_root() -> Path:
    """The prepared Orthanc root; RR_ORTHANC_ROOT, else the newest one in the user's cache."""
    named = os.environ.get("RR_ORTHANC_ROOT")
    if named:
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "readingroom"
    roots = [each for each in cache.glob("*") if (each / "usr/sbin/Orthanc").exists()]
    if not roots:
        raise RuntimeError("no Orthanc root: run ./readingroom up once, or set RR_ORTHANC_ROOT")
    return max(roots, key=lambda each: each.stat().st_mtime)


PORTS = range(15200, 18900)
"""Where no instance looks, and below 32768: above it Linux hands ports to outgoing connections, and one could be taken."""
GIVEN: set[int] = set()


def free_port() -> int:
    """Return a port nobody listens on, and never the same twice."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            if port not in GIVEN:
                probe.bind(("0.0.0.0", port))  # noqa: S104 - whoever has it, on whatever address
                GIVEN.add(port)
                return port


def inside(wall: subprocess.Popen[bytes]) -> int:
    """The process behind a wall (bwrap) that we started."""
    children = Path(f"/proc/{wall.pid}/task/{wall.pid}/children").read_text().split()
    return int(children[0])


class RunningCell:
    """One cell on disk; `start`, `stop` and `kill` its process as often as needed."""

    def __init__(self, directory: Path, inbox_url: str, *, aet: str = "MERCY") -> None:
        self.directory = directory
        self.identifier = str(uuid.uuid4())
        self.organisation = str(uuid.uuid4())
        self.aet = aet
        self.inbox_url = inbox_url
        self.secret = uuid.uuid4().hex
        self.signing_key = Ed25519PrivateKey.generate()
        self.dicom_port, self.tls_port, self.inner_dicom_port, self.http_port = (free_port() for _ in range(4))
        self.configuration = CHECKOUT / "orthanc.json"
        self.senders: list[dict[str, Any]] = [{"aet": "CT1", "networks": ["127.0.0.0/8"]}]
        self.character_set = "Utf8"
        self.free_mb = 64
        self.dicom: dict[str, Any] = {"plain": True, "tls_port": 0}
        self.revoked: dict[str, int] = {}
        self.withheld: list[str] = []
        self.revision = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.door: subprocess.Popen[bytes] | None = None
        self.door_said = 0
        for name in ("storage", "index", "log"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / "secret").write_text(self.secret)
        (directory / "secret").chmod(0o600)
        self.write_policy()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def log(self) -> str:
        log = self.directory / "log" / "orthanc.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def write_policy(self, **changes: Any) -> None:
        """Write the snapshot as the sidecar does: atomically, with the next revision."""
        self.revision += 1
        raw = self.signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        snapshot = {
            "version": 3,
            "revision": self.revision,
            "cell": self.identifier,
            "organisation": self.organisation,
            "keys": {KID: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()},
            "senders": [SENDER | sender for sender in self.senders],
            "dicom": self.dicom,
            "revoked_sessions": self.revoked,
            "withheld": self.withheld,
            "issued_at": "2026-01-01T00:00:00Z",
            **changes,
        }
        fresh = self.directory / "policy.json.new"
        fresh.write_text(json.dumps(snapshot))
        fresh.replace(self.directory / "policy.json")

    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TCP_NODELAY": "1",
            "RR_CELL_ID": self.identifier,
            "RR_CELL_ORGANISATION": self.organisation,
            "RR_CELL_AET": self.aet,
            "RR_CELL_DICOM_PORT": str(self.dicom_port),
            "RR_CELL_INNER_DICOM_PORT": str(self.inner_dicom_port),
            "RR_CELL_HTTP_PORT": str(self.http_port),
            "RR_CELL_HTTP_BIND": "127.0.0.1",
            "RR_CELL_DIR": "/cell",
            "RR_CELL_SECRET_FILE": "/cell/secret",
            "RR_INBOX_URL": self.inbox_url,
            "RR_CELL_ENCODING": self.character_set,
            "RR_CELL_FREE_MB": str(self.free_mb),
            "RR_PLUGIN_DIR": f"{INSIDE}/orthanc_plugin",
        }

    def walls(self, plugin: Path | None = None) -> list[str]:
        walls = ["--ro-bind", str(orthanc_root()), "/", "--bind", str(self.directory), "/cell", "--proc", "/proc"]
        walls += ["--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"]  # noqa: S108 - inside the cell's own walls
        walls += ["--ro-bind", str(plugin or CHECKOUT / "orthanc_plugin"), f"{INSIDE}/orthanc_plugin"]
        walls += ["--ro-bind", str(self.configuration), f"{INSIDE}/orthanc.json", "--die-with-parent"]
        return ["bwrap", *walls]

    def command(self, plugin: Path | None = None) -> list[str]:
        orthanc = [*DEEP_STACK, "/usr/sbin/Orthanc", "--logfile=/cell/log/orthanc.log", f"{INSIDE}/orthanc.json"]
        return [*self.walls(plugin), *orthanc]

    def start(self, *, wait: bool = True) -> None:
        self.start_orthanc()
        self.start_door()
        if wait:
            self.wait_until_ready()

    def start_orthanc(self) -> None:
        self.process = subprocess.Popen(self.command(), env=self.environment(), stderr=subprocess.DEVNULL)

    def start_door(self) -> None:
        """Start the door unless it runs."""
        if self.door is None or self.door.poll() is not None:
            self.door_said = len(self.door_log)
            with (self.directory / "log" / "door.log").open("ab") as log:
                command = [*self.walls(), "--setenv", "PYTHONPATH", INSIDE, "/usr/bin/python3", "-P", "-m", "orthanc_plugin.door"]
                self.door = subprocess.Popen(command, env=self.environment(), stderr=log)

    def wait_until_ready(self, timeout: float = 40) -> None:
        """Ready: HTTP answers, and the senders of the current snapshot are registered."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"the cell stopped: {self.log[-2000:]}")
            with suppress(httpx.HTTPError):
                if self.status()["provisioned"] == self.revision == self.door_revision():
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the cell did not become ready: {self.log[-2000:]}")

    def door_revision(self) -> int:
        """Which snapshot the running door has in force, by its log; 0 before the first one."""
        said = re.findall(r"policy: revision (\d+) is in force", self.door_log[self.door_said :])
        return int(said[-1]) if said and self.door is not None and self.door.poll() is None else 0

    @property
    def door_log(self) -> str:
        log = self.directory / "log" / "door.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def orthanc_pid(self) -> int:
        """The Orthanc process; the one we started is its wall (bwrap)."""
        assert self.process is not None
        return inside(self.process)

    def door_pid(self) -> int:
        """The door's process."""
        assert self.door is not None
        return inside(self.door)

    def kill_door(self) -> None:
        """As a power failure of the door alone."""
        assert self.door is not None
        os.kill(self.door_pid(), signal.SIGKILL)
        self.door.wait()

    def kill(self) -> None:
        """As a power failure of this process: no clean-up of any kind."""
        assert self.process is not None
        os.kill(self.orthanc_pid(), signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout: float = 20) -> int:
        """Ask the door and Orthanc to end; returns Orthanc's exit code."""
        if self.door is not None and self.door.poll() is None:
            os.kill(self.door_pid(), signal.SIGTERM)
            self.door.wait(timeout)
        if self.process is None or self.process.poll() is not None:
            return 0
        os.kill(self.orthanc_pid(), signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def discard(self) -> None:
        """End the processes without ceremony and free the disk."""
        for process in (self.door, self.process):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def claims(self, *, studies: list[str] | None = None, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": "readingroom",
            "aud": self.identifier,
            "sub": str(uuid.uuid4()),
            "org": str(uuid.uuid4()),
            "role": "service" if studies is None else "radiologist",
            "sid": "session-1",
            "iat": now,
            "nbf": now,
            "exp": now + 120,
            "jti": uuid.uuid4().hex,
        }
        if studies is not None:
            claims["studies"] = studies
        return {key: value for key, value in {**claims, **changes}.items() if value is not ...}

    def token(self, *, headers: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A token of the service account, or of a reading context when `studies` is given."""
        return jwt.encode(self.claims(**changes), self.signing_key, algorithm="EdDSA", headers=dict(headers or {"kid": KID}))

    def request(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=20, trust_env=False, **options)

    def get(self, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        return self.request("GET", path, token, **options)

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/readingroom/status", self.token()).raise_for_status().json()
        return answer
