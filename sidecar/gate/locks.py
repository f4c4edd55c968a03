"""Waiting for somebody else's transaction, and saying so when it takes too long (the engine's ``lock_timeout``)."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from sidecar.kernel.errors import Conflict


@contextmanager
def waiting_for(message: str) -> Iterator[None]:
    """Turn a lock that did not come in time into a Conflict with these words."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise Conflict(message) from error
        raise
