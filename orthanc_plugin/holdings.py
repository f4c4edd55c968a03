"""Which objects of the archive a retrieval means: the door asks, over a socket in the cell's directory that only they two share.

A question is one JSON line, the keys of the identifier (PS3.4 section C.4.2.1.4) with their values; the answer a JSON list of
[SOP Instance UID, SOP Class UID].
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

LEVELS = {"PatientID": "Patient", "StudyInstanceUID": "Study", "SeriesInstanceUID": "Series", "SOPInstanceUID": "Instance"}
PATIENCE = 10.0
"""Seconds for one question or answer to pass; both ends are on this machine."""
LONGEST_QUESTION = 4 * 1024 * 1024
Keys = dict[str, list[str]]
Object = tuple[str, str]
Post = Callable[[str, bytes], bytes]


def find(post: Post, keys: Keys) -> list[Object]:
    """Return the objects that all keys agree on, in Orthanc's order."""
    found: dict[str, Object] | None = None
    for keyword, values in keys.items():
        below = _below(post, LEVELS[keyword], values)
        found = below if found is None else {identifier: each for identifier, each in found.items() if identifier in below}
    return list((found or {}).values())


def _below(post: Post, level: str, values: Iterable[str]) -> dict[str, Object]:
    """Return Orthanc's id → object of all instances of the resources that are called so."""
    resources = [
        row["ID"] for value in values for row in json.loads(post("/tools/lookup", value.encode())) if row["Type"] == level
    ]
    asked = {"Resources": resources, "Level": "Instance", "Metadata": True}
    rows = json.loads(post("/tools/bulk-content", json.dumps(asked).encode())) if resources else []
    return {row["ID"]: (row["MainDicomTags"]["SOPInstanceUID"], row["Metadata"].get("SopClassUid", "")) for row in rows}


class Desk:
    """The plugin's side: answers one question after the other."""

    def __init__(self, path: Path, post: Post) -> None:
        path.unlink(missing_ok=True)
        self._post = post
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(8)

    def answer_one(self) -> None:
        """Wait for a question and answer it; whoever hangs up before has chosen not to hear."""
        asking, _ = self._socket.accept()
        with asking:
            asking.settimeout(PATIENCE)
            with suppress(OSError), asking.makefile("rb") as stream:
                line = stream.readline(LONGEST_QUESTION)
                if line.endswith(b"\n"):
                    asking.sendall(json.dumps(find(self._post, json.loads(line))).encode() + b"\n")

    def unblock(self) -> None:
        """End a wait."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as nobody:
            nobody.connect(self._socket.getsockname())

    def close(self) -> None:
        """Answer nobody any more."""
        self._socket.close()


def ask(path: Path, keys: Keys) -> list[Any]:
    """The door's side.

    Raises:
        OSError: the plugin is not there, or did not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as desk:
        desk.settimeout(PATIENCE)
        desk.connect(str(path))
        desk.sendall(json.dumps(keys).encode() + b"\n")
        with desk.makefile("rb") as stream:
            line = stream.readline()
    if not line.endswith(b"\n"):
        raise ConnectionError("the plugin hung up")
    found: list[Any] = json.loads(line)
    return found
