"""Who was let in to what, and who was not: the record of the gate, for the journal.

One visit is one caller at one study (or at the lists of the archive, or refused for one reason). Its first request is in the
durable queue before it is answered; what follows is counted here and queued every WINDOW seconds, so a killed process loses
at most the count of an open window of a visit that is on record already. What cannot be queued is not let in.

Callers are told apart by the receipt in their token: words of the sidecar about a person, handed back as they are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from orthanc_plugin.events import Event, gate_visited

WINDOW = 30.0
"""Seconds for which what follows the first request of a visit is counted before it is queued."""
MAXIMUM_OPEN = 4096
"""Visits that are counted at a time; what comes beyond is queued request by request."""


class Sort(StrEnum):
    """What was asked for: images or data of one study, lists and searches of the archive, something that was refused."""

    STUDY = "study"
    SEARCH = "search"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Visited:
    """Caller (a receipt, "" for nobody known), what, and the StudyInstanceUID, or why it was refused."""

    receipt: str
    sort: Sort
    subject: str = ""


@dataclass(slots=True)
class _Open:
    began: float
    first: float
    last: float
    count: int = 0


@dataclass(slots=True)
class Visits:
    """Counts visits. ``put`` makes an event durable; ``now`` is in seconds since the epoch."""

    put: Callable[[Event], None]
    now: Callable[[], float] = time.time
    _open: dict[Visited, _Open] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, visited: Visited) -> None:
        """Put one request on record. What ``put`` raises is raised: the request must not be answered then."""
        at = self.now()
        with self._lock:
            known = self._open.get(visited)
            if known is not None:
                known.first = known.first if known.count else at
                known.last = at
                known.count += 1
                return
            self.put(_event(visited, first=at, last=at, count=1))
            if len(self._open) < MAXIMUM_OPEN:
                self._open[visited] = _Open(began=at, first=at, last=at)

    def sweep(self) -> None:
        """Queue the windows that are over; a visit is over when nothing was asked for a whole window."""
        at = self.now()
        with self._lock:
            for visited, known in list(self._open.items()):
                if at - known.began < WINDOW:
                    continue
                if known.count:
                    self.put(_counted(visited, known))
                    known.began, known.count = at, 0
                else:
                    del self._open[visited]

    def close(self) -> list[Event]:
        """Return what is counted and not queued yet: the process ends."""
        with self._lock:
            left = [_counted(visited, known) for visited, known in self._open.items() if known.count]
            self._open.clear()
        return left


def _counted(visited: Visited, known: _Open) -> Event:
    return _event(visited, first=known.first, last=known.last, count=known.count)


def _event(visited: Visited, *, first: float, last: float, count: int) -> Event:
    return gate_visited(
        event_id=str(uuid4()),
        receipt=visited.receipt,
        sort=visited.sort.value,
        subject=visited.subject,
        first=first,
        last=last,
        count=count,
    )
