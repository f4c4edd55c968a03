"""Refused associations. Orthanc rejects an unknown caller before any callback: its log line is the only record.

Needs Orthanc's `--verbose-dicom`: the line of a wrong called AE title names no caller, the line before it does. Both
come from the one thread that negotiates associations, so they follow each other.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from orthanc_plugin.events import Event, timestamp
from orthanc_plugin.senders import Admission

WRONG_CALLED_AET = "wrong-called-aet"
MAXIMUM_KINDS = 1000
"""Different refusals remembered between two reports; a scanner of ports must not fill the memory."""

_RECEIVED = re.compile(r"Association Received from AET (?P<aet>.{0,16}?) on IP (?P<address>\S+)$")
_REJECTED = re.compile(r"Rejected association for remote AET (?P<aet>.{0,16}?) on IP (?P<address>\S+)$")
_CALLED = re.compile(r"Rejected association, because of a bad called AET in the request \((?P<called>.{0,16}?)\)?$")
"""The bracket is missing when the caller put a line end into the title."""
_INVALID = re.compile(
    r"Association Received from an invalid AET \(sanitized: (?P<aet>.{0,16})\) on IP (?P<address>\S+), rejecting"
)
"""A title with control characters, or none; Orthanc writes stars for them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Who was refused and why; `reason` as in wire format 3."""

    aet: str
    address: str
    called_aet: str
    reason: str


class LogReader:
    """Understands Orthanc's lines one after the other."""

    def __init__(self, own_aet: str) -> None:
        self._own_aet = own_aet
        self._caller = ("", "")

    def read(self, line: str) -> Refusal | None:
        """Return the refusal a line tells of, if any."""
        if "ssociation" not in line:
            return None
        line = line.rstrip()
        if found := _RECEIVED.search(line):
            self._caller = (found["aet"], found["address"])
            return None
        if found := _CALLED.search(line):
            return Refusal(*self._caller, found["called"], WRONG_CALLED_AET)
        if found := _INVALID.search(line) or _REJECTED.search(line):
            return Refusal(found["aet"], found["address"], self._own_aet, Admission.UNKNOWN_AET.value)
        return None


@dataclass(slots=True)
class _Tally:
    count: int
    first: float
    last: float


class Refusals:
    """Counts equal refusals, so that a machine that tries every second makes one event per report."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tallies: dict[Refusal, _Tally] = {}
        self.total = 0

    def record(self, refusal: Refusal) -> None:
        """Count one refusal."""
        now = self._clock()
        with self._lock:
            self.total += 1
            tally = self._tallies.get(refusal)
            if tally is not None:
                tally.count += 1
                tally.last = now
            elif len(self._tallies) < MAXIMUM_KINDS:
                self._tallies[refusal] = _Tally(1, now, now)

    def take(self) -> list[Event]:
        """Turn what was counted since the last call into events."""
        with self._lock:
            tallies, self._tallies = self._tallies, {}
        at = timestamp(self._clock())
        return [
            {
                "event_id": str(uuid4()),
                "kind": "association-refused",
                "at": at,
                "aet": refusal.aet,
                "address": refusal.address,
                "called_aet": refusal.called_aet,
                "reason": refusal.reason,
                "count": tally.count,
                "first_at": timestamp(tally.first),
                "last_at": timestamp(tally.last),
            }
            for refusal, tally in tallies.items()
        ]
