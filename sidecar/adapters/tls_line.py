"""A TLS connection on which one only talks, and at its end knows whether the other side took it.

``ssl.SSLSocket.unwrap`` cannot tell: OpenSSL's shutdown takes a fatal alert for a goodbye. In TLS 1.3 a server looks at our
certificate after we have begun to talk (RFC 8446, section 4.4.2.4), so its refusal comes exactly then. Here the goodbye is read
like anything else, and an alert is an error.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

PART = 65536


class TlsLine:
    """One connection, over a socket that its owner closes. Raises OSError, of which ssl.SSLError and TimeoutError are two.

    It ends ``seconds`` after it began, whatever trickles in meanwhile: a timeout of the socket begins anew with each byte.
    """

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, *, host: str, seconds: float) -> None:
        self._plain, self._patience = plain, plain.gettimeout() or seconds
        self._ends = time.monotonic() + seconds
        self._heard, self._said = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._heard, self._said, server_hostname=host)
        self._until_done(self._tls.do_handshake)

    def say(self, data: bytes) -> None:
        """Send all of it."""
        self._until_done(lambda: self._tls.write(data))

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
            while self._until_done(lambda: self._tls.read(PART)):
                pass  # who only listens has nothing to tell

    def _until_done(self, step: Callable[[], object]) -> object:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._listen()
            except ssl.SSLError:
                self._flush()  # the other side hears why
                raise
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if not (data := self._said.read()):
            return
        try:
            self._in_time().sendall(data)
        except ConnectionError:
            self._hear_why()
            raise

    def _listen(self) -> None:
        if data := self._in_time().recv(PART):
            self._heard.write(data)
        else:
            self._heard.write_eof()

    def _hear_why(self) -> None:
        """Raise what the other side said before it hung up, if that is still there: a reset may have swallowed it."""
        self._listen()
        with suppress(ssl.SSLWantReadError):
            self._tls.read(1)

    def _in_time(self) -> socket.socket:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._plain.settimeout(min(left, self._patience))
        return self._plain
