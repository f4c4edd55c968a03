"""Orthanc without gate and door, under our configuration or a changed one: what the lines of ``orthanc.json`` do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.doors.running_cell import CHECKOUT, free_port, orthanc_root

AET = "BARE"
GATE = ("PythonScript", "Python", "PythonVerbose", "LuaScripts")
"""Lines that load our own code: left out, so that Orthanc itself is on trial."""

WORKLISTS = "/usr/share/orthanc/plugins/libModalityWorklists.so"
"""Answers the modality worklist, so that there is a door to find open or shut."""


def hardened(environment: dict[str, str]) -> dict[str, Any]:
    """Return orthanc.json as Orthanc reads it: comments out, environment in."""
    text = re.sub(r"^\s*//.*$", "", (CHECKOUT / "orthanc.json").read_text(), flags=re.MULTILINE)
    text = re.sub(r"\$\{(\w+)(?::-(\w+))?\}", lambda found: environment.get(found[1], found[2] or ""), text)
    document: dict[str, Any] = json.loads(text)
    return document


class BareOrthanc:
    """One Orthanc in its root, on free ports; ``changes`` replace lines of the configuration."""

    def __init__(self, directory: Path, **changes: Any) -> None:
        self.directory = directory
        self.dicom_port, self.http_port = free_port(), free_port()
        values = {
            "RR_CELL_AET": AET, "RR_CELL_DIR": "/cell", "RR_CELL_HTTP_BIND": "127.0.0.1", "RR_PLUGIN_DIR": "/none",
            "RR_CELL_HTTP_PORT": str(self.http_port), "RR_CELL_DICOM_PORT": str(self.dicom_port),
            "RR_CELL_INNER_DICOM_PORT": str(self.dicom_port),
        }  # fmt: skip
        settings = {name: value for name, value in hardened(values).items() if name not in GATE}
        settings["Plugins"] = [path for path in settings["Plugins"] if "Python" not in path] + [WORKLISTS]
        settings["Worklists"] = {"Enable": True, "Database": "/cell/worklists"}
        for name in ("storage", "index", "log", "worklists"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / "orthanc.json").write_text(json.dumps({**settings, **changes}))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, or start again; by the main thread, whose end would end it too."""
        self.http = self._client()
        walls = ["--ro-bind", str(orthanc_root()), "/", "--bind", str(self.directory), "/cell", "--proc", "/proc"]
        walls += ["--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--die-with-parent"]  # noqa: S108 - inside the walls
        orthanc = ["/usr/sbin/Orthanc", "--verbose", "--logfile=/cell/log/orthanc.log", "/cell/orthanc.json"]
        self.process = subprocess.Popen(["bwrap", *walls, *orthanc], env={"PATH": "/usr/bin:/bin"}, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                self.http.get("/system").raise_for_status()
                return
            time.sleep(0.05)
        raise RuntimeError(f"Orthanc did not start: {self.log[-2000:]}")

    @property
    def log(self) -> str:
        return (self.directory / "log/orthanc.log").read_text(errors="replace")

    def pid(self) -> int:
        """Return the Orthanc process; the one we started is its wall."""
        assert self.process is not None
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.kill(self.pid(), signal.SIGTERM)
            self.process.wait(20)
        self.http.close()

    def discard(self) -> None:
        """End it without ceremony."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.http.close()

    def _client(self) -> httpx.Client:
        one_each = httpx.Limits(max_keepalive_connections=0)  # a server told to let connections go does so without a word
        return httpx.Client(base_url=f"http://127.0.0.1:{self.http_port}", timeout=10, trust_env=False, limits=one_each)
