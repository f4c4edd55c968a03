"""What a cell looks after once a second: its policy, its list of senders, its log of refused associations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from orthanc_plugin.events import Event
from orthanc_plugin.harvest import Store
from orthanc_plugin.logtail import LogTail
from orthanc_plugin.modalities import difference
from orthanc_plugin.policy import Policy, PolicyError, PolicyFile
from orthanc_plugin.refusals import LogReader, Refusals


class Rest(Protocol):
    """Orthanc's REST from inside, past the gate."""

    def get(self, uri: str) -> bytes:
        """GET."""

    def post(self, uri: str, body: bytes) -> bytes:
        """POST."""

    def put(self, uri: str, body: bytes) -> None:
        """PUT."""

    def delete(self, uri: str) -> None:
        """DELETE."""


class PolicyKeeper:
    """Takes new snapshots into force, in the gate and in Orthanc's list of modalities."""

    def __init__(self, file: PolicyFile, rest: Rest, *, say: Callable[[str], None], shout: Callable[[str], None]) -> None:
        self._file = file
        self._rest = rest
        self._say = say
        self._shout = shout
        self.provisioned: Policy | None = None

    def refresh(self) -> None:
        """Read the snapshot; a broken one is shouted about and the last good one stays."""
        try:
            if self._file.refresh():
                self._say(f"policy: revision {self._file.current.revision} is in force")
        except PolicyError as error:
            self._shout(f"policy: {error}; revision {self._file.current.revision} stays in force")

    def provision(self) -> None:
        """Make Orthanc's modalities equal to the registered senders."""
        policy = self._file.current
        if self.provisioned is policy:
            return
        write, delete = difference(policy.senders, json.loads(self._rest.get("/modalities?expand")))
        for name in delete:
            self._rest.delete(f"/modalities/{name}")
        for name, entry in write.items():
            self._rest.put(f"/modalities/{name}", json.dumps(entry).encode())
        self.provisioned = policy


class RefusalWatch:
    """Reads Orthanc's log and emits what was refused since the last look."""

    POSITION = "log-position"

    def __init__(self, log: Path, reader: LogReader, refusals: Refusals, store: Store) -> None:
        self._log = log
        self._reader = reader
        self._refusals = refusals
        self._store = store
        self._tail: LogTail | None = None

    def look(self, emit: Callable[[Event], None]) -> None:
        """The position is saved after the events are queued: a crash between tells an attempt twice, never not."""
        if self._tail is None:
            position = self._store.load(self.POSITION)
            self._tail = LogTail(self._log, position.decode() if position else None)
        for line in self._tail.lines():
            refusal = self._reader.read(line)
            if refusal is not None:
                self._refusals.record(refusal)
        events = self._refusals.take()
        for event in events:
            emit(event)
        if events:
            self._store.save(self.POSITION, self._tail.position().encode())
