"""SHA-256 of stored instances, read from the files as they lie on disk: past Orthanc's memory, and as far as can be the kernel's.

Nothing of this runs while an image is received: the sidecar asks, soon after an arrival and again on its schedule. The MD5 that
Orthanc made of the bytes it received says whether the very first reading already differs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

MOST = 50
"""Instances in one question."""
PIECE = 1024 * 1024

Find = Callable[[str], Any]
"""JSON of a URI of Orthanc's, None for what it does not have."""
Told = dict[str, dict[str, Any]]


def digests(find: Find, storage: Path, identifiers: Iterable[str]) -> Told:
    """Say of each instance its ``sha256`` (hex), ``size`` and whether it is ``sound``; nothing where its file is missing."""
    return {identifier: _of(find, storage, identifier) for identifier in identifiers}


def _of(find: Find, storage: Path, identifier: str) -> dict[str, Any]:
    about = find(f"/instances/{identifier}/attachments/dicom/info")
    if about is None:
        return {}
    name = about["Uuid"]
    try:
        with (storage / name[:2] / name[2:4] / name).open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # what is clean is read from the disk once more
            return _read(file, about)
    except OSError:  # gone, or the disk or an encrypting file system refuses it: missing either way
        return {}


def _read(file: Any, about: dict[str, Any]) -> dict[str, Any]:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    while piece := file.read(PIECE):
        sha256.update(piece)
        md5.update(piece)
        size += len(piece)
    return {"sha256": sha256.hexdigest(), "size": size, "sound": md5.hexdigest() == about["CompressedMD5"]}
