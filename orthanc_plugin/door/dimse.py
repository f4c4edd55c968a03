"""Messages on an association (PS3.7 annex E, PS3.8 annex E): data PDUs, command sets, the identifiers of a retrieval. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

P_DATA, ASSOCIATE_AC = 0x04, 0x02
FRAGMENT = 4000
"""Bytes of what we say that go into one PDU: every implementation takes 4096 (PS3.8 annex D.1)."""
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
NO_DATA = 0x0101
_COMMAND, _LAST = 1, 2
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_UNDEFINED = 0xFFFFFFFF


class Field(IntEnum):
    """Command Field (0000,0100) of the messages we understand."""

    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021


class Tag(IntEnum):
    """Element numbers of group 0000 (PS3.7 table E.1-1)."""

    AFFECTED_SOP_CLASS_UID = 0x0002
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_RESPONDED_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    REMAINING = 0x1020
    COMPLETED = 0x1021
    FAILED = 0x1022
    WARNING = 0x1023


TEXTS = frozenset({Tag.AFFECTED_SOP_CLASS_UID, Tag.MOVE_DESTINATION})
Command = dict[int, int | str]
KEYWORDS: Mapping[tuple[int, int], str] = {
    (0x0008, 0x0018): "SOPInstanceUID",
    (0x0008, 0x0052): "QueryRetrieveLevel",
    (0x0010, 0x0020): "PatientID",
    (0x0020, 0x000D): "StudyInstanceUID",
    (0x0020, 0x000E): "SeriesInstanceUID",
}
"""What a retrieval names its objects by (PS3.4 section C.4.2.1.4)."""


class UnreadableError(ValueError):
    """Not a message as the standard has it, or one we need not understand."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One presentation data value: a fragment of a command or of a data set."""

    context: int
    is_command: bool
    is_last: bool
    content: bytes

    def pdu(self) -> bytes:
        """A P-DATA-TF PDU with just this (PS3.8 section 9.3.5)."""
        control = self.is_command * _COMMAND | self.is_last * _LAST
        length = len(self.content) + 2
        return struct.pack(">BxIIBB", P_DATA, length + 4, length, self.context, control) + self.content


def pieces(content: bytes) -> Iterator[Piece]:
    """Take a P-DATA-TF apart, without its header. Raises UnreadableError."""
    position = 0
    while position < len(content):
        if position + 6 > len(content):
            raise UnreadableError("a data value is cut off")
        length, context, control = struct.unpack_from(">IBB", content, position)
        end = position + 4 + length
        if length < 2 or end > len(content):  # noqa: PLR2004 - its context and control header
            raise UnreadableError("a data value's length lies")
        yield Piece(context, bool(control & _COMMAND), bool(control & _LAST), content[position + 6 : end])
        position = end


def message(context: int, command: Command, identifier: bytes = b"") -> bytes:
    """Write a message as PDUs; the data set's type follows from whether there is one."""
    command = {**command, Tag.DATA_SET_TYPE: 0 if identifier else NO_DATA}
    said = Piece(context, is_command=True, is_last=True, content=encode_command(command)).pdu()
    parts = [identifier[start : start + FRAGMENT] for start in range(0, len(identifier), FRAGMENT)]
    for number, part in enumerate(parts, start=1):
        said += Piece(context, is_command=False, is_last=number == len(parts), content=part).pdu()
    return said


def encode_command(command: Command) -> bytes:
    """Write a command set: implicit VR little endian, always (PS3.7 section 6.3.1)."""
    body = b"".join(_command_element(element, value) for element, value in sorted(command.items()))
    return _command_element(0, len(body), "<I") + body


def _command_element(element: int, value: int | str, form: str = "<H") -> bytes:
    content = _padded(value.encode("ascii")) if isinstance(value, str) else struct.pack(form, value)
    return struct.pack("<HHI", 0, element, len(content)) + content


def _padded(text: bytes, sign: bytes = b"\0") -> bytes:
    return text + sign * (len(text) % 2)


def decode_command(content: bytes) -> Command:
    """Read a command set: the numbers and texts that we know. Raises UnreadableError."""
    command: Command = {}
    position = 0
    while position < len(content):
        if position + 8 > len(content):
            raise UnreadableError("a command is cut off")
        _, element, length = struct.unpack_from("<HHI", content, position)
        value = content[position + 8 : position + 8 + length]
        if len(value) < length:
            raise UnreadableError("a command's length lies")
        if element in TEXTS:
            if not value.isascii():
                raise UnreadableError("a title or a UID holds what neither may")
            command[element] = value.rstrip(b"\0 ").decode("ascii").strip(" ")
        elif length == 2:  # noqa: PLR2004 - US
            command[element] = struct.unpack("<H", value)[0]
        position += 8 + length
    return command


def decode_identifier(content: bytes, syntax: str) -> dict[str, list[str]]:
    """Read the keys of KEYWORDS, each as the list of its values. Raises UnreadableError."""
    found: dict[str, list[str]] = {}
    position = 0
    while position + 8 <= len(content):
        group, element, vr = struct.unpack_from("<HH2s", content, position)
        if (group, element) > max(KEYWORDS):
            break
        if syntax == IMPLICIT:
            length, start = struct.unpack_from("<I", content, position + 4)[0], position + 8
        elif vr in _LONG_VRS:
            length, start = _long_length(content, position + 8), position + 12
        else:
            length, start = struct.unpack_from("<H", content, position + 6)[0], position + 8
        if length == _UNDEFINED or start + length > len(content):
            raise UnreadableError("an element's length lies, or is not said")
        if (group, element) in KEYWORDS:
            text = content[start : start + length].decode("utf-8", "replace").strip("\0 ")
            found[KEYWORDS[group, element]] = [value.strip() for value in text.split("\\")] if text else []
        position = start + length
    return found


def _long_length(content: bytes, position: int) -> int:
    if position + 4 > len(content):
        raise UnreadableError("an element is cut off")
    return int(struct.unpack_from("<I", content, position)[0])


def encode_uids(uids: Iterable[str], *, element: int, syntax: str, level: str = "") -> bytes:
    """Write a data set of group 0008 with a list of UIDs, and a Query/Retrieve Level if there is one."""
    said = _element(element, b"UI", _padded("\\".join(uids).encode("ascii")), syntax)
    return said + (_element(0x0052, b"CS", _padded(level.encode("ascii"), b" "), syntax) if level else b"")


def _element(element: int, vr: bytes, content: bytes, syntax: str) -> bytes:
    if syntax == IMPLICIT:
        return struct.pack("<HHI", 0x0008, element, len(content)) + content
    return struct.pack("<HH2sH", 0x0008, element, vr, len(content)) + content
