"""The presentation contexts of an association: proposed in its A-ASSOCIATE-RQ, accepted in its A-ASSOCIATE-AC. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from orthanc_plugin.door.dimse import UnreadableError

_FIXED = 68
"""Bytes before the variable items of both PDUs, without their header (PS3.8 tables 9-11 and 9-17)."""
_PROPOSED, _ACCEPTED, _ABSTRACT, _TRANSFER = 0x20, 0x21, 0x30, 0x40


def proposed(content: bytes) -> dict[int, str]:
    """Return context id → abstract syntax of an A-ASSOCIATE-RQ."""
    return {each[0]: _first(each, _ABSTRACT) for kind, each in _items(content[_FIXED:]) if kind == _PROPOSED}


def accepted(content: bytes) -> dict[int, str]:
    """Return context id → transfer syntax of what an A-ASSOCIATE-AC accepts (result 0)."""
    found = [each for kind, each in _items(content[_FIXED:]) if kind == _ACCEPTED]
    return {each[0]: _first(each, _TRANSFER) for each in found if each[2] == 0}


def _first(context: bytes, wanted: int) -> str:
    uids = [value for kind, value in _items(context[4:]) if kind == wanted]
    if not uids:
        raise UnreadableError("a presentation context says nothing")
    return uids[0].rstrip(b"\0 ").decode("latin-1")


def _items(content: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(content):
        kind, length = struct.unpack_from(">BxH", content, position)
        value = content[position + 4 : position + 4 + length]
        if len(value) < length:
            raise UnreadableError("an item's length lies")
        yield kind, value
        position += 4 + length
