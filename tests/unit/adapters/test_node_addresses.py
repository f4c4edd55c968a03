"""What a cell is told of its nodes: addresses in figures that were judged, whatever their names stand for a moment later."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sidecar.adapters import node_addresses
from sidecar.adapters.node_addresses import NodeAddresses
from sidecar.adapters.outbound import OffLimits, OwnGround, find

GROUND = OwnGround(frozenset({"10.9.9.9"}), frozenset({15300}), local=False)
HERE = OwnGround(frozenset(), frozenset({15300}), local=True)
PACS = ("pacs.mercy.example", 104)


class Names:
    """A name server: what each name stands for now, or the error it answers with."""

    def __init__(self) -> None:
        self.hosts: dict[str, list[str] | OSError] = {"10.9.9.9": ["10.9.9.9"]}
        self.asked: list[str] = []
        self.slow = threading.Event()
        self.slow.set()

    def __call__(self, host: str, *_arguments: Any, **_options: Any) -> list[Any]:
        self.asked.append(host)
        self.slow.wait(5)
        found = self.hosts[host]
        if isinstance(found, OSError):
            raise found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in found]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.slow.set()


class Watch:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def looked_up(places: NodeAddresses, expected: str) -> Callable[[], bool]:
    return lambda: places.of([PACS], patience=1.0) == {PACS: expected}


def test_a_name_that_turns_inward_is_dropped_at_its_next_look(names: Names) -> None:
    watch = Watch()
    places = NodeAddresses(GROUND, clock=watch)
    names.hosts[PACS[0]] = ["10.1.3.14"]
    assert places.of([PACS], patience=1.0) == {PACS: "10.1.3.14"}
    names.hosts[PACS[0]] = ["127.0.0.1"]
    assert places.of([PACS], patience=1.0) == {PACS: "10.1.3.14"}, "it is in figures: nobody asks what the name means now"
    watch.now += node_addresses.AGAIN + 1
    assert places.of([PACS], patience=1.0) == {PACS: ""}


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.1.3.14", "127.0.0.1"], ["10.9.9.9"], ["::1"], ["169.254.169.254"]])
def test_what_leads_inward_has_no_address(names: Names, addresses: list[str]) -> None:
    names.hosts[PACS[0]] = addresses
    assert NodeAddresses(GROUND).of([PACS], patience=1.0) == {PACS: ""}


def test_a_name_server_that_fails_takes_no_node_away_and_is_asked_again_soon(names: Names) -> None:
    watch = Watch()
    places = NodeAddresses(GROUND, clock=watch)
    names.hosts[PACS[0]] = socket.gaierror("no answer")
    assert places.of([PACS], patience=1.0) == {PACS: ""}
    names.hosts[PACS[0]] = ["10.1.3.14"]
    watch.now += node_addresses.RETRY + 1
    assert places.of([PACS], patience=1.0) == {PACS: "10.1.3.14"}
    names.hosts[PACS[0]] = socket.gaierror("no answer")
    watch.now += node_addresses.AGAIN + 1
    assert places.of([PACS], patience=1.0) == {PACS: "10.1.3.14"}


def test_a_slow_name_server_keeps_nobody_waiting(names: Names) -> None:
    names.hosts[PACS[0]] = ["10.1.3.14"]
    names.slow.clear()
    places = NodeAddresses(GROUND)
    assert places.of([PACS]) == {PACS: ""}
    names.slow.set()
    deadline = time.monotonic() + 5
    while not looked_up(places, "10.1.3.14")():
        assert time.monotonic() < deadline
    assert names.asked.count(PACS[0]) == 1


def test_every_address_of_this_machine_is_this_machine(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls to one of them never leave it, and reach what listens on the loopback interface only."""
    names.hosts["10.20.30.40"] = ["10.20.30.40"]
    assert find("10.20.30.40", 15300, HERE) == "10.20.30.40"
    monkeypatch.setattr(socket.socket, "bind", lambda _socket, _address: None)
    with pytest.raises(OffLimits):
        find("10.20.30.40", 15300, HERE)
    assert find("10.20.30.40", 104, HERE) == "10.20.30.40", "where all of it is one machine, its nodes are there too"
    with pytest.raises(OffLimits):
        find("10.20.30.40", 104, GROUND)
