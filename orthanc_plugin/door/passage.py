"""What passed on one association: how many images the cell took or delivered, and how many it did not.

Its answers to C-STORE are counted on their way to the caller. Pure; nothing depends on the counts but a sentence in a list, so
what cannot be read ends the counting and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from orthanc_plugin.door import dimse
from orthanc_plugin.door.dimse import Field, Tag

LONGEST = 1024 * 1024
"""Bytes of a PDU; Orthanc writes 128 KB at most."""
WARNINGS = frozenset({0x0001, 0x0107, 0x0116, *range(0xB000, 0xC000)})
"""Statuses with which the object is stored all the same (PS3.7 annex C)."""
_HEADER = struct.Struct(">BxI")


@dataclass(slots=True)
class Passage:
    """The counts of one association. ``unknown``: a destination of C-MOVE that is no node here."""

    objects: int = 0
    failed: int = 0
    unknown: str = ""
    _buffer: bytearray = field(default_factory=bytearray)
    _readable: bool = True

    def hear(self, part: bytes | memoryview) -> None:
        """Take the next bytes from the cell, wherever they begin and end."""
        if not self._readable:
            return
        self._buffer += part
        try:
            self._drain()
        except dimse.UnreadableError:
            self._readable = False
            self._buffer.clear()

    def _drain(self) -> None:
        while len(self._buffer) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._buffer)
            if length > LONGEST:
                raise dimse.UnreadableError("a PDU is longer than any honest one")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            if kind == dimse.P_DATA:
                self._count(bytes(self._buffer[_HEADER.size : end]))
            del self._buffer[:end]

    def _count(self, content: bytes) -> None:
        for piece in dimse.pieces(content):
            if not (piece.is_command and piece.is_last):
                continue
            command = dimse.decode_command(piece.content)
            if command.get(Tag.COMMAND_FIELD) == Field.C_STORE_RSP:
                status = int(command.get(Tag.STATUS, 0))
                taken = status == 0 or status in WARNINGS
                self.objects += taken
                self.failed += not taken
