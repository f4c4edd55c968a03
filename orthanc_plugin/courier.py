"""From the queue to the sidecar's inbox: reserve, post, acknowledge. At least once; the inbox makes it exactly once."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from orthanc_plugin.events import timestamp
from orthanc_plugin.harvest import Queue

MAXIMUM_EVENTS = 20
MAXIMUM_BYTES = 1024 * 1024
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 15.0
"""Seconds between attempts while the inbox does not answer."""

_POISONED = frozenset({400, 413})


class UnreachableError(Exception):
    """The inbox did not answer: connection refused, time-out, or no sense in the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The inbox's answer: the HTTP status and, on 200, the ids it accepted."""

    status: int
    accepted: frozenset[str] = frozenset()


Deliver = Callable[[list[bytes]], Answer]
"""Posts encoded events; raises UnreachableError."""


@dataclass(slots=True)
class Report:
    """What GET /readingroom/status shows of the courier."""

    delivered: int = 0
    refused: int = 0
    failures_in_a_row: int = 0
    last_error: str | None = None
    last_delivery_at: str | None = None


@dataclass(slots=True)
class Courier:
    """Carries events in order. `refused` receives what the inbox rejects for good, so one bad event stops nobody."""

    queue: Queue
    refused: Queue
    deliver: Deliver
    shout: Callable[[str], None]
    jitter: Callable[[], float] = random.random
    report: Report = field(default_factory=Report)
    _held: list[tuple[bytes, int]] = field(default_factory=list)

    def step(self) -> float | None:
        """Post what is waiting.

        Returns:
            Seconds to wait before the next attempt; None when the queue is empty.
        """
        if not self._held:
            self._reserve()
        if not self._held:
            return None
        return self._post_held()

    def _reserve(self) -> None:
        size = 0
        while len(self._held) < MAXIMUM_EVENTS and size < MAXIMUM_BYTES:
            taken = self.queue.reserve()
            if taken is None or taken in self._held:  # its reservation ran out meanwhile: we have gone once around
                return
            self._held.append(taken)
            size += len(taken[0])

    def _failed(self, error: str) -> float:
        report = self.report
        if error != report.last_error:
            self.shout(f"events are kept: {error}")
        report.last_error = error
        report.failures_in_a_row += 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(report.failures_in_a_row - 1, 10))
        return pause * (0.5 + self.jitter() / 2)

    def _accepted(self, accepted: frozenset[str]) -> float:
        done = [held for held in self._held if json.loads(held[0])["event_id"] in accepted]
        for held in done:
            self._held.remove(held)  # first: should the queue refuse the acknowledgement, the event only comes once more
            self.queue.acknowledge(held[1])
        self.report.delivered += len(done)
        if done:
            self.report.last_delivery_at = timestamp(time.time())
        if self._held:
            return self._failed(f"the inbox left {len(self._held)} events unaccepted")
        self.report.failures_in_a_row = 0
        self.report.last_error = None
        return 0.0

    def _sort_out(self, status: int) -> float:
        """A refusal for good: post one by one to find the event that is refused, and put that one aside."""
        if len(self._held) == 1:
            value, identifier = self._held.pop()
            self.refused.put(value)
            self.queue.acknowledge(identifier)
            self.report.refused += 1
            self.report.last_error = f"the inbox refused an event for good ({status})"
            self.shout(f"{self.report.last_error}: kept in the queue of refused events")
            return 0.0
        everything, self._held = self._held, []
        for position, held in enumerate(everything):
            self._held = [held]
            pause = self._post_held()
            if pause > 0:
                self._held += everything[position + 1 :]
                return pause
        return 0.0

    def _post_held(self) -> float:
        try:
            answer = self.deliver([value for value, _ in self._held])
        except UnreachableError as error:
            return self._failed(str(error))
        if answer.status == 200:  # noqa: PLR2004
            return self._accepted(answer.accepted)
        if answer.status in _POISONED:
            return self._sort_out(answer.status)
        return self._failed(f"the inbox answered {answer.status}")
