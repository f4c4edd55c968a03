"""A disk that fills up: nobody begins to store, then those who do are cut; who fetches goes on."""

import shutil
import socket
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orthanc_plugin.door.admission import Caller
from orthanc_plugin.door.association import House, Live, _only_stores, spare_the_disk
from orthanc_plugin.entities import Service
from orthanc_plugin.room import FREE_MB, MEBIBYTE, Lookout, Room

FREE = FREE_MB * MEBIBYTE
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's own


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Room]:
    """Return the room of a disk with so many bytes left."""

    def room(free: int) -> Room:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))
        return Room(Path("/nowhere"), FREE)

    return room


@pytest.mark.parametrize(
    ("free", "has", "gone"),
    [(FREE, True, False), (FREE - 1, False, False), (FREE // 2, False, False), (FREE // 2 - 1, False, True), (0, False, True)],
)
def test_what_stays_free_is_for_others(left: Callable[[int], Room], free: int, has: bool, gone: bool) -> None:
    assert (left(free).has(), left(free).is_gone()) == (has, gone)


def test_its_keepers_hear_once_that_it_is_gone_and_once_that_it_is_back(left: Callable[[int], Room]) -> None:
    said: list[str] = []
    lookout = Lookout(left(FREE), said.append)
    for free in (FREE, FREE - 1, 0, FREE, FREE):
        left(free)
        lookout.look()
    assert said == ["the disk has no room for more images: senders are put off", "there is room for images again"]


def test_only_those_who_store_are_cut(left: Callable[[int], Room]) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    live = {
        number: Live(pair[0], Caller("192.0.2.1"), cast("Any", None), stores=number == 0) for number, pair in enumerate(pairs)
    }
    house = cast("House", SimpleNamespace(room=left(FREE), live=live))
    assert not spare_the_disk(house)
    house.room = left(FREE // 2 - 1)
    assert spare_the_disk(house)
    stored, fetched = (pair[1] for pair in pairs)
    assert stored.recv(1) == b""
    fetched.setblocking(False)
    with pytest.raises(BlockingIOError):
        fetched.recv(1)
    for pair in pairs:
        for end in pair:
            end.close()


def test_who_fetches_by_its_own_call_does_not_store() -> None:
    assert _only_stores(frozenset({Service.STORE, Service.ECHO}))
    assert not _only_stores(frozenset({Service.STORE, Service.GET}))
    assert not _only_stores(frozenset({Service.ECHO}))
