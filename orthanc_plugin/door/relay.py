"""Bytes in both directions between the caller and the cell: one thread, bounded memory; of the cell's answers the count.

One thread for both directions: what an association costs is the threads that must be woken. splice(2) past the process
was tried instead: it takes the same processor time and is no faster (benchmarks/ingest.py).
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable

from orthanc_plugin.door.passage import Passage

CHUNK = 256 * 1024
"""Bytes moved at a time. More than a TLS record (16 KB), so OpenSSL never keeps back what poll will not announce."""
SILENCE = 120.0
"""Seconds without a byte in any direction after which an association is over; Orthanc itself gives up after 60."""
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Flow:
    """One direction. While something could not be sent, nothing more is read: a slow receiver slows its sender."""

    def __init__(self, source: socket.socket, sink: socket.socket, hear: Callable[[memoryview], None] | None = None) -> None:
        self._source, self._sink, self._hear = source, sink, hear
        self._buffer = memoryview(bytearray(CHUNK))
        self._rest = self._buffer[:0]
        self.total = 0
        """Bytes received so far."""

    def receive(self) -> bool:
        """Take what there is and send it on; return False at the end of the source."""
        try:
            received = self._source.recv_into(self._buffer)
        except _NOT_NOW:
            return True
        self.total += received
        self._rest = self._buffer[:received]
        if self._hear is not None:
            self._hear(self._rest)
        self.send()
        return received > 0

    def send(self) -> None:
        """Send what was received, as far as it goes without waiting."""
        try:
            while self._rest:
                self._rest = self._rest[self._sink.send(self._rest) :]
        except _NOT_NOW:
            return

    def unsent(self) -> bool:
        """Whether something received waits to be sent."""
        return bool(self._rest)


class _Side:
    """One of the two connections: what it is polled for follows from what waits to be sent."""

    def __init__(self, connection: socket.socket, brings: _Flow, takes: _Flow) -> None:
        self.fileno = connection.fileno()
        self._brings, self._takes = brings, takes
        self._polled = 0

    def poll_by(self, poll: select.poll) -> None:
        """Register anew when something changed."""
        wanted = (0 if self._brings.unsent() else select.POLLIN) | (select.POLLOUT if self._takes.unsent() else 0)
        if wanted != self._polled:
            poll.register(self.fileno, wanted)
            self._polled = wanted

    def work(self, events: int) -> bool:
        """Move bytes; return False when this side has ended."""
        if events & select.POLLOUT:
            self._takes.send()
        if events & select.POLLIN:
            return self._brings.receive()
        return not events & _GONE


def relay(
    caller: socket.socket, cell: socket.socket, request: bytes, passage: Passage, *, answered: Callable[[], None]
) -> tuple[int, int]:
    """Relay until either side ends, or SILENCE; `request` was read from the caller already and goes to the cell first.

    `answered` is called whenever the cell has said something: an image may have been stored.

    Returns:
        Bytes that came from the caller, the request included, and from the cell.
    """
    inward, outward = _Flow(caller, cell), _Flow(cell, caller, passage.hear)
    try:
        cell.sendall(request)
        inward.total += len(request)
        caller.settimeout(0)
        cell.settimeout(0)
        _pump(inward, outward, (_Side(caller, inward, outward), _Side(cell, outward, inward)), answered)
    except OSError:
        pass  # the network, or a cut, ended it: the record says how far it came
    return inward.total, outward.total


def _pump(inward: _Flow, outward: _Flow, sides: tuple[_Side, _Side], answered: Callable[[], None]) -> None:
    poll = select.poll()
    by_fileno = {side.fileno: side for side in sides}
    inward.receive()  # what came in one TLS record with the request
    while True:
        for side in sides:
            side.poll_by(poll)
        ready = poll.poll(SILENCE * 1000)
        before = outward.total
        going_on = [by_fileno[fileno].work(events) for fileno, events in ready]
        if outward.total != before:
            answered()
        if not ready or not all(going_on):
            return
