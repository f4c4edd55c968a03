"""What a cell looks after once a second: its policy, and Orthanc's list of modalities."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from orthanc_plugin.modalities import difference
from orthanc_plugin.policy import Policy, PolicyError, PolicyFile


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
        """Make Orthanc's modalities equal to the application entities."""
        policy = self._file.current
        if self.provisioned is policy:
            return
        write, delete = difference(policy.entities, json.loads(self._rest.get("/modalities?expand")))
        for name in delete:
            self._rest.delete(f"/modalities/{name}")
        for name, entry in write.items():
            self._rest.put(f"/modalities/{name}", json.dumps(entry).encode())
        self.provisioned = policy
