"""Redis: sessions, live pushes, revoked sessions. Losing it loses no study and no report."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import cast
from uuid import UUID

import structlog
from redis import Redis
from redis.exceptions import RedisError

CHANGES = "rr:changes"
"""Channel: {"organisations": […]}: something these organisations may see has changed."""
WAKE = "rr:wake"
"""Channel: the worker should look at its cells now."""
REVOKED = "rr:revoked"
"""Sorted set: hashed session id → when the last token of it has expired (epoch seconds)."""
MOST_CONNECTIONS = 600
"""More than a process has threads (the library's own limit is 100, and beyond it every session is an error)."""


def connect(url: str) -> Redis:
    """Return a client that gives up quickly rather than hang a request."""
    return Redis.from_url(
        url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=15, max_connections=MOST_CONNECTIONS
    )


def publish_changes(client: Redis, organisations: Iterable[UUID]) -> None:
    """Tell every open browser of these organisations to look again.

    What happened is committed already: without Redis nothing fails, and browsers catch up when they are connected again.
    """
    names = sorted({str(each) for each in organisations})
    if not names:
        return
    try:
        client.publish(CHANGES, json.dumps({"organisations": names}))
    except RedisError as error:
        structlog.get_logger("redis").warning("change not pushed", error=type(error).__name__)


def wake_worker(client: Redis) -> None:
    """Ask the worker to look at its cells now instead of at the next tick."""
    client.publish(WAKE, b"1")


def revoke_session(client: Redis, session: str, *, until: datetime) -> None:
    """Name a hashed session as ended until its last cell token has expired."""
    client.zadd(REVOKED, {session: until.timestamp()})
    wake_worker(client)


def revoked_sessions(client: Redis, *, now: datetime) -> dict[str, int]:
    """Return the ended sessions that a cell must still refuse, and forget the expired ones."""
    client.zremrangebyscore(REVOKED, "-inf", now.timestamp())
    scored = cast("list[tuple[bytes, float]]", client.zrange(REVOKED, 0, -1, withscores=True))
    return {name.decode(): int(until) for name, until in scored}
