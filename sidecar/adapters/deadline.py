"""HTTP calls to servers that somebody else named: over within so many seconds and bytes, whatever trickles in meanwhile.

A timeout of a socket begins anew with each byte. Whoever sends one now and then would hold a thread for days, and whoever sends
without end all memory: of the one process that works for every hospital.
"""

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx


class TooLong(Exception):  # noqa: N818 - named for what it is
    """The answer has more bytes than anybody asked for."""


class Punctual(httpx.HTTPTransport):
    """Connections that end ``seconds`` after they were opened."""

    def __init__(self, trust: ssl.SSLContext, *, seconds: float) -> None:
        super().__init__(verify=trust, trust_env=False)
        self._pool = httpcore.ConnectionPool(ssl_context=trust, network_backend=_Clocked(seconds))


def body_of(answer: httpx.Response, *, at_most: int) -> bytes:
    """Read an answer's bytes as they came over the wire, not unpacked; raise TooLong, or httpx's own."""
    read = bytearray()
    for piece in answer.iter_raw():
        read += piece
        if len(read) > at_most:
            raise TooLong
    return bytes(read)


class _Clocked(httpcore.NetworkBackend):
    def __init__(self, seconds: float) -> None:
        self._seconds, self._sockets = seconds, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        ends = time.monotonic() + self._seconds
        made = self._sockets.connect_tcp(host, port, min(timeout or self._seconds, self._seconds), local_address, socket_options)
        return _Line(made, ends)


class _Line(httpcore.NetworkStream):
    """A connection whose every wait ends at the same moment."""

    def __init__(self, line: httpcore.NetworkStream, ends: float) -> None:
        self._line, self._ends = line, ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._line.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._line.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._line.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Line(self._line.start_tls(ssl_context, server_hostname, self._left(timeout)), self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._line.get_extra_info(info)

    def _left(self, timeout: float | None) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("its time is over")
        return min(left, timeout or left)
