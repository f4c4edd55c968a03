from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable

import pytest

from orthanc_plugin import courier as module
from orthanc_plugin.courier import Answer, Courier, UnreachableError


class MemoryQueue:
    """A queue whose reservations never come back by themselves: one process, one courier."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[bytes, int]] = deque()
        self.reserved: dict[int, bytes] = {}
        self._next = 0

    def put(self, value: bytes) -> None:
        self._next += 1
        self.waiting.append((value, self._next))

    def reserve(self) -> tuple[bytes, int] | None:
        if not self.waiting:
            return None
        value, identifier = self.waiting.popleft()
        self.reserved[identifier] = value
        return value, identifier

    def acknowledge(self, identifier: int) -> None:
        del self.reserved[identifier]


class Inbox:
    def __init__(self) -> None:
        self.script: list[Answer | Exception | Callable[[list[str]], Answer]] = []
        self.posts: list[list[str]] = []

    def __call__(self, values: list[bytes]) -> Answer:
        identifiers = [json.loads(value)["event_id"] for value in values]
        self.posts.append(identifiers)
        planned = self.script.pop(0) if self.script else Answer(200, frozenset(identifiers))
        if isinstance(planned, Exception):
            raise planned
        return planned if isinstance(planned, Answer) else planned(identifiers)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def shouts() -> list[str]:
    return []


@pytest.fixture
def courier(inbox: Inbox, shouts: list[str]) -> Courier:
    return Courier(MemoryQueue(), MemoryQueue(), inbox, shouts.append, jitter=lambda: 1.0)


def put(courier: Courier, *identifiers: str) -> None:
    for identifier in identifiers:
        courier.queue.put(json.dumps({"event_id": identifier}).encode())


def left(courier: Courier) -> int:
    queue = courier.queue
    assert isinstance(queue, MemoryQueue)
    return len(queue.waiting) + len(queue.reserved)


def test_nothing_to_do(courier: Courier, inbox: Inbox) -> None:
    assert courier.step() is None
    assert inbox.posts == []


def test_events_go_in_order_and_are_acknowledged(courier: Courier, inbox: Inbox) -> None:
    put(courier, *map(str, range(50)))
    while courier.step() is not None:
        pass
    assert [each for post in inbox.posts for each in post] == [str(number) for number in range(50)]
    assert max(map(len, inbox.posts)) == module.MAXIMUM_EVENTS
    assert (left(courier), courier.report.delivered) == (0, 50)


def test_a_post_has_a_size(courier: Courier, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_BYTES", 30)
    put(courier, *"abcd")
    courier.step()
    assert inbox.posts == [["a", "b"]]


def test_an_inbox_that_is_away_is_asked_ever_more_rarely_and_shouted_about_once(
    courier: Courier, inbox: Inbox, shouts: list[str]
) -> None:
    put(courier, "a")
    inbox.script = [UnreachableError("ConnectError")] * 9
    pauses = [courier.step() for _ in range(9)]
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15]
    assert shouts == ["events are kept: ConnectError"]
    assert courier.step() == 0.0
    assert (left(courier), courier.report.failures_in_a_row, courier.report.last_error) == (0, 0, None)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_other_answers_keep_everything(courier: Courier, inbox: Inbox, status: int) -> None:
    put(courier, "a", "b")
    inbox.script = [Answer(status)]
    assert courier.step()
    assert left(courier) == 2
    courier.step()
    assert inbox.posts == [["a", "b"], ["a", "b"]]
    assert left(courier) == 0


def test_what_was_not_accepted_is_asked_again(courier: Courier, inbox: Inbox) -> None:
    put(courier, "a", "b")
    inbox.script = [Answer(200, frozenset({"a"}))]
    assert courier.step()
    courier.step()
    assert inbox.posts == [["a", "b"], ["b"]]


@pytest.mark.parametrize("status", [400, 413])
def test_the_one_bad_event_is_put_aside(courier: Courier, inbox: Inbox, shouts: list[str], status: int) -> None:
    def picky(identifiers: list[str]) -> Answer:
        return Answer(status) if "bad" in identifiers else Answer(200, frozenset(identifiers))

    put(courier, "a", "bad", "b")
    inbox.script = [picky] * 4
    assert courier.step() == 0.0
    assert inbox.posts == [["a", "bad", "b"], ["a"], ["bad"], ["b"]]
    assert left(courier) == 0
    refused = courier.refused
    assert isinstance(refused, MemoryQueue)
    assert [json.loads(value)["event_id"] for value, _ in refused.waiting] == ["bad"]
    assert courier.report.refused == 1
    assert "bad" not in "".join(shouts)


def test_sorting_out_stops_when_the_inbox_goes_away(courier: Courier, inbox: Inbox) -> None:
    put(courier, "a", "b", "c")
    inbox.script = [Answer(400), Answer(200, frozenset({"a"})), UnreachableError("x")]
    assert courier.step()
    assert left(courier) == 2
    assert courier.step() == 0.0
    assert inbox.posts[-1] == ["b", "c"]
    assert left(courier) == 0


class HastyQueue(MemoryQueue):
    """Reservations are over at once, as on a busy machine where a second passes between two calls; ids are acknowledged once."""

    def reserve(self) -> tuple[bytes, int] | None:
        if not self.waiting:
            return None
        self.waiting.rotate(-1)
        return self.waiting[-1]

    def acknowledge(self, identifier: int) -> None:
        before = len(self.waiting)
        self.waiting = deque(held for held in self.waiting if held[1] != identifier)
        if len(self.waiting) == before:
            raise LookupError("Unknown resource")


def test_a_reservation_that_runs_out_is_not_taken_twice(inbox: Inbox, shouts: list[str]) -> None:
    courier = Courier(HastyQueue(), MemoryQueue(), inbox, shouts.append, jitter=lambda: 1.0)
    put(courier, "a", "b", "c")
    assert courier.step() == 0.0
    assert inbox.posts == [["a", "b", "c"]]
    assert courier.step() is None


def test_an_acknowledgement_that_fails_does_not_stop_the_courier(inbox: Inbox, courier: Courier) -> None:
    put(courier, "a")
    queue = courier.queue
    assert isinstance(queue, MemoryQueue)
    inbox.script = [lambda seen: (queue.reserved.clear(), Answer(200, frozenset(seen)))[1]]
    with pytest.raises(KeyError):
        courier.step()
    put(courier, "b")
    assert courier.step() == 0.0
    assert inbox.posts == [["a"], ["b"]]
