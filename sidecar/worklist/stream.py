"""The open line to a browser: "something changed, look again" (server-sent events, HTML Living Standard §9.2).

It carries no data, holds no database connection and no transaction while it waits, and ends when the session does.
"""

import time
from collections.abc import Callable, Iterator
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from sidecar.adapters.change_feed import ChangeFeed

HEARTBEAT = 15.0
"""Seconds between signs of life; at each the session is looked at again."""
LOOK_AGAIN = 60.0
"""Seconds after which a browser is told to look even if nothing was heard: what is due soon changes by the clock alone."""
LOOK = "data: changed\n\n"
ALIVE = ": alive\n\n"
RETRY = "retry: 2000\n\n"
"""Milliseconds until the browser opens a lost line again."""


def changes(feed: ChangeFeed, organisation_id: UUID, *, still_signed_in: Callable[[], bool]) -> Iterator[str]:
    """Yield the events of one browser's line until its session ends, Redis goes away, or the browser does.

    Listening begins before the first event, which tells the browser to catch up: what happens between is never missed.
    """
    try:
        with feed.listening(organisation_id) as ear:
            yield RETRY + LOOK
            looked = beaten = time.monotonic()
            while True:
                heard = ear.heard(max(0.05, beaten + HEARTBEAT - time.monotonic()))
                if ear.lost:
                    return
                now = time.monotonic()
                if heard:
                    looked = now
                    yield LOOK
                if now - beaten < HEARTBEAT:
                    continue
                if not still_signed_in():
                    return
                beaten = now
                if now - looked >= LOOK_AGAIN:
                    looked = now
                    yield LOOK
                else:
                    yield ALIVE
    except RedisError as error:
        # The browser comes back by itself and catches up; only the log has to know.
        structlog.get_logger("worklist").warning("live line lost", error=type(error).__name__)
