"""How often to look into the change log: at once for the first image, ever more rarely in a stream, hardly ever idle."""

from __future__ import annotations

PAUSES = (0.1, 0.4, 0.8)
"""Seconds between two looks while images arrive. A look costs 4 ms of processor time and 0.17 ms per image (measured),
so larger pieces are cheaper, and the last image of a study still waits less than a second."""
FLOOD, FLOOD_PAUSE = 50, 2.0
"""So many images in one look leave no processor idle: the bookkeeping waits. The door says when it is over."""
ACTIVE = 3.0
"""Seconds of looking often after the last sign of a sender; the door gives some each second."""
IDLE = 5.0
"""Seconds between two looks otherwise: a safety net, nothing is expected."""


class Pace:
    """Decides on the pause after each look. Times are those of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._active_until = 0.0
        self._streak = 0

    def news(self, now: float) -> None:
        """An image is coming in."""
        self._active_until = now + ACTIVE

    def after(self, *, found: int, more: bool, now: float) -> float:
        """Return the pause after a look that found so many images, with more left in the log or not."""
        self._streak = self._streak + 1 if found else 0
        if more:
            return 0.0
        if now >= self._active_until:
            return IDLE
        return FLOOD_PAUSE if found >= FLOOD else PAUSES[min(self._streak, len(PAUSES) - 1)]
