"""What may be done to whole studies: downloads, sends, jobs, deletions, holds."""

from sidecar.archive.service.deletions import bring_back, delete, erase_now, return_now, undo
from sidecar.archive.service.downloads import Parcel, download, take_objects
from sidecar.archive.service.holds import lift_hold, set_hold, set_retention
from sidecar.archive.service.running import cancel, repeat
from sidecar.archive.service.sends import send

__all__ = [
    "Parcel",
    "bring_back",
    "cancel",
    "delete",
    "download",
    "erase_now",
    "lift_hold",
    "repeat",
    "return_now",
    "send",
    "set_hold",
    "set_retention",
    "take_objects",
    "undo",
]
