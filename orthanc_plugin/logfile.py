"""Keeps Orthanc's log small: it opens the file for appending, so it can be cut while it writes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAXIMUM_BYTES = 16 * 1024 * 1024


def keep_small(log: Path, *, maximum: int = MAXIMUM_BYTES) -> bool:
    """Move a log that has grown too large to `<name>.1`; return whether it had. Lines between copy and cut are lost."""
    if log.stat().st_size < maximum:
        return False
    shutil.copyfile(log, log.with_name(log.name + ".1"))
    os.truncate(log, 0)
    return True
