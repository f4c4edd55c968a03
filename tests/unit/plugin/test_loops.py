from __future__ import annotations

import threading

import pytest

from orthanc_plugin import loops
from orthanc_plugin.loops import Loop


def test_a_step_that_raises_is_reported_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "RESTART_PAUSE", 0.01)
    reports: list[str] = []
    done = threading.Event()

    def step() -> float:
        if len(reports) < 2:
            raise ValueError("no")
        done.set()
        return 60.0

    loop = Loop("test", step, reports.append)
    loop.start()
    assert done.wait(5)
    loop.stop(5)
    assert [each.partition(" (Traceback: loops.py:")[0] for each in reports] == ["test: ValueError"] * 2
    assert "no" not in reports[0].partition("test_loops.py")[2], "what an exception quotes is not for the log"
    assert loop.crashes == 2
    assert not loop._thread.is_alive()


def test_a_wake_ends_the_wait_and_is_never_lost() -> None:
    turns = threading.Semaphore(0)

    def step() -> float:
        turns.release()
        return 60.0

    loop = Loop("test", step, print)
    loop.start()
    for _ in range(3):
        assert turns.acquire(timeout=30)
        loop.wake()
    loop.stop(5)
    assert not loop._thread.is_alive()
