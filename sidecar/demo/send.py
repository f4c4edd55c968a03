"""Sending a folder of DICOM files to a cell, the way a modality does it."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ACKNOWLEDGED = re.compile(r"Received Store Response \(Success\)|Received Store Response \(Warning", re.MULTILINE)


class SendError(Exception):
    """storescu did not deliver everything; `acknowledged` images had been taken."""

    def __init__(self, message: str, acknowledged: int) -> None:
        super().__init__(message)
        self.acknowledged = acknowledged


@dataclass(frozen=True)
class Node:
    """A storage SCP to send to."""

    host: str
    port: int
    aet: str


def send(folder: Path, aet: str, to: Node, timeout_seconds: float = 300) -> int:
    """Send every file below `folder` under the calling AE title `aet`; give the number of images acknowledged.

    TCP_NODELAY is set because dcmtk otherwise waits for 40 ms between the two halves of each message.

    Raises:
        SendError: the association was refused, aborted or timed out, or an image was rejected.
    """
    command = [
        _storescu(), "--verbose", "--max-pdu", "131072", "--scan-directories", "--recurse",
        "--aetitle", aet, "--call", to.aet, to.host, str(to.port), str(folder),
    ]  # fmt: skip
    environment = os.environ | {"TCP_NODELAY": "1"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
            errors="replace",
        )
    except subprocess.TimeoutExpired as late:
        raise SendError(f"{aet} to {to.aet} at {to.host}:{to.port}: no end after {timeout_seconds:.0f} s", 0) from late
    log = done.stdout + done.stderr
    acknowledged = len(_ACKNOWLEDGED.findall(log))
    problems = [line[3:] for line in log.splitlines() if line.startswith(("E:", "F:"))]
    if done.returncode != 0 or problems:
        reason = "; ".join(problems[:3]) or f"storescu ended with {done.returncode}"
        raise SendError(f"{aet} to {to.aet} at {to.host}:{to.port}: {reason}", acknowledged)
    return acknowledged


def _storescu() -> str:
    """Return the path of dcmtk's program: an activated environment has one of the same name before it, which is another."""
    own = Path(sys.executable).parent
    places = (each for each in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(each) != own)
    if found := shutil.which("storescu", path=os.pathsep.join(places)):
        return found
    raise SendError("storescu is not installed (package dcmtk)", 0)
