"""The modality worklist of this cell: the snapshot the sidecar wrote on its disk, and what a query finds in it.

The cell answers from the last one while the sidecar, Postgres and Redis are down. Nothing here knows Orthanc.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthanc_plugin.encoding import encode
from orthanc_plugin.matching import matches

SUPPORTED_VERSION = 1
MOST = 1000
"""Steps read of one snapshot: more is a mistake, and a modality shows none of it."""

Step = Mapping[str, Any]


class WorklistError(ValueError):
    """The snapshot cannot be used; the message says why and holds nothing of a patient."""


@dataclass(frozen=True, slots=True)
class Offered:
    """One scheduled procedure step: its attributes to match, and the DICOM object to answer with."""

    attributes: Step
    dicom: bytes


class Worklist:
    """The steps in force. A broken new snapshot leaves the last good one standing; none offers nothing."""

    def __init__(self, path: Path, *, cell: str, organisation: str) -> None:
        self._path = path
        self._owner = (cell, organisation)
        self._seen: tuple[int, int, int] | None = None
        self._steps: tuple[Offered, ...] = ()

    def find(self, query: Mapping[str, Any]) -> Iterator[bytes]:
        """Give the DICOM object of each step that matches.

        Raises:
            WorklistError: the snapshot on disk is unusable; told once per version of the file.
        """
        self._refresh()
        return (step.dicom for step in self._steps if matches(query, step.attributes))

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return  # no order was ever written down
        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
        if mark == self._seen:
            return
        self._seen = mark
        self._steps = tuple(Offered(step, encode(step)) for step in self._read())

    def _read(self) -> list[Step]:
        try:
            document = json.loads(self._path.read_bytes())
        except (OSError, ValueError) as error:
            raise WorklistError("the worklist cannot be read or is not JSON") from error
        if not isinstance(document, dict) or document.get("version") != SUPPORTED_VERSION:
            raise WorklistError(f"not a worklist of version {SUPPORTED_VERSION}")
        if (document.get("cell"), document.get("organisation")) != self._owner:
            raise WorklistError("the worklist belongs to another cell or organisation")
        steps = document.get("steps")
        if not isinstance(steps, list) or len(steps) > MOST or not all(isinstance(step, dict) for step in steps):
            raise WorklistError("steps is not a list of at most 1000 objects")
        return steps
