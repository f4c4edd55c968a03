"""The carrier between a cell and a client that are both played here: whole or visibly broken, never a good-looking half."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import ClientPayloadError, ClientResponse, ClientSession, web
from redis.exceptions import RedisError

from sidecar.adapters.carriages import Bearer, Carriage
from sidecar.carrier import server
from sidecar.carrier.backlog import Room
from sidecar.carrier.program import serve
from sidecar.carrier.server import Carrier
from sidecar.carrier.watch import SILENT, Watch
from sidecar.instance.ports import first_free
from sidecar.instance.readiness import port_answers

LARGE = 48 << 20
"""More than the sockets between hold."""
BLOCK = b"0123456789abcdef" * 65536


@dataclass
class Stage:
    """A cell that answers as its paths say, the carrier, and what lies ready."""

    cell: str
    url: str
    client: ClientSession
    carrier: Carrier
    ready: dict[str, Carriage]
    given: list[str] = field(default_factory=list)
    bearer: Bearer = field(default_factory=lambda: Bearer(uuid4(), uuid4(), "technician", "s"))

    def lay(self, *, single: bool = False, **what: str) -> str:
        name = uuid4().hex
        self.ready[name] = Carriage(self.bearer, single=single, **what)
        return f"{self.url}/{name}"

    async def get(self, path: str, *, single: bool = False) -> ClientResponse:
        """Ask for what the cell has there."""
        return await self.client.get(self.lay(url=f"{self.cell}{path}", token="t", single=single))


def play(directory: Path, test: Callable[[Stage], Awaitable[None]], **room: int) -> None:
    async def run() -> None:
        async with staged(directory, Room(directory, **{"free": 0, **room})) as stage:
            await test(stage)

    asyncio.run(run())


@asynccontextmanager
async def staged(directory: Path, room: Room) -> AsyncIterator[Stage]:
    ready: dict[str, Carriage] = {}
    watch = Watch(lambda _: True, now=lambda: 0.0, clock=lambda: 0.0)
    carrier = Carrier(lambda name: ready.pop(name, None), watch, room, directory / "exports")
    given: list[str] = []
    runners = []
    for app in (fake_cell(given), carrier.application()):
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
    cell, url = (f"http://127.0.0.1:{runner.addresses[0][1]}" for runner in runners)
    try:
        async with ClientSession(read_bufsize=1 << 16) as client:
            yield Stage(cell, url, client, carrier, ready, given)
    finally:
        for runner in reversed(runners):
            await runner.cleanup()


def fake_cell(given: list[str]) -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        kind, said = request.match_info["kind"], request.match_info["said"]
        if kind == "status":
            return web.Response(status=int(said), text="a cell's own words")
        response = web.StreamResponse(headers={"Content-Type": "application/zip", "X-Powered-By": "cell"})
        await response.prepare(request)
        for _ in range(LARGE // len(BLOCK)):
            await response.write(BLOCK)
        given.append(request.headers["Authorization"])
        if kind == "broken" and request.transport is not None:
            request.transport.close()
        return response

    app = web.Application()
    app.router.add_get("/{kind}/{said}", answer)
    return app


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - nothing there tells it
            await asyncio.sleep(0.01)


def test_a_slow_client_holds_no_cell_and_gets_all_of_it(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        answer = await stage.get("/whole/zip")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/zip")
        assert "X-Powered-By" not in answer.headers
        await until(lambda: stage.given == ["Bearer t"])  # the cell is done, the client has not begun
        assert await answer.read() == BLOCK * (LARGE // len(BLOCK))
        await until(lambda: not stage.carrier.watch.running)

    play(tmp_path, test)


def test_who_is_shut_out_gets_no_whole_answer_and_the_other_does(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        stays = await stage.get("/whole/zip")
        stage.bearer = out = replace(stage.bearer, user_id=uuid4())
        leaves = await stage.get("/whole/zip")
        stage.carrier.watch.settle({out: False})
        with pytest.raises(ClientPayloadError):
            await leaves.read()
        assert len(await stays.read()) == LARGE

    play(tmp_path, test)


@pytest.mark.parametrize(("path", "room"), [("/broken/zip", {}), ("/whole/zip", {"most": 4 << 20})])
def test_what_breaks_on_the_way_ends_visibly(tmp_path: Path, path: str, room: dict[str, int]) -> None:
    """The cell dies in the middle; nobody takes it and there is no room to keep it."""

    async def test(stage: Stage) -> None:
        answer = await stage.get(path)
        await until(lambda: not stage.carrier.watch.running)  # the cell is let go of at once
        with pytest.raises(ClientPayloadError):
            await answer.read()

    play(tmp_path, test, **room)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_a_cells_refusal_keeps_its_number_and_loses_its_words(tmp_path: Path, status: int) -> None:
    async def test(stage: Stage) -> None:
        answer = await stage.get(f"/status/{status}")
        assert (answer.status, await answer.read()) == (status, b"")

    play(tmp_path, test)


def test_nothing_there_no_cell_no_redis_and_no_room_are_told_apart(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        assert (await stage.client.get(f"{stage.url}/{'0' * 32}")).status == 404
        assert (await stage.client.get(f"{stage.url}/anything")).status == 404
        assert (await stage.client.get(stage.lay(url="http://127.0.0.1:9/", token="t"))).status == 502
        stage.carrier.room = Room(tmp_path, free=1 << 50)
        assert (await stage.get("/whole/zip")).status == 503

        def silent(_: str) -> None:
            raise RedisError

        stage.carrier.take = silent
        assert (await stage.get("/whole/zip")).status == 503

    play(tmp_path, test)


def test_what_lies_ready_is_given_once(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        address = stage.lay(url=f"{stage.cell}/status/403", token="t")
        assert [(await stage.client.get(address)).status for _ in range(2)] == [403, 404]

    play(tmp_path, test)


def test_who_is_slow_many_times_over_keeps_nobody_else_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One person of one hospital has so many downloads at a time, one hospital too; another hospital's are served meanwhile."""
    monkeypatch.setattr(server, "MOST_OF_ONE_PERSON", 3)
    monkeypatch.setattr(server, "MOST_OF_ONE_HOUSE", 5)

    async def test(stage: Stage) -> None:
        luke = stage.bearer
        colleague, mercy = replace(luke, user_id=uuid4()), Bearer(uuid4(), uuid4(), "technician", "s")
        answers = []
        for who in (*[luke] * 4, *[colleague] * 3, mercy):
            stage.bearer = who
            answers.append(await stage.get("/whole/zip"))  # begun, and not read
        assert [each.status for each in answers] == [200, 200, 200, 429, 200, 200, 429, 200]
        for each in answers:
            each.close()

    play(tmp_path, test)


def test_a_page_that_asks_for_much_waits_for_itself_and_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Single answers of one person take turns: who does not take them is refused more of them, a colleague is served."""
    monkeypatch.setattr(server, "MOST_SINGLE", 2)

    async def test(stage: Stage) -> None:
        async def look(who: Bearer) -> ClientResponse:
            stage.bearer = who
            return await stage.get("/whole/frame", single=True)

        slow, colleague = stage.bearer, replace(stage.bearer, user_id=uuid4())
        first, second = [await look(slow) for _ in range(2)]
        third = asyncio.create_task(look(slow))
        assert (await look(colleague)).status == 200
        assert (await stage.get("/whole/zip")).status == 200
        assert len(await first.read()) == LARGE
        assert (await third).status == 200  # its turn came
        monkeypatch.setattr(server, "TURN", 0.0)
        assert (await look(slow)).status == 429
        second.close()

    play(tmp_path, test)


def test_exports_come_whole_or_in_parts_and_nothing_besides_them(tmp_path: Path) -> None:
    (tmp_path / "exports/org").mkdir(parents=True)
    (tmp_path / "exports/org/1.zip").write_bytes(BLOCK * 40)
    (tmp_path / "secret").write_text("x")
    (tmp_path / "exports/org/way-out.zip").symlink_to(tmp_path / "secret")

    async def test(stage: Stage) -> None:
        whole = await stage.client.get(stage.lay(file="org/1.zip"))
        assert (whole.status, await whole.read()) == (200, BLOCK * 40)
        part = await stage.client.get(stage.lay(file="org/1.zip"), headers={"Range": "bytes=10-12"})
        assert (part.status, await part.read()) == (206, b"abc")
        for other in ("org/2.zip", "../secret", "org/../../secret", str(tmp_path / "secret"), "org", "org/way-out.zip"):
            assert (await stage.client.get(stage.lay(file=other))).status == 404, other
        out = await stage.client.get(stage.lay(file="org/1.zip"))
        stage.carrier.watch.settle({stage.bearer: False})
        with pytest.raises(ClientPayloadError):
            await out.read()

    play(tmp_path, test)


def test_its_numbers_are_there_for_the_monitor(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        assert (await stage.client.get(f"{stage.url}/health")).status == 200
        assert "readingroom_carried_now" in await (await stage.client.get(f"{stage.url}/metrics")).text()

    play(tmp_path, test)


class Serving:
    """The whole program on a port of its own, asking ``ask`` about everybody, many times a second."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Bearer], bool]) -> None:
        monkeypatch.setattr("sidecar.carrier.watch.EVERY", 0.02)
        monkeypatch.setattr("sidecar.carrier.program.GRACE", 0.1)
        self.directory, self.ask, self.stop = directory, ask, asyncio.Event()

    async def run(self, during: Callable[[Stage], Awaitable[None]]) -> None:
        """Have somebody begin a download and not take it; do ``during``; see it broken and the program at its end."""
        async with staged(self.directory, Room(self.directory, free=0)) as stage:
            port = first_free(range(28500, 28600))
            stage.url, stage.carrier.watch.ask = f"http://127.0.0.1:{port}", self.ask
            serving = asyncio.create_task(serve(stage.carrier, "127.0.0.1", port, self.stop))
            await until(lambda: port_answers(port))
            answer = await stage.get("/whole/zip")
            await during(stage)
            await until(lambda: not stage.carrier.watch.running)
            with pytest.raises(ClientPayloadError):
                await answer.read()
            self.stop.set()
            await serving


def test_a18_the_watch_breaks_off_whoever_is_let_in_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_in = [True]
    serving = Serving(tmp_path, monkeypatch, lambda _: let_in[0])

    async def shut_out(stage: Stage) -> None:
        assert len(stage.carrier.watch.running) == 1
        let_in.clear()
        let_in.append(False)

    asyncio.run(serving.run(shut_out))


def test_told_to_stop_it_waits_a_moment_and_ends_visibly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = Serving(tmp_path, monkeypatch, lambda _: True)

    async def stop(_: Stage) -> None:
        serving.stop.set()

    asyncio.run(serving.run(stop))


def test_nothing_is_carried_once_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Stage] = []

    def broken(_: Bearer) -> bool:
        if begun:
            raise ArithmeticError
        return True

    async def fail_from_now_on(stage: Stage) -> None:
        begun.append(stage)

    with pytest.raises(ArithmeticError):
        asyncio.run(Serving(tmp_path, monkeypatch, broken).run(fail_from_now_on))


def test_redis_silent_for_long_enough_lets_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: Bearer) -> bool:
        raise RedisError

    async def half_a_minute_later(stage: Stage) -> None:
        await asyncio.sleep(0.1)  # several looks without an answer
        assert len(stage.carrier.watch.running) == 1
        later = time.monotonic() + SILENT + 1
        stage.carrier.watch.clock = lambda: later

    asyncio.run(Serving(tmp_path, monkeypatch, silent).run(half_a_minute_later))
