"""Checkpoints kept outside the database, one append-only file per organisation: an older database put back is noticed.

Only the newest line matters, so only the end of a file is read. Copy the directory to where the database's administrator
cannot write, and a cut-off end stays visible even if this machine is not to be trusted.
"""

import json
import os
from pathlib import Path
from uuid import UUID

from sidecar.audit.checkpoints import Checkpoint

TAIL = 64 * 1024
"""Bytes read from the end: some two hundred checkpoints."""


def keep(directory: Path, checkpoint: Checkpoint) -> None:
    """Append one and wait until the disk has it."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    line = json.dumps(checkpoint.as_json(), sort_keys=True) + "\n"
    handle = os.open(_path(directory, checkpoint.organisation_id), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def kept(directory: Path, organisation_id: UUID) -> list[Checkpoint]:
    """Return the latest that were kept, oldest first; raise ValueError for a line that is none.

    What a crash left of a line, and where reading begins in the middle of one, is passed over: it never was a checkpoint.
    """
    path = _path(directory, organisation_id)
    if not path.is_file():
        return []
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - TAIL)
        file.seek(start)
        lines = file.read().split(b"\n")
    whole = lines[1 if start else 0 : -1]
    return [Checkpoint.from_json(json.loads(line)) for line in whole if line.endswith(b"}")]


def _path(directory: Path, organisation_id: UUID) -> Path:
    return directory / f"{organisation_id}.jsonl"
