"""Servers that hospitals name and that never come to an end: they hold no thread and fill no memory of the house."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from sidecar.adapters import oidc
from sidecar.adapters.deadline import Punctual, TooLong, body_of
from sidecar.adapters.oidc import Client, OidcProvider, Unproved
from sidecar.adapters.outbound import OwnGround

HERE = OwnGround(frozenset(), frozenset(), local=True)
TRUST = ssl.create_default_context()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def talker(first: bytes, then: bytes, *, pause: float) -> Iterator[int]:
    """A server that says something and then goes on and on; its port."""
    listening, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def talk(line: socket.socket) -> None:
        with line:
            line.recv(4096)
            try:
                line.sendall(first)
                while not over.wait(pause):
                    line.sendall(then)
            except OSError:
                return

    def serve() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(line,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@pytest.mark.parametrize(
    ("first", "then", "pause"),
    [
        (HEAD, b"X: 1\r\n", 0.02),
        (HEAD + b"\r\n", b" ", 0.02),
        (HEAD + b"\r\n", b" " * 65536, 0.0),
        (HEAD + b"Content-Length: 3\r\n\r\n", b"", 0.02),
    ],
)
def test_a_provider_that_goes_on_and_on_holds_nobody(
    monkeypatch: pytest.MonkeyPatch, first: bytes, then: bytes, pause: float
) -> None:
    """Each byte begins a socket's patience anew: in headers, in a body, in one without end. The thread held is everybody's."""
    monkeypatch.setattr(oidc, "PATIENCE", 0.3)
    with talker(first, then, pause=pause) as port:
        began = time.monotonic()
        with pytest.raises(Unproved):
            OidcProvider(
                Client(f"http://127.0.0.1:{port}", "c", "s", "http://h/x"), OwnGround(frozenset(), frozenset(), local=True)
            )
        assert time.monotonic() - began < 20


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    """A collector's too: what one hospital's says in return is no reason for the worker of all to run out of memory or time."""
    with talker(HEAD + b"\r\n", b" " * 65536, pause=0.0) as port, pytest.raises(TooLong):
        read(port, seconds=5)
    with talker(HEAD + b"\r\n", b" ", pause=0.02) as port, pytest.raises(httpx.TimeoutException):
        read(port, seconds=0.3)


def read(port: int, *, seconds: float) -> bytes:
    with (
        httpx.Client(transport=Punctual(TRUST, seconds=seconds)) as client,
        client.stream("GET", f"http://127.0.0.1:{port}/") as answer,
    ):
        return body_of(answer, at_most=1 << 20)
