"""What can go wrong with keys."""

from sidecar.kernel.errors import Broken


class KeyDestroyed(Broken):
    """The organisation's key was destroyed on purpose: what it closed stays closed for ever."""

    def __init__(self) -> None:
        super().__init__("The key of this organisation was destroyed. What it protected cannot be read any more.")
