"""Where connections wait until they have said who they are: each has little time, and there is always a place.

Silence costs the silent: when an address, or the room, has too many waiting, its longest-waiting one is cut. An honest
caller introduces itself at once and is never the longest-waiting.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress

from orthanc_plugin.door import pdu

REQUEST_SECONDS = 5.0
"""Within which the TLS handshake must be done, and then once more the whole A-ASSOCIATE-RQ be here (ARTIM timer, PS3.8
section 9.1.5)."""
WAITING_PER_ADDRESS, WAITING = 32, 256
ASSOCIATIONS_PER_ADDRESS, ASSOCIATIONS = 32, 128


def cut(connection: socket.socket) -> None:
    """End a connection that another thread works on; that thread finds it closed."""
    with suppress(OSError):  # it has ended by itself
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # the socket's own, also below TLS


def receive_request(connection: socket.socket, *, seconds: float = REQUEST_SECONDS) -> bytes:
    """Read exactly one A-ASSOCIATE-RQ, header included.

    Raises:
        MalformedError: it is none.
        TimeoutError: it was not complete in time, however many bytes came.
        EOFError: the caller left; its first argument is how many bytes it had sent.
    """
    deadline = time.monotonic() + seconds
    header = _exactly(connection, pdu.HEADER, deadline, so_far=0)
    return header + _exactly(connection, pdu.content_length(header), deadline, so_far=pdu.HEADER)


def _exactly(connection: socket.socket, size: int, deadline: float, *, so_far: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(size - len(received))
        if not part:
            raise EOFError(so_far + len(received))
        received += part
    return bytes(received)


class WaitingRoom:
    """The connections that have not introduced themselves yet."""

    def __init__(self, *, per_address: int = WAITING_PER_ADDRESS, places: int = WAITING) -> None:
        self._per_address, self._places = per_address, places
        self._lock = threading.Lock()
        self._waiting: dict[socket.socket, str] = {}

    def enter(self, connection: socket.socket, address: str) -> None:
        """Take a place; the longest-waiting one of the same address, or of all, is cut when there is none."""
        with self._lock:
            neighbours = [each for each, whose in self._waiting.items() if whose == address]
            if len(neighbours) >= self._per_address:
                self._push_out(neighbours[0])
            elif len(self._waiting) >= self._places:
                self._push_out(next(iter(self._waiting)))
            self._waiting[connection] = address

    def replace(self, connection: socket.socket, wrapped: socket.socket) -> None:
        """Put the TLS form of a connection in its place; it goes to the end of the line."""
        with self._lock:
            address = self._waiting.pop(connection, None)
            if address is not None:
                self._waiting[wrapped] = address

    def leave(self, connection: socket.socket) -> None:
        """Free the place."""
        with self._lock:
            self._waiting.pop(connection, None)

    def _push_out(self, connection: socket.socket) -> None:
        del self._waiting[connection]
        cut(connection)


class Seats:
    """How many associations may be open at a time, from one address and in all."""

    def __init__(self, *, per_address: int = ASSOCIATIONS_PER_ADDRESS, seats: int = ASSOCIATIONS) -> None:
        self._per_address, self._seats = per_address, seats
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Take a seat; False when there is none."""
        with self._lock:
            if self._taken[address] >= self._per_address or self._taken.total() >= self._seats:
                return False
            self._taken[address] += 1
            return True

    def free(self, address: str) -> None:
        """Give the seat back."""
        with self._lock:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]
