"""Putting the carrier together, and running it until told to stop."""

import asyncio
import socket
import time
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web
from redis import Redis

from sidecar.accounts.carrying import still_open
from sidecar.adapters import carriages
from sidecar.carrier.backlog import Room
from sidecar.carrier.server import Carrier
from sidecar.carrier.watch import Watch
from sidecar.gate.scope import Scopes

SEND_BUFFER = 1 << 18
"""Bytes the kernel takes ahead of nginx: what is there when somebody is shut out is still delivered."""
GRACE = 4.0
"""Seconds that downloads have to come to their end when the program is stopped; the others break off."""


def build(scopes: Scopes, redis: Redis, *, spool: Path, exports: Path) -> Carrier:
    """Return a carrier that asks this database and this Redis."""
    watch = Watch(partial(still_open, scopes, redis), now=time.time, clock=time.monotonic)
    return Carrier(partial(carriages.take, redis), watch, Room(spool), exports)


async def serve(carrier: Carrier, host: str, port: int, stop: asyncio.Event) -> None:
    """Listen until told to stop. Should the watch ever fail, so does all: nothing is carried that nobody looks after."""
    runner = web.AppRunner(carrier.application(), access_log=None, handler_cancellation=True, shutdown_timeout=GRACE)
    await runner.setup()
    listening = socket.create_server((host, port), backlog=256)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    await web.SockSite(runner, listening).start()
    structlog.get_logger("carrier").info("listening", port=port)
    watching, stopping = asyncio.create_task(carrier.watch.go_on()), asyncio.create_task(stop.wait())
    await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await runner.cleanup()
    for each in (watching, stopping):
        each.cancel()
    ended, _ = await asyncio.gather(watching, stopping, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended
