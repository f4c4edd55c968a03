"""How much room the disk has for images. Cells, database and logs may share one: whoever fills it stops everybody."""

from __future__ import annotations

import shutil
from collections.abc import Callable
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


class Lookout:
    """Says once that the room is gone, and once that it is back: among a cell's errors its keepers read both."""

    def __init__(self, room: Room, shout: Callable[[str], None]) -> None:
        self._room, self._shout = room, shout
        self._had = True

    def look(self) -> None:
        """Look at the disk."""
        has = self._room.has()
        if has != self._had:
            self._had = has
            self._shout("there is room for images again" if has else "the disk has no room for more images: senders are put off")
