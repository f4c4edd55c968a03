"""What can be seen of a cell from outside: its processes, their last complaints, its size on disk."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

TAIL_BYTES = 65536
COMPLAINTS_KEPT = 5
HARMLESS = ("call the database during its initialization", "invalid AET (sanitized: )")
"""Errors that are none: our plugin asks until Orthanc is ready; an association that the door let in was cut at once."""


class CellState(StrEnum):
    """State of a cell's process, as supervisord names it."""

    RUNNING = "running"
    STARTING = "starting"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"
    EXITED = "exited"
    FATAL = "fatal"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CellStatus:
    """One look at a cell. ``since``: start of the present process, UTC. ``last_error``: newest ones, oldest first."""

    state: CellState
    pid: int | None
    since: datetime | None
    last_error: tuple[str, ...]
    disk_bytes: int


def from_infos(cell: dict[str, Any], door: dict[str, Any] | None, directory: Path, disk_bytes: int) -> CellStatus:
    """Build the status from supervisord's answers. A cell without its door is in the condition of its door."""
    state = CellState(str(cell["statename"]).lower())
    door_state = CellState(str(door["statename"]).lower()) if door else CellState.STARTING
    running = bool(cell["pid"])
    errors = complaints(directory / "log/orthanc.log") if running else last_words(directory / "log")
    if state is CellState.RUNNING and door_state is not CellState.RUNNING:
        state, errors = door_state, complaints(directory / "log/door.log")
    return CellStatus(
        state=state,
        pid=int(cell["pid"]) if running else None,
        since=datetime.fromtimestamp(cell["start"], UTC) if running else None,
        last_error=errors,
        disk_bytes=disk_bytes,
    )


def complaints(log: Path) -> tuple[str, ...]:
    """Return the newest errors of a log of Orthanc or the door: lines such as ``E1121 20:15:03.123456 …``.

    Its warnings (W) are left out: every start writes twenty of them.
    """
    if not log.exists():
        return ()
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = handle.read().decode(errors="replace").splitlines()
    errors = (line for line in lines if line.startswith("E") and line[1:5].isdigit())
    found = [line for line in errors if not any(words in line for words in HARMLESS)]
    return tuple(found[-COMPLAINTS_KEPT:])


def last_words(log_directory: Path) -> tuple[str, ...]:
    """Return why a process that is down may be down: its last errors, and what it printed outside its log."""
    return (*complaints(log_directory / "orthanc.log"), *printed(log_directory / "process.log"))


def printed(log: Path) -> tuple[str, ...]:
    """Return the last lines that a process printed."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return tuple(lines[-COMPLAINTS_KEPT:])


def disk_use(directory: Path) -> int:
    """Return the bytes of all files below ``directory``; files that vanish meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - a million files: no Path objects
            except FileNotFoundError:
                continue
    return total
