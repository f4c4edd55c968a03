"""Decisions about links and broken glass: facts and a moment in, a decision out. No clock, no database, no web."""

import hashlib
import hmac
from datetime import datetime, timedelta

from sidecar.sharing.model import LinkState

MOST_MINUTES = 60
"""Glass stays broken for an hour at most; the database refuses more (``ck_glasses_an_hour_at_most``)."""
REVIEW_WITHIN = timedelta(hours=72)
REMINDED_EVERY = timedelta(hours=24)
"""After that, while nobody reviews it."""
WRONG_CODES = 5
"""A link is locked for good after so many wrong codes; whoever made it makes another."""
LONGEST_DAYS = 30
MOST_VIEWS = 100


def token_hash(token: str) -> str:
    """Return what is stored of a link's token, which has 256 bits of its own: its hash, marked as a link's."""
    return "link:" + hashlib.sha256(token.encode()).hexdigest()


def code_hash(token: str, code: str) -> str:
    """Return what is stored of a link's code. Hashed with the token, which is stored nowhere, so nobody can try codes on it."""
    return hmac.new(token.encode(), "".join(code.split()).upper().encode(), hashlib.sha256).hexdigest()


def link_state(  # noqa: PLR0913 - what a link is made of
    *, ended_at: datetime | None, expires_at: datetime, views: int, most_views: int, wrong_codes: int, now: datetime
) -> LinkState:
    """Return what a link is worth at a moment."""
    if ended_at is not None:
        return LinkState.LOCKED if wrong_codes >= WRONG_CODES else LinkState.REVOKED
    if now >= expires_at:
        return LinkState.EXPIRED
    return LinkState.USED_UP if views >= most_views else LinkState.OPEN


def glass_open(*, opened_at: datetime, ends_at: datetime, closed_at: datetime | None, now: datetime) -> bool:
    """Say whether broken glass is open at a moment."""
    return closed_at is None and opened_at <= now < ends_at
