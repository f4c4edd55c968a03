"""``python -m sidecar.carrier HOST PORT SPOOL``: run until told to stop. Settings come from the environment as for the others."""

import asyncio
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from sidecar.accounts.carrying import still_open
from sidecar.adapters import carriages
from sidecar.adapters.redis import connect
from sidecar.carrier.backlog import Room
from sidecar.carrier.server import Carrier
from sidecar.carrier.watch import Watch
from sidecar.gate.scope import Event, Scope, Scopes
from sidecar.kernel.db import make_engine
from sidecar.kernel.logging import configure_logging
from sidecar.kernel.settings import Settings

SEND_BUFFER = 1 << 18
"""Bytes the kernel takes ahead of nginx: what is there when somebody is shut out is still delivered."""
GRACE = 4.0
"""Seconds that downloads have to come to their end when the program is stopped; the others break off."""


def main() -> None:
    """Serve, and look who is still let in."""
    configure_logging()
    host, port, spool = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    settings = Settings.from_env()
    redis = connect(settings.redis_url)
    scopes = Scopes(make_engine(settings.database_url, pool_size=2), _nothing_happens)
    watch = Watch(partial(still_open, scopes, redis), now=time.time, clock=time.monotonic)
    carrier = Carrier(partial(carriages.take, redis), watch, Room(spool), settings.exports_dir)
    asyncio.run(serve(carrier, host, port))


async def serve(carrier: Carrier, host: str, port: int) -> None:
    """Listen until SIGTERM. Should the watch ever fail, so does all: nothing is carried that nobody looks after."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(carrier.application(), access_log=None, handler_cancellation=True, shutdown_timeout=GRACE)
    await runner.setup()
    listening = socket.create_server((host, port), backlog=256)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    await web.SockSite(runner, listening).start()
    watching = asyncio.create_task(carrier.watch.go_on())
    stopping = asyncio.create_task(stop.wait())
    structlog.get_logger("carrier").info("listening", port=port)
    await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await runner.cleanup()
    if watching.done():
        watching.result()
    watching.cancel()


def _nothing_happens(_scope: Scope, happened: Event) -> None:
    raise RuntimeError(f"the carrier looks and does nothing: {happened.kind}")


if __name__ == "__main__":
    main()
