"""The public ports that the policy wants open, and a thread for each caller."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable

from orthanc_plugin.entities import plain

BACKLOG = 128
PAUSE = 0.1
"""Seconds until the next try when the process has no descriptor left for a caller."""
Serve = Callable[[socket.socket, str], None]


class Listener:
    """One listening port. `serve` gets each connection with the caller's address, in a thread of its own."""

    def __init__(self, port: int, serve: Serve, complain: Callable[[str], None]) -> None:
        both = socket.has_dualstack_ipv6()
        self._socket = socket.create_server(
            ("", port), family=socket.AF_INET6 if both else socket.AF_INET, backlog=BACKLOG, dualstack_ipv6=both
        )
        self._serve, self._complain = serve, complain
        self._closing = False
        self.port = port
        threading.Thread(target=self._run, name=f"listen-{port}", daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        self._closing = True
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                connection, where = self._socket.accept()
            except OSError as error:
                if self._closing:
                    return
                if not isinstance(error, ConnectionAbortedError):  # one who left while he waited
                    self._complain(f"port {self.port} takes nobody: {error.strerror}")
                    time.sleep(PAUSE)
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            threading.Thread(target=self._serve, args=(connection, str(plain(where[0]))), daemon=True).start()


class Listeners:
    """Opens and closes ports as the policy says."""

    def __init__(
        self, serve: Callable[[socket.socket, str, ssl.SSLContext | None], None], complain: Callable[[str], None]
    ) -> None:
        self._serve, self._complain = serve, complain
        self._open: dict[bool, Listener] = {}
        self._context: ssl.SSLContext | None = None

    def want(self, *, plain_port: int, tls_port: int, context: ssl.SSLContext | None) -> None:
        """Make the open ports equal to these; 0 is none, and TLS needs its context.

        Raises:
            OSError: a port is taken.
        """
        self._context = context
        wanted = {False: plain_port, True: tls_port if context else 0}
        for tls, port in wanted.items():
            present = self._open.get(tls)
            if present is not None and present.port != port:
                present.close()
                del self._open[tls]
            if port and tls not in self._open:
                self._open[tls] = Listener(port, self._by_tls if tls else self._by_plain, self._complain)

    def _by_plain(self, connection: socket.socket, address: str) -> None:
        self._serve(connection, address, None)

    def _by_tls(self, connection: socket.socket, address: str) -> None:
        self._serve(connection, address, self._context)
