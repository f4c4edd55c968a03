"""What a slow client has not taken: nothing lost, nothing out of order, no more disk than allowed."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from sidecar.carrier.backlog import BLOCK, MEMORY, Backlog, NoRoomError, Room

PLENTY = 1 << 40
HOUSE = uuid4()


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def with_backlog(room: Room, test: Callable[[Backlog], Awaitable[None]]) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Backlog]:
        backlog = Backlog(room, HOUSE)
        try:
            yield backlog
        finally:
            await backlog.close()

    async def run() -> None:
        async with opened() as backlog:
            await test(backlog)

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(6))
def test_everything_comes_out_in_its_order_whoever_is_quicker(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a repeatable order
    blocks = [dice.randbytes(dice.choice((1, 1000, MEMORY // 3, BLOCK + 7))) for _ in range(40)]

    async def test(backlog: Backlog) -> None:
        async def put() -> None:
            for block in blocks:
                await backlog.put(block)
                if dice.random() < seed / 5:
                    await asyncio.sleep(0)
            backlog.end()

        putting, got = asyncio.create_task(put()), []
        while block := await backlog.take():
            got.append(block)
            if dice.random() < 0.5:
                await asyncio.sleep(0.001)
        await putting
        assert b"".join(got) == b"".join(blocks)
        assert backlog.on_disk == 0

    with_backlog(Room(tmp_path, free=0), test)


def test_a_client_as_quick_as_the_cell_never_touches_the_disk(tmp_path: Path) -> None:
    async def test(backlog: Backlog) -> None:
        for _ in range(20):
            await backlog.put(bytes(MEMORY // 2))
            assert len(await backlog.take()) == MEMORY // 2
        assert backlog._file is None

    with_backlog(Room(tmp_path / "does-not-exist"), test)


def test_what_was_taken_frees_the_disk_and_the_file_has_no_name(tmp_path: Path) -> None:
    async def test(backlog: Backlog) -> None:
        for _ in range(6):
            await backlog.put(bytes(MEMORY))
        assert backlog.on_disk == 5 * MEMORY
        assert names(tmp_path) == []
        for _ in range(6):
            await backlog.take()
        assert backlog._opened().seek(0, 2) == 0

    with_backlog(Room(tmp_path, free=0), test)


@pytest.mark.parametrize("full", ["most", "free"])
def test_there_is_an_end_to_the_disk(tmp_path: Path, full: str) -> None:
    async def test(backlog: Backlog) -> None:
        await backlog.put(bytes(MEMORY))
        with pytest.raises(NoRoomError):
            for _ in range(3):
                await backlog.put(bytes(MEMORY))

    with_backlog(Room(tmp_path, most=2 * MEMORY, free=0) if full == "most" else Room(tmp_path, free=PLENTY), test)


def test_no_organisation_takes_the_room_of_the_others_and_everything_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood ends at half of the room, the next one at a third; a quiet hospital's download still finds its place."""
    room = Room(tmp_path, free=5 * MEMORY)
    on_disk = lambda: sum(room.held.values())  # noqa: E731
    disk = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=17 * MEMORY - on_disk()))
    monkeypatch.setattr("sidecar.carrier.backlog.shutil", disk)

    async def fill(backlog: Backlog) -> int:
        await backlog.put(bytes(MEMORY))  # in memory
        for taken in range(100):
            try:
                await backlog.put(bytes(MEMORY))
            except NoRoomError:
                return taken
        return 100

    async def run() -> None:
        flood, again, other, quiet = (Backlog(room, who) for who in (HOUSE, HOUSE, uuid4(), uuid4()))
        assert await fill(flood) == 6
        assert await fill(again) == 0
        with pytest.raises(NoRoomError):
            room.check(HOUSE, 1)
        assert await fill(other) == 3
        assert await fill(quiet) == 1
        for each in (flood, again, other, quiet):
            await each.close()
        assert on_disk() == 0
        room.check(HOUSE, MEMORY)

    asyncio.run(run())
