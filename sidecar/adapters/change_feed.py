"""One subscription to Redis per process, shared by everybody in it who waits for news: a waiting browser costs no connection."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

from sidecar.adapters.redis import CHANGES


class Ear:
    """What one waiter holds."""

    def __init__(self, organisation: str) -> None:
        self.organisation = organisation
        self.lost = False
        """Redis went away: news may have been missed."""
        self._news = threading.Event()

    def ring(self) -> None:
        """Wake the waiter."""
        self._news.set()

    def heard(self, seconds: float) -> bool:
        """Wait for news, at most so long; say whether there was any."""
        found = self._news.wait(seconds)
        self._news.clear()
        return found


class ChangeFeed:
    """Listens while somebody waits. Its thread ends with the last waiter or with Redis; the next waiter starts another one.

    Args:
        redis: a client of its own; whoever closes it ends the listening.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._ears: set[Ear] = set()
        self._lock = threading.Lock()
        self._running = False

    @contextmanager
    def listening(self, organisation: UUID) -> Iterator[Ear]:
        """Yield an ear for one organisation's news. From then on nothing is missed; raise RedisError when nobody could listen."""
        ear = Ear(str(organisation))
        try:
            with self._lock:
                self._ears.add(ear)
                if not self._running:
                    self._start()
            yield ear
        finally:
            with self._lock:
                self._ears.discard(ear)

    def _start(self) -> None:
        line = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        line.subscribe(CHANGES)
        # The acknowledgement: what is published after it will be heard.
        line.get_message(timeout=5)
        self._running = True
        threading.Thread(target=self._listen, args=(line,), name="change-feed", daemon=True).start()

    def _listen(self, line: PubSub) -> None:
        try:
            with line:
                while not self._nobody_waits():
                    message = line.get_message(timeout=1)
                    if message is not None:
                        self._tell(set(json.loads(message["data"])["organisations"]))
        except RedisError as error:
            structlog.get_logger("redis").warning("changes cannot be heard", error=type(error).__name__)
            self._give_up()

    def _nobody_waits(self) -> bool:
        with self._lock:
            self._running = bool(self._ears)
            return not self._running

    def _give_up(self) -> None:
        with self._lock:
            self._running = False
            for ear in self._ears:
                ear.lost = True
                ear.ring()
            self._ears.clear()

    def _tell(self, organisations: set[str]) -> None:
        with self._lock:
            ears = [ear for ear in self._ears if ear.organisation in organisations]
        for ear in ears:
            ear.ring()
