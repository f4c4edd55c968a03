"""Counting requests in Redis: a moving window, so that no moment lets twice as many in as another (library ``limits``)."""

import ipaddress
import math
import time
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis

V6_NETWORK = 64
"""Bits of an IPv6 address that name a site; the rest its owner chooses freely (RFC 4291, 2.5.4)."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``most`` in any ``seconds``, for each key of a ``name``."""

    name: str
    most: int
    seconds: int

    @property
    def item(self) -> RateLimitItemPerSecond:
        """The library's word for it."""
        return RateLimitItemPerSecond(self.most, self.seconds, namespace=f"rr:limit:{self.name}")


@dataclass(frozen=True, slots=True)
class Count:
    """How a window stands after a request. ``resets_in``: whole seconds until its oldest request no longer counts."""

    window: Window
    let_in: bool
    remaining: int
    resets_in: int


class Limiter:
    """Counts. Every method raises RedisError when Redis does not answer: what follows from that the caller decides."""

    def __init__(self, redis: Redis) -> None:
        self._windows = MovingWindowRateLimiter(RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix="rr"))

    def hit(self, window: Window, key: str) -> bool:
        """Count a request, unless the window is full: then nothing is counted, and the answer is False."""
        return self._windows.hit(window.item, key)

    def look(self, window: Window, key: str) -> Count:
        """Return how a window stands, without counting."""
        stats = self._windows.get_window_stats(window.item, key)
        waits = max(1, math.ceil(stats.reset_time - time.time())) if stats.remaining < window.most else 0
        return Count(window, stats.remaining > 0, stats.remaining, waits)


def address_key(address: str) -> str:
    """Return what an address is counted as: itself, or the network that an IPv6 address is one of 2^64 of."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    if parsed.version == 4 or mapped:  # noqa: PLR2004 - IPv4
        return str(mapped or parsed)
    return str(ipaddress.ip_network((parsed, V6_NETWORK), strict=False))
