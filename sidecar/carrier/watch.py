"""Whether those for whom something is carried are still let in. Who cannot be asked about for half a minute is not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from sidecar.adapters.carriages import Bearer

EVERY = 3.0
"""Seconds between two looks."""
SILENT = 30.0
"""Seconds without an answer from Redis or Postgres after which nobody is let in any more."""
LOG = structlog.get_logger("carrier")

Ask = Callable[[Bearer], bool]


class End(StrEnum):
    """Why something is cut off."""

    SHUT_OUT = "shut-out"
    TIME_OVER = "time-over"
    UNKNOWN = "nobody-to-ask"


@dataclass(slots=True, eq=False)
class Running:
    """One download under way. ``cut`` ends it at once; ``known``: when (monotonic) its bearer was last known to be let in.

    ``single``: an answer for looking. ``whole``: all of it was sent. ``ended``: why it was cut off.
    """

    bearer: Bearer
    until: float
    known: float
    cut: Callable[[], None]
    single: bool = False
    whole: bool = False
    ended: End | None = None


def reason(running: Running, *, open_: bool | None, now: float, clock: float) -> End | None:
    """Return why a download must end, None while it may go on.

    Args:
        running: the download; ``known`` is not yet what this look found.
        open_: what the look found; None: nobody answered.
        now: epoch seconds.
        clock: monotonic seconds.
    """
    if open_ is False:
        return End.SHUT_OUT
    if running.until and now >= running.until:
        return End.TIME_OVER
    if open_ is None and clock - running.known > SILENT:
        return End.UNKNOWN
    return None


@dataclass(slots=True)
class Watch:
    """Looks after all downloads of the process."""

    ask: Ask
    now: Callable[[], float]
    clock: Callable[[], float]
    running: set[Running] = field(default_factory=set)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "watch"))

    async def go_on(self) -> None:
        """Look for ever. A look that hangs does not keep the others waiting beyond SILENT: it counts as no answer."""
        look: asyncio.Task[dict[Bearer, bool] | None] | None = None
        while True:
            look = look or asyncio.create_task(self._look({each.bearer for each in self.running}))
            await asyncio.wait({look}, timeout=EVERY)
            self.settle(look.result() if look.done() else None)
            if look.done():
                look = None
                await asyncio.sleep(EVERY)

    def settle(self, found: dict[Bearer, bool] | None) -> None:
        """Cut off who must be, and remember who was let in. ``found`` None: nobody answered."""
        now, clock = self.now(), self.clock()
        for each in list(self.running):
            open_ = None if found is None else found.get(each.bearer)
            each.ended = reason(each, open_=open_, now=now, clock=clock)
            if open_:
                each.known = clock
            if each.ended:
                self.running.discard(each)
                each.cut()

    async def _look(self, bearers: set[Bearer]) -> dict[Bearer, bool] | None:
        loop = asyncio.get_running_loop()
        try:
            answers = [await loop.run_in_executor(self.threads, self.ask, each) for each in bearers]
        except (RedisError, SQLAlchemyError) as error:
            LOG.warning("nobody says who is still let in", error=type(error).__name__, running=len(self.running))
            return None
        return dict(zip(bearers, answers, strict=True))
