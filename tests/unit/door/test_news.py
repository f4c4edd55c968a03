"""From an answer of the cell to the plugin's ear."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orthanc_plugin.door import news
from orthanc_plugin.door.news import Herald, Listener


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "INTERVAL", 0.0)
    monkeypatch.setattr(news, "SPACING", 0.0)


@pytest.fixture
def herald(tmp_path: Path) -> Iterator[Herald]:
    with closing(Herald(tmp_path / "news")) as made:
        yield made


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with closing(Listener(tmp_path / "news")) as made:
        yield made


def test_many_answers_are_one_piece_of_news(herald: Herald, listener: Listener) -> None:
    heard: list[bool] = []
    for _ in range(1000):
        herald.answered()
    herald.turn()
    listener.wait(heard.append)
    herald.answered()
    herald.ended()
    herald.turn()
    listener.wait(heard.append)
    assert heard == [False, True]


def test_an_end_is_not_kept_waiting(herald: Herald, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "INTERVAL", 30.0)
    heard: list[bool] = []

    def two_turns() -> None:
        herald.turn()
        herald.turn()

    turning = threading.Thread(target=two_turns, daemon=True)
    herald.answered()
    turning.start()
    listener.wait(heard.append)
    herald.ended()
    listener.wait(heard.append)
    assert heard == [False, True]
    herald.ended()
    turning.join(5)
    assert not turning.is_alive()


def test_a_sender_that_pauses_is_noticed_once(herald: Herald, listener: Listener) -> None:
    heard: list[bool] = []
    herald.answered()
    for _ in range(2):
        herald.turn()
        listener.wait(heard.append)
    assert heard == [False, True]
    quiet = threading.Thread(target=herald.turn, daemon=True)
    quiet.start()
    quiet.join(0.3)
    assert quiet.is_alive()  # nothing to say until somebody is answered again
    herald.answered()
    quiet.join(5)
    assert not quiet.is_alive()


def test_news_to_nobody_is_lost_and_no_error(tmp_path: Path, herald: Herald) -> None:
    heard: list[bool] = []
    herald.answered()
    herald.turn()
    Listener(tmp_path / "news").close()
    herald.answered()
    herald.turn()
    with closing(Listener(tmp_path / "news")) as listener:  # as after a kill: the old socket still lay there
        for _ in range(2000):
            herald.answered()
            herald.turn()
        listener.wait(heard.append)
    assert heard == [False]


def test_a_wait_ends_when_asked(listener: Listener) -> None:
    waiting = threading.Thread(target=listener.wait, args=(lambda _ended: None,))
    waiting.start()
    listener.unblock()
    waiting.join(5)
    assert not waiting.is_alive()
