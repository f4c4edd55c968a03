"""How many requests to store one organisation has under way: each holds a thread of all, and up to 256 MB of the disk."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sidecar.kernel.errors import Busy

MOST = 8
"""In each of the two processes; as many as nginx lets one address have there. All addresses together have four times that."""
_LOCK = threading.Lock()
_TAKEN: Counter[UUID] = Counter()


@contextmanager
def place_of(organisation_id: UUID) -> Iterator[None]:
    """Hold a place for a request to store; raise Busy when its organisation has all that are its own, whatever others have."""
    with _LOCK:
        if _TAKEN[organisation_id] >= MOST:
            raise Busy("As many uploads as your organisation may have at one time are under way. Try again when one has ended.")
        _TAKEN[organisation_id] += 1
    try:
        yield
    finally:
        with _LOCK:
            _TAKEN[organisation_id] -= 1
            if not _TAKEN[organisation_id]:
                del _TAKEN[organisation_id]
