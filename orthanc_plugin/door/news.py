"""That images are flowing: from the door to the plugin, so that it looks into the change log at once and nothing runs per image.

A datagram is a hint. Without it the plugin looks every few seconds anyway; it may be lost. It says whether the cell only
answered somebody, or it is over: an association ended, or nobody was answered for a while. Then all there is is stored,
and the plugin need not wait for more to gather.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

INTERVAL = 0.2
"""Seconds between two datagrams while the cell keeps answering."""
QUIET = 0.1
"""Seconds without an answer, after INTERVAL, that are a pause of the sender: some keep their association open for long."""
SPACING = 0.1
"""Seconds after "over" at least: some devices open an association for each image."""
FLOWING, OVER = b".", b"!"


class Herald:
    """The door's side; both notes are cheap enough for every answer of the cell."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._flowing = False
        self._answered, self._ended = threading.Event(), threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - the socket API

    def answered(self) -> None:
        """The cell said something to a caller: it may have acknowledged an image."""
        if not self._answered.is_set():
            self._answered.set()

    def ended(self) -> None:
        """An association that may have stored something is over."""
        self._ended.set()
        self._answered.set()

    def turn(self) -> None:
        """Wait for an answer or the end of them, send one datagram, gather for INTERVAL or until an association ends."""
        came = self._answered.wait(QUIET if self._flowing else None)
        self._answered.clear()
        over = self._ended.is_set() or not came
        self._ended.clear()
        self._flowing = not over
        # Nobody there, or it has not read the last ones yet: the plugin is starting, or busy, and will look by itself.
        with suppress(FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            self._socket.sendto(OVER if over else FLOWING, self._path)
        if over:
            time.sleep(SPACING)
        self._ended.wait(INTERVAL)

    def close(self) -> None:
        """Say nothing more."""
        self._socket.close()


class Listener:
    """The plugin's side."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o600)

    def wait(self, news: Callable[[bool], None]) -> None:
        """Wait for one datagram and pass on whether it is over."""
        news(self._socket.recv(1) == OVER)

    def unblock(self) -> None:
        """End a wait."""
        self._socket.sendto(FLOWING, self._socket.getsockname())

    def close(self) -> None:
        """Hear nothing more."""
        self._socket.close()
