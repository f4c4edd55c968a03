"""Waiting for a request: within its time, and never at the expense of others."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from orthanc_plugin.door.pdu import MalformedError
from orthanc_plugin.door.reception import Seats, WaitingRoom, cut, receive_request
from tests.unit.door.requests import content, pdu

REQUEST = pdu(content())


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_exactly_the_request_is_read(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].sendall(REQUEST + b"more")
    assert receive_request(ends[1]) == REQUEST
    assert ends[1].recv(10) == b"more"


def test_silence_and_dripping_end_at_the_same_time(ends: tuple[socket.socket, socket.socket]) -> None:
    stop = threading.Event()

    def drip() -> None:
        for byte in REQUEST:
            if stop.wait(0.02):
                return
            ends[0].sendall(bytes([byte]))

    dripping = threading.Thread(target=drip)
    dripping.start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        receive_request(ends[1], seconds=0.3)
    assert time.monotonic() - began > 0.25
    stop.set()
    dripping.join()
    with pytest.raises(TimeoutError):
        receive_request(ends[1], seconds=0.0)


@pytest.mark.parametrize("size", [0, 1, 5, 6, 7, 60, len(REQUEST) - 1])
def test_one_who_leaves_says_how_much_there_was(ends: tuple[socket.socket, socket.socket], size: int) -> None:
    ends[0].sendall(REQUEST[:size])
    ends[0].close()
    with pytest.raises(EOFError) as told:
        receive_request(ends[1])
    assert told.value.args == (size,)


def test_a_huge_length_is_refused_by_its_header_alone(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].sendall(pdu(b"", length=2**31))
    with pytest.raises(MalformedError):
        receive_request(ends[1])


def is_cut(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


@pytest.fixture
def connections() -> Iterator[list[socket.socket]]:
    pairs = [socket.socketpair() for _ in range(6)]
    yield [one for one, _ in pairs]
    for both in pairs:
        for each in both:
            each.close()


def test_the_longest_waiting_of_a_crowded_address_makes_room(connections: list[socket.socket]) -> None:
    room = WaitingRoom(per_address=2, places=9)
    for connection, address in zip(connections, ("a", "b", "b", "b", "b", "a"), strict=True):
        room.enter(connection, address)
    assert [is_cut(each) for each in connections] == [False, True, True, False, False, False]


def test_the_longest_waiting_of_all_makes_room_when_the_house_is_full(connections: list[socket.socket]) -> None:
    room = WaitingRoom(per_address=9, places=3)
    for number, connection in enumerate(connections):
        room.enter(connection, str(number))
    assert [is_cut(each) for each in connections] == [True, True, True, False, False, False]


def test_one_who_has_introduced_himself_is_not_cut(connections: list[socket.socket]) -> None:
    room = WaitingRoom(per_address=1, places=9)
    room.enter(connections[0], "a")
    room.leave(connections[0])
    room.enter(connections[1], "a")
    room.replace(connections[1], connections[2])
    room.leave(connections[1])
    room.enter(connections[3], "a")
    assert [is_cut(each) for each in connections[:4]] == [False, False, True, False]
    room.replace(connections[0], connections[4])  # was cut meanwhile: it gets no place back
    room.enter(connections[5], "b")
    assert not is_cut(connections[5])


def test_seats_are_limited_by_address_and_in_all_and_come_back() -> None:
    seats = Seats(per_address=2, seats=3)
    assert [seats.take("a"), seats.take("a"), seats.take("a")] == [True, True, False]
    assert [seats.take("b"), seats.take("c")] == [True, False]
    seats.free("a")
    assert [seats.take("c"), seats.take("a")] == [True, False]


def test_cutting_what_has_ended_is_no_error(connections: list[socket.socket]) -> None:
    cut(connections[0])
    connections[0].close()
    cut(connections[0])
