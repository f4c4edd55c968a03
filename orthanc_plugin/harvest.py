"""From Orthanc's change log into the durable queue.

The change log is written in the same database transaction as the image, so it is the one source that cannot miss an
acknowledged image when the process is killed. The cursor is saved after the events are queued: a crash between the two
reads the same piece again and gives the same event ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from orthanc_plugin.archive import Archive
from orthanc_plugin.events import MAXIMUM_INSTANCES, Event


class Queue(Protocol):
    """A durable first-in-first-out queue."""

    def put(self, value: bytes) -> None:
        """Append a value; it is on disk when this returns."""

    def reserve(self) -> tuple[bytes, int] | None:
        """Take the next value for a while; None when there is none. Unacknowledged values come back later."""

    def acknowledge(self, identifier: int) -> None:
        """Remove a reserved value for good."""


class Store(Protocol):
    """Durable values by name."""

    def load(self, name: str) -> bytes | None:
        """Read a value; None when it was never saved."""

    def save(self, name: str, value: bytes) -> None:
        """Write a value; it is on disk when this returns."""


def encode(event: Event) -> bytes:
    """An event as compact UTF-8 JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


class Harvester:
    """Moves news from the archive to the queue and remembers how far it came."""

    CURSOR = "harvested-change"

    def __init__(
        self, archive: Archive, queue: Queue, store: Store, *, note: Callable[[str], None] = lambda _study: None
    ) -> None:
        """`note` hears of each study (Orthanc's id) of which images were stored."""
        self._archive = archive
        self._queue = queue
        self._store = store
        self._note = note
        self.cursor: int | None = None
        self.instances = 0

    def harvest(self) -> bool:
        """Take one page.

        Returns:
            True when there is more to take at once.
        """
        if self.cursor is None:
            self.cursor = int(self._store.load(self.CURSOR) or 0)
        page = self._archive.page(self.cursor, MAXIMUM_INSTANCES)
        for event in page.events:
            self._queue.put(encode(event))
            self._note(event["study"]["ID"])
            self.instances += len(event["instances"])
        if page.last != self.cursor:
            self._store.save(self.CURSOR, str(page.last).encode())
            self.cursor = page.last
        return not page.done

    def horizon(self) -> int:
        """The change log's present end."""
        return self._archive.horizon()

    def has_told(self, horizon: int) -> bool:
        """Whether every image stored up to there is in the queue."""
        return self.cursor is not None and not self._archive.has_new(self.cursor, horizon)
