"""When a mail is tried again, and when it is given up. Pure."""

from datetime import datetime, timedelta

LIFE = timedelta(days=2)
"""After this nobody waits for it any more, and its links have run out."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=4)


def next_attempt(*, attempts: int, created_at: datetime, now: datetime, permanent: bool) -> datetime | None:
    """Return when to try again after the ``attempts``-th failure (1, 2, 4 … 240 minutes later), or None to give it up.

    ``permanent``: the server said that it will never take it (RFC 5321 §4.2.1: 5yz).
    """
    if permanent:
        return None
    due = now + min(FIRST_PAUSE * 2 ** min(attempts - 1, 16), LONGEST_PAUSE)
    return due if due < created_at + LIFE else None
