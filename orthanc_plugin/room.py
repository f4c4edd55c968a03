"""How much room the disk has for images. Cells, database and logs may share one: whoever fills it stops everybody."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1024 * 1024
FREE_MB = 2048
"""What stays free unless RR_CELL_FREE_MB says otherwise."""


@dataclass(frozen=True, slots=True)
class Room:
    """The disk of a cell's `storage`; `free` bytes of it are for others."""

    storage: Path
    free: int

    def has(self) -> bool:
        """Whether somebody may begin to store."""
        return self._left() >= self.free

    def is_gone(self) -> bool:
        """Whether those who are storing must stop, too: they have had half of what was to stay free."""
        return self._left() < self.free // 2

    def _left(self) -> int:
        return shutil.disk_usage(self.storage).free
