"""Bytes through the relay, over real sockets: all of them, in order, whoever is slow, and an end."""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orthanc_plugin.door import relay as relay_module
from orthanc_plugin.door import tls
from orthanc_plugin.door.passage import Passage
from orthanc_plugin.door.relay import relay
from tests.doors.authority import Authority

PLENTY = 8 * 1024 * 1024
REQUEST = b"request"


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection: a unix socket pair would behave otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    for each in (one, other):
        each.settimeout(10)
    return one, other


@dataclass
class Relayed:
    """A caller and a cell with the relay between them."""

    caller: socket.socket
    cell: socket.socket
    thread: threading.Thread
    totals: list[tuple[int, int]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    passage: Passage = field(default_factory=Passage)

    def ended(self) -> tuple[int, int]:
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.totals[0]


def started(caller: socket.socket, door: socket.socket) -> Relayed:
    towards_cell, cell = pair()
    made = Relayed(caller, cell, threading.Thread())

    def run() -> None:
        with door, towards_cell:
            made.totals.append(relay(door, towards_cell, REQUEST, made.passage, answered=lambda: made.answers.append(1)))

    made.thread = threading.Thread(target=run, daemon=True)
    made.thread.start()
    assert cell.recv(len(REQUEST), socket.MSG_WAITALL) == REQUEST
    return made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["plain", "tls"])
def relayed(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Relayed]:
    caller, door = pair()
    if request.param == "tls":
        issued = authority.issue("CT1")
        client = ssl.create_default_context(cafile=authority.certificate)
        client.load_cert_chain(issued.certificate, issued.key)
        wrapped: list[ssl.SSLSocket] = []
        server = tls.server_context(authority.server_files())
        thread = threading.Thread(target=lambda: wrapped.append(server.wrap_socket(door, server_side=True)))
        thread.start()
        caller = client.wrap_socket(caller, server_hostname="127.0.0.1")
        thread.join()
        door = wrapped[0]
    made = started(caller, door)
    yield made
    for each in (made.caller, made.cell):
        each.close()
    made.thread.join(10)


def receive(source: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        part = source.recv(min(65536, size - len(received)))
        assert part
        received += part
    return bytes(received)


def exchange(caller: socket.socket, inward: bytes, size: int) -> bytes:
    """Send and receive at once, in one thread: a TLS connection (OpenSSL) must not be used by two."""
    unsent, received = memoryview(inward), bytearray()
    caller.setblocking(False)
    later = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
    while unsent or len(received) < size:
        moved = False
        with suppress(*later):
            part = caller.recv(65536)
            assert part
            received += part
            moved = True
        with suppress(*later):
            if unsent:
                unsent = unsent[caller.send(unsent[:65536]) :]
                moved = True
        if not moved:
            select.select([caller], [caller] if unsent else [], [], 0.05)
    caller.settimeout(10)
    return bytes(received)


@pytest.mark.parametrize("both", [False, True])
def test_much_goes_through_also_in_both_directions_at_once(relayed: Relayed, both: bool) -> None:
    inward, outward = os.urandom(PLENTY), os.urandom(PLENTY if both else 10)
    got: list[bytes] = []
    sender = threading.Thread(target=relayed.cell.sendall, args=(outward,))
    reader = threading.Thread(target=lambda: got.append(receive(relayed.cell, len(inward))))
    for each in (sender, reader):
        each.start()
    assert exchange(relayed.caller, inward, len(outward)) == outward
    for each in (sender, reader):
        each.join(20)
    assert got == [inward]
    relayed.cell.close()
    assert relayed.ended() == (len(REQUEST) + len(inward), len(outward))
    assert relayed.answers


def test_a_caller_that_does_not_read_slows_the_cell_down_and_costs_no_memory(relayed: Relayed) -> None:
    relayed.cell.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 64 * PLENTY:
            sent += relayed.cell.send(bytes(65536))
    assert sent < 4 * PLENTY  # what the kernel's buffers took
    assert len(receive(relayed.caller, sent)) == sent


def test_the_end_of_either_side_is_the_end(relayed: Relayed) -> None:
    relayed.cell.sendall(b"goodbye")
    relayed.cell.close()
    assert receive(relayed.caller, 7) == b"goodbye"
    assert relayed.caller.recv(1) == b""
    assert relayed.ended() == (len(REQUEST), 7)


def test_the_callers_last_words_reach_the_cell(relayed: Relayed) -> None:
    relayed.caller.sendall(b"abort")
    relayed.caller.close()
    assert receive(relayed.cell, 5) == b"abort"
    assert relayed.cell.recv(1) == b""


def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "SILENCE", 0.05)
    relayed = started(*pair())
    assert relayed.ended() == (len(REQUEST), 0)
    relayed.caller.close()
    relayed.cell.close()


def test_no_descriptor_is_left_open() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for _ in range(5):
        relayed = started(*pair())
        relayed.caller.close()
        relayed.ended()
        relayed.cell.close()
    assert open_files() == before
