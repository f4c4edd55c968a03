"""What became of associations, as events of wire format 3; equal refusals are counted. Pure but for the ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import uuid4

from orthanc_plugin.door.admission import Caller, Outcome
from orthanc_plugin.events import Event, timestamp

MAXIMUM_KINDS = 1000
"""Different refusals counted between two reports; a scanner of ports must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Record:
    """One association, or `count` equal refused ones. Times are seconds since the epoch."""

    caller: Caller
    outcome: Outcome
    began_at: float
    ended_at: float
    aet: str = ""
    called_aet: str = ""
    services: frozenset[str] = frozenset()
    bytes_in: int = 0
    bytes_out: int = 0
    objects: int = 0
    count: int = 1

    def event(self) -> Event:
        """The event the sidecar is told."""
        return {
            "event_id": str(uuid4()),
            "kind": "association",
            "at": timestamp(self.ended_at),
            "aet": self.aet,
            "called_aet": self.called_aet,
            "address": self.caller.address,
            "port": "tls" if self.caller.tls else "plain",
            "certificate": self.caller.certificate,
            "outcome": self.outcome.value,
            "services": sorted(self.services),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "objects": self.objects,
            "began_at": timestamp(self.began_at),
            "ended_at": timestamp(self.ended_at),
            "count": self.count,
        }


class Tally:
    """Counts refusals by caller, title and outcome between two reports."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str, Outcome], Record] = {}

    def add(self, record: Record) -> None:
        """Count one refusal; the latest one's details stay."""
        key = (record.aet, record.caller.address, record.outcome)
        known = self._refused.get(key)
        if known is not None:
            record = replace(record, began_at=known.began_at, count=known.count + 1)
        elif len(self._refused) >= MAXIMUM_KINDS:
            return
        self._refused[key] = record

    def take(self) -> Iterable[Record]:
        """What was counted since the last call."""
        refused, self._refused = self._refused, {}
        return refused.values()
