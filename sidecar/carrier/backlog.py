"""What was taken from a cell and not yet by the client: a little in memory, the rest in a file without a name.

The disk is shared as routers share their memory among queues: an organisation may keep as much waiting as there is room left for
all. Whoever comes alone gets half of it; however many are greedy, there is always a part left for one more.
"""

import asyncio
import errno
import os
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar
from uuid import UUID

Answer = TypeVar("Answer")
MEMORY = 1 << 20
"""Bytes kept in memory before the disk is used: a client as quick as the cell never touches it."""
BLOCK = 1 << 20
"""Bytes read back from disk at a time."""


class NoRoomError(Exception):
    """The disk has no room for what a client does not take, or its organisation has its share of it."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where backlogs lie: at most ``most`` bytes each, and ``free`` bytes of the disk are left to everything else.

    ``held``: bytes on disk by organisation, which each backlog adds to and takes from.
    """

    directory: Path
    most: int = 64 << 30
    free: int = 2 << 30
    held: Counter[UUID] = field(default_factory=Counter)

    def check(self, organisation_id: UUID, more: int) -> None:
        """Raise NoRoomError when ``more`` bytes would be more than the organisation's part."""
        left = shutil.disk_usage(self.directory).free - self.free - more
        if left < 0 or self.held[organisation_id] + more > left:
            raise NoRoomError


@dataclass(slots=True)
class Backlog:
    """First in, first out, between one task that puts and one that takes. The file has no name: it goes with the process."""

    room: Room
    organisation_id: UUID
    _waiting: deque[bytes] = field(default_factory=deque)
    _in_memory: int = 0
    _file: IO[bytes] | None = None
    _written: int = 0
    _read: int = 0
    _over: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _disk: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def on_disk(self) -> int:
        """Bytes on disk that nobody took yet."""
        return self._written - self._read

    async def put(self, block: bytes) -> None:
        """Add a block. What is on disk is older than what comes: as long as there is any, the disk it is."""
        if self.on_disk == 0 and self._in_memory + len(block) <= MEMORY:
            self._waiting.append(block)
            self._in_memory += len(block)
        else:
            async with self._disk:
                await _to_its_end(self._write, block, self._written)
                self._written += len(block)
                self.room.held[self.organisation_id] += len(block)
        self._changed.set()

    def end(self) -> None:
        """Say that nothing more comes."""
        self._over = True
        self._changed.set()

    async def take(self) -> bytes:
        """Wait for the oldest block and return it; b"" at the end."""
        while True:
            if self._waiting:
                block = self._waiting.popleft()
                self._in_memory -= len(block)
                return block
            if self.on_disk:
                return await self._take_back()
            if self._over:
                return b""
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> None:
        """Throw everything away."""
        self._waiting.clear()
        async with self._disk:
            if self._file is not None:
                await _to_its_end(self._file.close)
            self._give_back()

    def _give_back(self) -> None:
        """Nothing is on disk any more."""
        self.room.held[self.organisation_id] -= self._written
        self._written = self._read = 0

    async def _take_back(self) -> bytes:
        async with self._disk:
            block = await _to_its_end(self._reread, min(BLOCK, self.on_disk), self._read)
            self._read += len(block)
            if self.on_disk == 0:
                await _to_its_end(self._opened().truncate, 0)
                self._give_back()
            return block

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self.room.directory, buffering=0)  # noqa: SIM115 - lives as long as this
        return self._file

    def _reread(self, length: int, where: int) -> bytes:
        return os.pread(self._opened().fileno(), length, where)

    def _write(self, block: bytes, where: int) -> None:
        if where + len(block) > self.room.most:
            raise NoRoomError
        self.room.check(self.organisation_id, len(block))
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[os.pwrite(self._opened().fileno(), rest, where + len(block) - len(rest)) :]
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise NoRoomError from error
            raise


async def _to_its_end(call: Callable[..., Answer], *told: object) -> Answer:
    """Await a call in a thread, cancelled or not: were its file closed under it, the number would be another download's."""
    work = asyncio.ensure_future(asyncio.to_thread(call, *told))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
