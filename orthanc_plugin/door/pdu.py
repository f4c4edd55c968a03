"""PDUs of the association's beginning (PS3.8 section 9.3): A-ASSOCIATE-RQ in; A-ASSOCIATE-RJ and A-ABORT out. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

HEADER = 6
"""Bytes of a PDU before its content: type, a reserved byte, the content's length (PS3.8 section 9.3.1)."""
MAXIMUM_REQUEST = 256 * 1024
"""Bytes in a request: 128 presentation contexts with every transfer syntax of the standard need about 150 KB."""
_ASSOCIATE_RQ, _ASSOCIATE_RJ, _ABORT = 0x01, 0x03, 0x07
_APPLICATION_CONTEXT, _PRESENTATION_CONTEXT, _ABSTRACT_SYNTAX = 0x10, 0x20, 0x30
_FIXED = struct.Struct(">H2x16s16s32x")
_ITEM = struct.Struct(">BxH")
_DICOM_APPLICATION = b"1.2.840.10008.3.1.1.1"
_MAXIMUM_UID = 64


class Rejection(Enum):
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    NO_REASON = (1, 1, 1)
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = (1, 1, 2)
    CALLING_AE_TITLE_NOT_RECOGNIZED = (1, 1, 3)
    CALLED_AE_TITLE_NOT_RECOGNIZED = (1, 1, 7)
    PROTOCOL_VERSION_NOT_SUPPORTED = (1, 2, 2)
    TEMPORARY_CONGESTION = (2, 3, 1)
    LOCAL_LIMIT_EXCEEDED = (2, 3, 2)

    def pdu(self) -> bytes:
        """The PDU (PS3.8 section 9.3.4)."""
        return struct.pack(">BxIxBBB", _ASSOCIATE_RJ, 4, *self.value)


class AbortReason(Enum):
    """Reason of an A-ABORT by the service provider (PS3.8 table 9-26)."""

    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    INVALID_PARAMETER_VALUE = 6

    def pdu(self) -> bytes:
        """The PDU (PS3.8 section 9.3.8)."""
        return struct.pack(">BxIxxBB", _ABORT, 4, 2, self.value)


class MalformedError(ValueError):
    """Not a request that the standard knows; `answer` is the PDU that says so."""

    def __init__(self, answer: Rejection | AbortReason) -> None:
        super().__init__(answer.name)
        self.answer = answer.pdu()


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """What the door needs to know of an A-ASSOCIATE-RQ: both titles without padding, the proposed abstract syntaxes."""

    called: str
    calling: str
    abstract_syntaxes: tuple[str, ...]


def content_length(header: bytes) -> int:
    """Read the header of a connection's first PDU: how many bytes follow it.

    Raises:
        MalformedError: it is no A-ASSOCIATE-RQ, or longer than any honest one.
    """
    kind, length = struct.unpack(">BxI", header)
    if kind != _ASSOCIATE_RQ:
        raise MalformedError(AbortReason.UNEXPECTED_PDU if 1 <= kind <= _ABORT else AbortReason.UNRECOGNIZED_PDU)
    if not _FIXED.size <= length <= MAXIMUM_REQUEST:
        raise MalformedError(AbortReason.INVALID_PARAMETER_VALUE)
    return int(length)


def parse(content: bytes) -> AssociateRequest:
    """Read an A-ASSOCIATE-RQ after its header (PS3.8 section 9.3.2).

    Raises:
        MalformedError: a length points outside, an item is missing or none of the standard's.
    """
    if len(content) < _FIXED.size:
        raise MalformedError(AbortReason.INVALID_PARAMETER_VALUE)
    version, called, calling = _FIXED.unpack_from(content)
    if not version & 1:
        raise MalformedError(Rejection.PROTOCOL_VERSION_NOT_SUPPORTED)
    items = list(_items(content[_FIXED.size :]))
    names = [value for kind, value in items if kind == _APPLICATION_CONTEXT]
    if [name.rstrip(b"\0 ") for name in names] != [_DICOM_APPLICATION]:
        raise MalformedError(Rejection.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED)
    proposed = tuple(_abstract_syntax(value) for kind, value in items if kind == _PRESENTATION_CONTEXT)
    if not proposed:
        raise MalformedError(AbortReason.INVALID_PARAMETER_VALUE)
    return AssociateRequest(_title(called), _title(calling), proposed)


def _items(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Items one after the other: type, a reserved byte, length, value."""
    position = 0
    while position < len(content):
        if position + _ITEM.size > len(content):
            raise MalformedError(AbortReason.INVALID_PARAMETER_VALUE)
        kind, length = _ITEM.unpack_from(content, position)
        position += _ITEM.size
        if position + length > len(content):
            raise MalformedError(AbortReason.INVALID_PARAMETER_VALUE)
        yield kind, content[position : position + length]
        position += length


def _abstract_syntax(context: bytes) -> str:
    """The one abstract syntax of a presentation context item (PS3.8 section 9.3.2.2)."""
    found = [value for kind, value in _items(context[4:]) if kind == _ABSTRACT_SYNTAX]
    if len(context) < 4 or len(found) != 1:  # noqa: PLR2004 - the context's id and three reserved bytes
        raise MalformedError(AbortReason.INVALID_PARAMETER_VALUE)
    uid = found[0].rstrip(b"\0 ")
    if not 0 < len(uid) <= _MAXIMUM_UID or not uid.isascii() or not uid.decode("ascii").replace(".", "").isdigit():
        raise MalformedError(AbortReason.INVALID_PARAMETER_VALUE)
    return uid.decode("ascii")


def _title(field: bytes) -> str:
    """An AE title without its padding; some devices pad with NUL. What cannot be printed becomes a question mark.

    No registered title can hold such a sign, so one that had some is never recognised.
    """
    text = field.rstrip(b"\0").decode("latin-1").strip(" ")
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)
