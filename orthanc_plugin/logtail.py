"""Follows Orthanc's own log file and keeps it small."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAXIMUM_BYTES = 16 * 1024 * 1024
"""Size at which the log is moved to `<name>.1`; Orthanc opens it for appending, so it can be cut while it writes."""
_CHUNK = 1024 * 1024


class LogTail:
    """Reads complete lines from where it stopped, also over a restart of the process."""

    def __init__(self, path: Path, position: str | None) -> None:
        self._path = path
        self._offset = 0
        self._partial = b""
        inode, _, offset = (position or "").partition(":")
        status = path.stat()
        if inode == str(status.st_ino) and offset.isdigit() and int(offset) <= status.st_size:
            self._offset = int(offset)

    def position(self) -> str:
        """Where a later LogTail goes on: the inode and the offset of the first unread line."""
        return f"{self._path.stat().st_ino}:{self._offset - len(self._partial)}"

    def lines(self) -> list[str]:
        """Lines written since the last call, at most a megabyte of them."""
        size = self._path.stat().st_size
        if size < self._offset:
            self._offset, self._partial = 0, b""
        if size == self._offset:
            return []
        with self._path.open("rb") as log:
            log.seek(self._offset)
            block = log.read(_CHUNK)
        self._offset += len(block)
        *complete, self._partial = (self._partial + block).split(b"\n")
        if self._offset >= MAXIMUM_BYTES:
            self._cut()
        return [line.decode("utf-8", "replace") for line in complete]

    def _cut(self) -> None:
        """Keep one older log. Lines written between copy and cut are lost: they are log lines, not events."""
        shutil.copyfile(self._path, self._path.with_name(self._path.name + ".1"))
        os.truncate(self._path, 0)
        self._offset, self._partial = 0, b""
