"""What nginx is sent to: one address per download, used once."""

import asyncio
import time
from asyncio import Transport
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import structlog
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector, web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest
from redis.exceptions import RedisError

from sidecar.adapters.carriages import Bearer, Carriage
from sidecar.carrier.backlog import Backlog, NoRoomError, Room
from sidecar.carrier.watch import Running, Watch

LOG = structlog.get_logger("carrier")
PATIENCE = ClientTimeout(total=None, sock_connect=10, sock_read=590)
"""A packed study waits its turn among the cell's other jobs; nginx waits a little longer than we do."""
READ_AHEAD = 1 << 20
"""Bytes of a cell's answer that may wait to be written to disk; the library stops reading at twice that."""
PASSED_ON = ("Accept", "Host", "X-Request-ID")
"""What nginx says to us and a cell hears too."""
MOST = 250
"""Downloads at one time. Each has a megabyte or two in memory, and what is between two sockets."""
MOST_OF_ONE_PERSON, MOST_OF_ONE_HOUSE = 32, 125
"""Of them. One client may fetch many objects side by side, but nobody keeps the others' downloads out by being slow."""
MOST_SINGLE = 6
"""Single answers of one person at a time: a cell has 16 threads, and colleagues need them too."""
TURN = 30.0
"""Seconds that a single answer waits for its person's others before it is refused: a page asks for many side by side."""
RUNNING = Gauge("readingroom_carried_now", "Downloads under way")
ENDED = Counter("readingroom_carried", "Downloads that ended", ["how"])
BYTES = Counter("readingroom_carried_bytes", "Bytes sent to clients")

Take = Callable[[str], Carriage | None]


class CellSilentError(Exception):
    """The cell ended an answer before its end, or none came."""


@dataclass(slots=True)
class Carrier:
    """Serves the downloads. ``take`` fetches what the web application laid ready."""

    take: Take
    watch: Watch
    room: Room
    exports: Path
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def application(self) -> web.Application:
        """Return what aiohttp runs."""
        app = web.Application()
        app.router.add_get("/health", _health)
        app.router.add_get("/metrics", _metrics)
        app.router.add_get("/{name:[0-9a-f]{32}}", self.carry)
        app.cleanup_ctx.append(_client)
        return app

    async def carry(self, request: web.Request) -> web.StreamResponse:
        """Bring what lies ready under the name, to its end or until its bearer is let in no more."""
        try:
            carriage = await asyncio.to_thread(self.take, request.match_info["name"])
        except RedisError:
            return web.Response(status=503)
        if carriage is None:
            return web.Response(status=404)
        if carriage.single:
            await self._turn(carriage.bearer)
        if len(self.watch.running) >= MOST:
            LOG.warning("too many downloads at one time", running=MOST)
            return web.Response(status=503)
        if self._has_enough(carriage):
            return web.Response(status=429)
        with self._watched(request, carriage) as running:
            bring = self._file if carriage.file else self._from_cell
            return await bring(request, carriage, running)

    async def _turn(self, who: Bearer) -> None:
        """Wait until fewer single answers of this person are under way, or long enough."""
        deadline = time.monotonic() + TURN
        while self._singles(who) >= MOST_SINGLE and (left := deadline - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._ended.wait()

    def _singles(self, who: Bearer) -> int:
        return sum(each.single and each.bearer.user_id == who.user_id for each in self.watch.running)

    def _has_enough(self, asked: Carriage) -> bool:
        who = asked.bearer
        theirs = [each for each in self.watch.running if each.bearer.organisation_id == who.organisation_id]
        if asked.single and self._singles(who) >= MOST_SINGLE:
            return True
        downloads = sum(each.bearer.user_id == who.user_id and not each.single for each in theirs)
        return len(theirs) >= MOST_OF_ONE_HOUSE or (not asked.single and downloads >= MOST_OF_ONE_PERSON)

    @contextmanager
    def _watched(self, request: web.Request, carriage: Carriage) -> Iterator[Running]:
        """Have the watch look after this download, and log how it ended: ids and numbers, no name of anything."""
        transport = cast("Transport", request.transport)
        began = time.monotonic()
        running = Running(carriage.bearer, carriage.until, began, transport.abort, single=carriage.single)
        self.watch.running.add(running)
        RUNNING.inc()
        how = "refused"
        try:
            yield running
        except (ConnectionError, asyncio.CancelledError):
            how = "left"
            raise
        except (CellSilentError, NoRoomError) as error:
            how = "cell-silent" if isinstance(error, CellSilentError) else "no-room"
            raise ConnectionResetError from error
        finally:
            self.watch.running.discard(running)
            self._ended.set()  # whoever waits looks again, and those who come later wait for the next end
            self._ended = asyncio.Event()
            how = running.ended or ("whole" if running.whole else how)
            if how not in {"whole", "refused"}:
                transport.abort()  # the end of the answer must never be seen
            RUNNING.dec()
            ENDED.labels(how).inc()
            LOG.info(
                "carried", how=how, seconds=round(time.monotonic() - began, 1),
                organisation=str(carriage.bearer.organisation_id), request_id=request.headers.get("X-Request-ID", ""),
            )  # fmt: skip

    async def _file(self, request: web.Request, carriage: Carriage, running: Running) -> web.StreamResponse:
        """Send a finished export; parts of it when asked (RFC 9110, 14)."""
        path = (self.exports / carriage.file).resolve()
        if not path.is_relative_to(self.exports.resolve()) or not path.is_file():
            return web.Response(status=404)
        answer = web.FileResponse(path, chunk_size=1 << 18)
        await answer.prepare(request)
        running.whole = True
        BYTES.inc(answer.body_length)
        return answer

    async def _from_cell(self, request: web.Request, carriage: Carriage, running: Running) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        headers["Authorization"] = f"Bearer {carriage.token}"
        try:
            self.room.check(carriage.bearer.organisation_id, 0)
            source = await request.app[CLIENT].get(carriage.url, headers=headers, allow_redirects=False)
        except NoRoomError:
            LOG.error("no room for what clients do not take", directory=str(self.room.directory))  # noqa: TRY400 - says it all
            return web.Response(status=503)
        except TimeoutError:
            return web.Response(status=504)
        except ClientError:
            return web.Response(status=502)
        async with source:
            if source.status != 200:  # noqa: PLR2004 - the one status with an object in it
                return web.Response(status=source.status)
            return await self._pass_on(request, source, running)

    async def _pass_on(self, request: web.Request, source: ClientResponse, running: Running) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": source.headers.get("Content-Type", "application/octet-stream")})
        answer.content_length = source.content_length
        await answer.prepare(request)
        backlog = Backlog(self.room, running.bearer.organisation_id)
        both = {asyncio.create_task(_fill(backlog, source)), asyncio.create_task(_empty(backlog, answer))}
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
            for each in done:
                each.result()
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            await backlog.close()
        await answer.write_eof()
        running.whole = True
        return answer


async def _fill(backlog: Backlog, source: ClientResponse) -> None:
    """Read a cell at full speed."""
    try:
        while block := await source.content.readany():
            await backlog.put(block)
    except (ClientError, TimeoutError) as error:
        raise CellSilentError from error
    finally:
        backlog.end()


async def _empty(backlog: Backlog, answer: web.StreamResponse) -> None:
    """Send at the client's pace."""
    while block := await backlog.take():
        await answer.write(block)
        BYTES.inc(len(block))


CLIENT = web.AppKey("client", ClientSession)


async def _client(app: web.Application) -> AsyncIterator[None]:
    connector = TCPConnector(limit=0, force_close=True)
    async with ClientSession(connector=connector, timeout=PATIENCE, auto_decompress=False, read_bufsize=READ_AHEAD) as session:
        app[CLIENT] = session
        yield


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
