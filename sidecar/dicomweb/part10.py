"""Which instance a DICOM file is (PS3.10 §7), read from a file on disk without believing a single length in it.

Only what names the instance is read; everything else is skipped over, sequences without recursion. A file may lie in every
length, nest as deep as it likes or end anywhere: the answer is Unreadable.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

UNDEFINED = 0xFFFFFFFF
UID = re.compile(r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+)*")
LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
VR = re.compile(rb"[A-Z]{2}")
IMPLICIT, BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
META_SOP_CLASS, META_SOP_INSTANCE, TRANSFER_SYNTAX = 0x00020002, 0x00020003, 0x00020010
SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
WANTED = frozenset({META_SOP_CLASS, META_SOP_INSTANCE, TRANSFER_SYNTAX, SOP_CLASS, SOP_INSTANCE, STUDY, SERIES})
DEEPEST = 64
MOST_ELEMENTS = 200_000


class Unreadable(ValueError):  # noqa: N818 - says what the file is
    """No DICOM file, or one that does not say what it is. The message quotes nothing from it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """UIDs of an instance, all of them well formed; those of the file meta information beside those of the data set."""

    sop_class: str
    sop_instance: str
    study: str
    series: str
    meta_sop_class: str
    meta_sop_instance: str
    transfer_syntax: str


@dataclass(slots=True)
class _Walk:
    """One way through the elements of a file."""

    file: BinaryIO
    size: int
    big: bool = False
    implicit: bool = False
    found: dict[int, str] = field(default_factory=dict)
    outer: list[bool] = field(default_factory=list)
    """For each open sequence and item, whether elements around it have implicit VRs."""

    def until(self, beyond: int) -> None:
        """Read elements up to the first one at the top whose tag is greater than ``beyond``, or to the end."""
        for _ in range(MOST_ELEMENTS):
            place = self.file.tell()
            head = self.file.read(4)
            if not head and not self.outer:
                return
            tag = self._number(head[:2], 2) << 16 | self._number(head[2:], 2)
            if not self.outer and tag > beyond:
                self.file.seek(place)
                return
            self._element(tag)
        raise Unreadable("too many elements before the UIDs")

    def _element(self, tag: int) -> None:
        if tag in {ITEM, ITEM_END, SEQUENCE_END}:
            self._delimitation(tag)
            return
        vr = b"UN" if self.implicit else self.file.read(2)
        if not VR.fullmatch(vr):
            raise Unreadable("no value representation where one is due")
        if self.implicit:
            length = self._number(self.file.read(4), 4)
        elif vr in LONG_VRS:
            self.file.read(2)
            length = self._number(self.file.read(4), 4)
        else:
            length = self._number(self.file.read(2), 2)
        if length == UNDEFINED:
            if vr not in {b"SQ", b"UN"}:
                raise Unreadable("a length is undefined where it must not be")
            self._open(implicit=self.implicit or vr == b"UN")
        elif tag in WANTED and not self.outer:
            self.found[tag] = self._uid(length)
        else:
            self._skip(length)

    def _delimitation(self, tag: int) -> None:
        if not self.outer:
            raise Unreadable("an item outside of any sequence")
        length = self._number(self.file.read(4), 4)
        if tag != ITEM:
            self.implicit = self.outer.pop()
        elif length == UNDEFINED:
            self._open(implicit=self.implicit)
        else:
            self._skip(length)

    def _open(self, *, implicit: bool) -> None:
        if len(self.outer) >= DEEPEST:
            raise Unreadable("sequences are nested too deep")
        self.outer.append(self.implicit)
        self.implicit = implicit

    def _uid(self, length: int) -> str:
        if length > 66:  # noqa: PLR2004 - 64 characters, padded
            raise Unreadable("a UID is too long")
        text = self.file.read(length).decode("latin-1").strip("\0 ")
        if not UID.fullmatch(text):
            raise Unreadable("a UID is not well formed")
        return text

    def _skip(self, length: int) -> None:
        if self.file.tell() + length > self.size:
            raise Unreadable("an element is longer than the file")
        self.file.seek(length, os.SEEK_CUR)

    def _number(self, raw: bytes, size: int) -> int:
        if len(raw) != size:
            raise Unreadable("the file ends within an element")
        return int.from_bytes(raw, "big" if self.big else "little")


def pass_meta(file: BinaryIO) -> Mapping[int, str]:
    """Go to the first byte of the data set; return the UIDs of the file meta information by tag. Raises Unreadable."""
    size = file.seek(0, os.SEEK_END)
    file.seek(128)
    if file.read(4) != b"DICM":
        raise Unreadable("no DICOM file: DICM is missing after the preamble")
    meta = _Walk(file, size)
    meta.until(0x0002FFFF)
    return meta.found


def identify(file: BinaryIO) -> Identity:
    """Return which instance the file holds, its position left anywhere; raise Unreadable."""
    size, meta = file.seek(0, os.SEEK_END), pass_meta(file)
    syntax = meta.get(TRANSFER_SYNTAX, "")
    if syntax != DEFLATED:
        data = _Walk(file, size, big=syntax == BIG_ENDIAN, implicit=syntax == IMPLICIT)
        data.until(SERIES)
    found = dict(meta) if syntax == DEFLATED else {**meta, **data.found}
    needed = {TRANSFER_SYNTAX} if syntax == DEFLATED else {TRANSFER_SYNTAX, SOP_CLASS, SOP_INSTANCE, STUDY, SERIES}
    if not needed <= found.keys():
        raise Unreadable("a UID that every instance has is missing")
    return Identity(
        found.get(SOP_CLASS, found.get(META_SOP_CLASS, "")), found.get(SOP_INSTANCE, found.get(META_SOP_INSTANCE, "")),
        found.get(STUDY, ""), found.get(SERIES, ""), found.get(META_SOP_CLASS, ""), found.get(META_SOP_INSTANCE, ""), syntax,
    )  # fmt: skip
