"""``python -m sidecar.carrier HOST PORT SPOOL``: run until SIGTERM. Settings come from the environment as for the others."""

import asyncio
import signal
import sys
from pathlib import Path

from sidecar.adapters.redis import connect
from sidecar.carrier.program import build, serve
from sidecar.carrier.server import Carrier
from sidecar.gate.scope import Event, Scope, Scopes
from sidecar.kernel.db import make_engine
from sidecar.kernel.logging import configure_logging
from sidecar.kernel.settings import Settings


def main(host: str, port: str, spool: str) -> None:
    """Carry, and look who is still let in."""
    configure_logging()
    settings = Settings.from_env()
    scopes = Scopes(make_engine(settings.database_url, pool_size=2), _nothing_happens)
    carrier = build(scopes, connect(settings.redis_url), spool=Path(spool), exports=settings.exports_dir)
    asyncio.run(_until_stopped(carrier, host, int(port)))


async def _until_stopped(carrier: Carrier, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(carrier, host, port, stop)


def _nothing_happens(_scope: Scope, happened: Event) -> None:
    raise RuntimeError(f"the carrier looks and does nothing: {happened.kind}")


if __name__ == "__main__":
    main(*sys.argv[1:])
