"""Association records on disk, between the door that writes them and the plugin that queues them for the sidecar.

One file per report, whole or not there at all. An event keeps its id from the door to the inbox, so a file that is
read twice after a crash is told once.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from orthanc_plugin.events import Event

MAXIMUM_FILES = 2000
"""Reports that wait while the plugin is away; more are let go: a disk full of refusals helps nobody."""
_SUFFIX = ".json"


class Records:
    """The directory of waiting reports."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._number = 0

    def write(self, events: Iterable[Event]) -> bool:
        """Put a report on disk; return False when too many wait already.

        Raises:
            OSError: the disk is full or not there.
        """
        report = json.dumps(list(events)).encode()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if len(self._waiting()) >= MAXIMUM_FILES:
            return False
        self._number += 1
        file = self._directory / f"{time.time_ns():020}-{self._number:06}{_SUFFIX}"
        fresh = file.with_suffix(".new")
        with fresh.open("wb") as handle:
            handle.write(report)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(file)
        return True

    def take(self, emit: Callable[[Event], None]) -> int:
        """Emit what waits, oldest first, each report before its file goes; return how many events."""
        taken = 0
        for file in self._waiting():
            for event in json.loads(file.read_bytes()):
                emit(event)
                taken += 1
            file.unlink()
        return taken

    def _waiting(self) -> list[Path]:
        return sorted(self._directory.glob(f"*{_SUFFIX}")) if self._directory.exists() else []
