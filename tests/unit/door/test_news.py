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


@pytest.fixture
def herald(tmp_path: Path) -> Iterator[Herald]:
    with closing(Herald(tmp_path / "news")) as made:
        yield made


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with closing(Listener(tmp_path / "news")) as made:
        yield made


def test_many_answers_are_one_piece_of_news(herald: Herald, listener: Listener) -> None:
    heard: list[int] = []
    for _ in range(1000):
        herald.answered()
    herald.turn()
    listener.wait(lambda: heard.append(1))
    herald.answered()
    herald.turn()
    listener.wait(lambda: heard.append(2))
    assert heard == [1, 2]


def test_news_to_nobody_is_lost_and_no_error(tmp_path: Path, herald: Herald) -> None:
    heard: list[int] = []
    herald.answered()
    herald.turn()
    Listener(tmp_path / "news").close()
    herald.answered()
    herald.turn()
    with closing(Listener(tmp_path / "news")) as listener:  # as after a kill: the old socket still lay there
        for _ in range(2000):
            herald.answered()
            herald.turn()
        listener.wait(lambda: heard.append(1))
    assert heard == [1]


def test_a_wait_ends_when_asked(listener: Listener) -> None:
    waiting = threading.Thread(target=listener.wait, args=(lambda: None,))
    waiting.start()
    listener.unblock()
    waiting.join(5)
    assert not waiting.is_alive()
