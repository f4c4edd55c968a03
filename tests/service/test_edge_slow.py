"""Clients that take their time, on purpose: they wait at the edge, and everybody else is answered."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.service.edge import Edge

QUICKER = {"client_header_timeout 10s": "client_header_timeout 1s", "client_body_timeout 15s": "client_body_timeout 1s",
           "send_timeout 20s": "send_timeout 1s", "limit_conn addresses 256": "limit_conn addresses 60",
           "limit_conn uploads 64": "limit_conn uploads 20"}  # fmt: skip


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    made = Edge(tmp_path_factory.mktemp("edge"), quicker=QUICKER)
    yield made
    made.close()


@pytest.fixture
def edge(door: Edge) -> Edge:
    door.forget()
    return door


@pytest.fixture
def lines() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def dial(edge: Edge, lines: ExitStack, words: bytes, count: int, *, source: str = "127.0.0.1") -> list[socket.socket]:
    found = []
    for _ in range(count):
        line = lines.enter_context(socket.socket())
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(30)
        line.bind((source, 0))
        line.connect(("127.0.0.1", edge.port))
        line.sendall(words)
        found.append(line)
    return found


def drained(line: socket.socket) -> bytes:
    """Return what comes until the other side ends the line."""
    answer = b""
    try:
        while part := line.recv(65536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


def prompt(edge: Edge) -> None:
    """Others are answered, and at least one of them as fast as ever: the machine may be busy with something else."""
    for _ in range(20):
        answer = edge.http.get("/worklist")
        assert answer.status_code == 404
        if answer.elapsed.total_seconds() < 0.5:
            return
    raise AssertionError("nobody is answered at once")


def test_half_a_header_reaches_nobody_and_is_not_waited_for(edge: Edge, lines: ExitStack) -> None:
    silent = dial(edge, lines, b"GET /slow HTTP/1.1\r\nHost: localhost\r\nX: ", 300)
    prompt(edge)
    assert edge.web.paths("/slow") == []
    assert {drained(line) for line in silent} == {b""}


def test_a_header_that_drips_is_ended_all_the_same(edge: Edge, lines: ExitStack) -> None:
    [line] = dial(edge, lines, b"GET /slow HTTP/1.1\r\nHost: localhost\r\n", 1)
    began = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe
        while time.monotonic() - began < 30:
            line.sendall(b"X: y\r\n")
            time.sleep(0.1)
    assert edge.web.paths("/slow") == []


def test_half_a_body_holds_no_thread_of_the_application(edge: Edge, lines: ExitStack) -> None:
    words = b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf"
    waiting = dial(edge, lines, words, 50)
    prompt(edge)
    assert edge.web.paths("/slow") == []
    assert all(b"408" in answer or answer == b"" for answer in map(drained, waiting))


def test_who_does_not_read_holds_no_thread_either(edge: Edge, lines: ExitStack) -> None:
    dial(edge, lines, b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n", 50)
    prompt(edge)
    deadline = time.monotonic() + 30
    while edge.web.busy and time.monotonic() < deadline:
        time.sleep(0.02)
    assert edge.web.busy == 0
    prompt(edge)


def test_one_address_has_only_so_many_requests_at_a_time(edge: Edge, lines: ExitStack) -> None:
    words = b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    answers = [drained(line) for line in dial(edge, lines, words, 120)]
    refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 429")]
    assert refused
    assert all(b"nosniff" in answer for answer in refused)
    assert edge.web.paths("/slow") == []
    prompt(edge)


@pytest.mark.parametrize("path", ["/dicom-web/own/studies", "/dicom-web/own/studies/1.2"])
def test_who_stores_slowly_leaves_room_for_those_of_other_addresses(edge: Edge, lines: ExitStack, path: str) -> None:
    words = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ".encode()
    slow = dial(edge, lines, words + b"1000\r\n\r\nhalf", 24)
    [other] = dial(edge, lines, words + b"0\r\n\r\n", 1, source="127.0.0.2")
    assert drained(other).startswith(b"HTTP/1.1 404")
    assert sum(drained(line).startswith(b"HTTP/1.1 429") for line in slow) == 8
    prompt(edge)


@pytest.mark.parametrize(
    "proof", ["Cookie: rr_session={}", "Authorization: Bearer {}", "Cookie: a=b\r\nAuthorization: Bearer {}"]
)
def test_a_session_has_a_dozen_open_lines_and_others_have_theirs(edge: Edge, lines: ExitStack, proof: str) -> None:
    """A program with a token, too: without a cookie it was not counted, and one hospital's could take all lines there are."""

    def ask(who: str) -> bytes:
        return f"GET /worklist/events HTTP/1.1\r\nHost: localhost\r\n{proof.format(who)}\r\n\r\n".encode()

    edge.hold.clear()
    dial(edge, lines, ask("one"), 12)
    deadline = time.monotonic() + 30
    while len(edge.web.paths("/worklist/events")) < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    [refused] = dial(edge, lines, ask("one"), 1)
    assert refused.recv(65536).startswith(b"HTTP/1.1 429")
    dial(edge, lines, ask("other"), 1)
    while len(edge.web.paths("/worklist/events")) < 13 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(edge.web.paths("/worklist/events")) == 13
    edge.hold.set()
    prompt(edge)
