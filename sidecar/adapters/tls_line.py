"""A TLS connection on which one only talks, and at its end knows whether the other side took it.

``ssl.SSLSocket.unwrap`` cannot tell: OpenSSL's shutdown takes a fatal alert for a goodbye. In TLS 1.3 a server looks at our
certificate after we have begun to talk (RFC 8446, section 4.4.2.4), so its refusal comes exactly then. Here the goodbye is read
like anything else, and an alert is an error.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

PART = 65536


class TlsLine:
    """One connection, over a socket that its owner closes. Raises OSError, of which ssl.SSLError is one."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, *, host: str) -> None:
        self._plain = plain
        self._heard, self._said = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._heard, self._said, server_hostname=host)
        self._until_done(self._tls.do_handshake)

    def say(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._until_done(lambda: self._tls.write(data))
        except ConnectionError:
            self._until_done(lambda: self._tls.read(1))  # raises what it said before it hung up, if it said anything
            raise

    def part(self) -> None:
        """Say goodbye (RFC 8446, section 6.1) and wait for the other side's.

        Some end their side without one, having read ours: nothing was left unread, or this were a reset.
        """
        with suppress(ssl.SSLWantReadError):
            self._tls.read(1)  # what came already; after this nothing is left for the next step to overlook
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()
        with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):
            self._until_done(lambda: self._tls.read(1))

    def _until_done(self, step: Callable[[], object]) -> None:
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                self._flush()
                self._listen()
            except ssl.SSLError:
                self._flush()  # the other side hears why
                raise
            else:
                self._flush()
                return

    def _flush(self) -> None:
        if data := self._said.read():
            self._plain.sendall(data)

    def _listen(self) -> None:
        if data := self._plain.recv(PART):
            self._heard.write(data)
        else:
            self._heard.write_eof()
