"""Files that no scanner should ever send, made the same each time: for the doors, for the pages, and to mutate further.

Written byte by byte (PS3.5 chapter 7, PS3.10 chapter 7): a library would refuse to write most of them.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED, JPEG, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"
CT = "1.2.840.10008.5.1.4.1.1.2"
LONG = {b"OB", b"OW", b"OF", b"OD", b"SQ", b"UT", b"UN", b"UC", b"UR"}
"""Representations with four bytes of length (PS3.5 table 7.1-1)."""
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
MARKUP = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"&lt;{{7*7}}"
CONTROLS = "".join(map(chr, [*range(1, 32), 127, 0x85, 0x9B, 0x202E, 0x2028, 0xFEFF]))
MEGABYTE = 1 << 20


def tag(number: int) -> bytes:
    return struct.pack("<HH", number >> 16, number & 0xFFFF)


def element(number: int, vr: str, value: bytes | str, *, length: int | None = None) -> bytes:
    """Encode one element in explicit VR little endian; ``length`` is what it claims instead of the truth."""
    raw = value if isinstance(value, bytes) else value.encode()
    raw += b" " * (len(raw) % 2) if length is None else b""
    size = len(raw) if length is None else length
    kind = vr.encode()
    if kind in LONG:
        return tag(number) + kind + b"\0\0" + struct.pack("<I", size) + raw
    return tag(number) + kind + struct.pack("<H", size & 0xFFFF) + raw


def nested(depth: int, *, lengths: bool = False) -> bytes:
    """Return a sequence in a sequence in a sequence …; ``lengths``: with lengths that are true, else undefined ones."""
    inner = b""
    for _ in range(depth):
        if lengths:
            item = tag(ITEM) + struct.pack("<I", len(inner)) + inner
            inner = tag(0x00081140) + b"SQ\0\0" + struct.pack("<I", len(item)) + item
        else:
            inner = tag(0x00081140) + b"SQ\0\0" + struct.pack("<I", UNDEFINED) + tag(ITEM) + struct.pack("<I", UNDEFINED) + inner
            inner += tag(ITEM_END) + bytes(4) + tag(SEQUENCE_END) + bytes(4)
    return inner


@dataclass(frozen=True, slots=True)
class Bad:
    """One file. ``dataset`` is what C-STORE sends of it; ``instance`` is a UID that may be written in a command."""

    name: str
    dataset: bytes
    instance: str
    syntax: str = EXPLICIT
    preamble: bytes = b""
    whole: bytes | None = None
    """The file as it is, when it is not preamble, meta information and dataset."""

    @property
    def file(self) -> bytes:
        """Return it as a file (PS3.10)."""
        if self.whole is not None:
            return self.whole
        meta = element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", CT) + element(0x00020003, "UI", self.instance)
        meta += element(0x00020010, "UI", self.syntax) + element(0x00020012, "UI", "1.2.826.0.1.3680043.8.498.1")
        head = element(0x00020000, "UL", struct.pack("<I", len(meta)))
        return self.preamble.ljust(128, b"\0")[:128] + b"DICM" + head + meta + self.dataset


USUAL: dict[int, tuple[str, bytes | str]] = {
    0x00080005: ("CS", "ISO_IR 192"), 0x00080016: ("UI", CT), 0x00080020: ("DA", "20260102"), 0x00080030: ("TM", "101112"),
    0x00080050: ("SH", "A1"), 0x00080060: ("CS", "CT"), 0x00080090: ("PN", "Doe^Jane"), 0x00081030: ("LO", "CT chest"),
    0x0008103E: ("LO", "axial"), 0x00100010: ("PN", "Bad^File"), 0x00100020: ("LO", "P-1"), 0x00100030: ("DA", "19700102"),
    0x00100040: ("CS", "F"), 0x00180015: ("CS", "CHEST"), 0x00200010: ("SH", "1"), 0x00200011: ("IS", "1"),
    0x00200013: ("IS", "1"), 0x00280002: ("US", b"\1\0"), 0x00280004: ("CS", "MONOCHROME2"), 0x00280010: ("US", b"\2\0"),
    0x00280011: ("US", b"\2\0"), 0x00280100: ("US", b"\x10\0"), 0x00280101: ("US", b"\x10\0"), 0x00280102: ("US", b"\x0f\0"),
    0x00280103: ("US", b"\0\0"), 0x7FE00010: ("OW", b"\1\0\2\0\3\0\4\0"),
}  # fmt: skip
"""A small CT image, by tag."""


class Maker:
    """Makes files whose UIDs follow from ``root`` and the order of making: the same each time, unlike in each test."""

    def __init__(self, root: str = "1.2.826.0.1.3680043.8.498.77") -> None:
        self.root = root
        self.made = 0

    def bad(self, name: str, changes: dict[int, tuple[str, bytes | str]] | None = None, **options: object) -> Bad:
        """Return the usual image with ``changes`` by tag; ``extra`` bytes follow, ``cut`` bytes are taken off the end."""
        self.made += 1
        uid = f"{self.root}.{self.made}"
        extra, cut = options.pop("extra", b""), options.pop("cut", 0)
        uids = {0x00080018: ("UI", f"{uid}.3"), 0x0020000D: ("UI", f"{uid}.1"), 0x0020000E: ("UI", f"{uid}.2")}
        rows = {**USUAL, **uids, **(changes or {})}
        body = b"".join(element(number, *rows[number]) for number in sorted(rows))
        dataset = body + (extra if isinstance(extra, bytes) else b"")
        dataset = dataset[: len(dataset) - cut] if isinstance(cut, int) and cut else dataset
        return Bad(name, dataset, f"{uid}.3", **options)  # type: ignore[arg-type]


def all_bad(make: Maker, *, bomb: int = 64 * MEGABYTE) -> Iterator[Bad]:
    """Yield every kind once; bombs unfold to ``bomb`` bytes."""
    for family in (lengths, depths, polyglots, uids, texts, numbers, privates):
        yield from family(make)
    yield from bombs(make, size=bomb)


def lengths(make: Maker) -> Iterator[Bad]:
    """Yield files that end too early or lie about their lengths."""
    yield make.bad("ends within the pixels", cut=3)
    yield make.bad("ends within a tag", extra=b"\x01")
    yield make.bad(
        "pixels longer than the file", {0x7FE00010: ("OW", b"")}, extra=element(0x7FE10010, "OB", b"x", length=0xFFFFFFF0)
    )
    yield make.bad("a text longer than the file", extra=element(0x7FE20010, "LO", b"x", length=0xFFFE))
    yield make.bad("an odd length", {0x00104000: ("LT", b"")}, extra=element(0x7FE20010, "LO", b"x", length=1))
    yield make.bad("a sequence without its end", extra=tag(0x7FE30010) + b"SQ\0\0" + struct.pack("<I", UNDEFINED) + tag(ITEM))
    lying = tag(ITEM) + struct.pack("<I", 0x7FFFFFFF) + b"xx"
    yield make.bad("an item longer than its sequence", extra=element(0x7FE30010, "SQ", lying))
    yield make.bad("undefined length where none may be", extra=element(0x7FE20010, "UT", b"x", length=UNDEFINED))
    short = make.bad("meta information that lies about its length")
    yield Bad(
        short.name,
        short.dataset,
        short.instance,
        whole=short.file.replace(b"UL\4\0", b"UL\4\0\xff\xff\xff\x7f"[:4], 1)[:140] + short.file[144:],
    )
    none = make.bad("no meta information")
    yield Bad(none.name, none.dataset, none.instance, whole=none.dataset)
    empty = make.bad("nothing after the meta information")
    yield Bad(empty.name, b"", empty.instance)
    yield Bad("nothing at all", b"", make.bad("x").instance, whole=b"")
    twice = element(0x00100020, "LO", "OTHER")
    yield make.bad("an element twice and out of order", extra=twice)
    yield make.bad(
        "fragments without an end",
        {0x7FE00010: ("OB", b"")},
        syntax=JPEG,
        cut=12,
        extra=element(0x7FE00010, "OB", tag(ITEM) + struct.pack("<I", 0xFFFFFFF0), length=UNDEFINED),
    )


def depths(make: Maker) -> Iterator[Bad]:
    """Yield sequences within sequences (CVE-2026-10528 was a few hundred bytes of these)."""
    for depth in (60, 1000, 10_000):
        yield make.bad(f"{depth} levels", extra=nested(depth))
        yield make.bad(f"{depth} levels with lengths", extra=nested(depth, lengths=True))
    yield make.bad(
        "10000 levels never closed",
        extra=(tag(0x00081140) + b"SQ\0\0" + struct.pack("<I", UNDEFINED) + tag(ITEM) + struct.pack("<I", UNDEFINED)) * 10_000,
    )


def bombs(make: Maker, *, size: int) -> Iterator[Bad]:
    """Yield small files that want to be large."""
    plain = make.bad("deflated bomb")
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(plain.dataset + element(0x7FE10010, "OB", b"", length=size))
    for _ in range(size // MEGABYTE):
        packed += packer.compress(bytes(MEGABYTE))
    yield Bad(plain.name, packed + packer.flush(), plain.instance, syntax=DEFLATED)
    broken = make.bad("deflated nonsense")
    yield Bad(broken.name, b"\xff" * 1000, broken.instance, syntax=DEFLATED)
    holder = make.bad("gzip bomb")
    yield Bad(holder.name, b"", holder.instance, whole=gzip.compress(bytes(size), 6, mtime=0))
    inside = make.bad("zip bomb")
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
        archive.open(_member("a.dcm"), "w", force_zip64=True) as member,
    ):
        member.write(inside.file)
        for _ in range(size // MEGABYTE):
            member.write(bytes(MEGABYTE))
    yield Bad(inside.name, b"", inside.instance, whole=buffer.getvalue())
    vast: dict[int, tuple[str, bytes | str]] = {
        0x00280010: ("US", b"\xff\xff"),
        0x00280011: ("US", b"\xff\xff"),
        0x00280008: ("IS", "2147483647"),
    }
    yield make.bad("a picture of 18 terabytes", vast)
    frames = tag(ITEM) + bytes(4) + tag(ITEM) + struct.pack("<I", 4) + b"\xff\xd8\xff\xd9" + tag(SEQUENCE_END) + bytes(4)
    yield make.bad(
        "the same in JPEG",
        {**vast, 0x7FE00010: ("OB", b"")},
        syntax=JPEG,
        cut=12,
        extra=element(0x7FE00010, "OB", frames, length=UNDEFINED),
    )


def _member(name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.compress_type = zipfile.ZIP_DEFLATED
    return found


def polyglots(make: Maker) -> Iterator[Bad]:
    """Yield images that another program would run (PS3.10, 7.1 leaves 128 bytes to whoever wants them)."""
    heads = {
        "PE": b"MZ\x90\0",
        "ELF": b"\x7fELF",
        "ZIP": b"PK\3\4",
        "PDF": b"%PDF-1.7\n",
        "HTML": b"<html><script>alert(1)</script>",
        "shell": b"#!/bin/sh\nid\n",
    }
    for kind, head in heads.items():
        yield make.bad(f"preamble of {kind}", preamble=head)


EVIL_UIDS = (
    "../../../../etc/passwd", "1.2.3/../../studies", "..", ".", "1.2%2f3", "1.2.3?x=1#y", "1.2\\3", MARKUP, "1.2.3\n4",
    "1." * 60 + "1", "9" * 60_000, "", "*", "1.2.3 4", "\uff10.\uff11", "1.2.3\0.4", "CON", "a b&c=d;e",
)  # fmt: skip


def uids(make: Maker) -> Iterator[Bad]:
    """Yield identifiers that are no UIDs (PS3.5, 9.1)."""
    for evil in EVIL_UIDS:
        for number, level in ((0x0020000D, "study"), (0x0020000E, "series"), (0x00080018, "instance")):
            yield make.bad(f"{level} UID {evil[:24]!r}", {number: ("UI", evil)})


def texts(make: Maker) -> Iterator[Bad]:
    """Yield words that want to be more than words."""
    long = (MARKUP + CONTROLS) * 500
    for number, vr in (
        (0x00100010, "PN"),
        (0x00100020, "LO"),
        (0x00081030, "LO"),
        (0x00080050, "SH"),
        (0x0008103E, "LO"),
        (0x00080090, "PN"),
        (0x00080060, "CS"),
        (0x00200010, "SH"),
    ):
        yield make.bad(f"64 KB in {number:08x}", {number: (vr, long.encode()[:65_534])})
    every = {
        number: (vr, MARKUP + CONTROLS)
        for number, (vr, _) in USUAL.items()
        if vr in {"PN", "LO", "SH", "DA", "TM"} or number in {0x00080060, 0x00100040, 0x00180015}
    }
    yield make.bad("markup everywhere", every)  # type: ignore[arg-type]
    yield make.bad("nulls in the words", {0x00100010: ("PN", b"A\0B^\0\0"), 0x00100020: ("LO", b"\0\0P\0")})
    for charset in ("ISO_IR 9999", "\\", "ISO 2022 IR 87", "<b>", "ISO_IR 192\\ISO 2022 IR 149", "GB18030"):
        yield make.bad(
            f"character set {charset}",
            {0x00080005: ("CS", charset), 0x00100010: ("PN", b"\x1b$B\xff\xfe\x80^\xc0\xaf\xed\xa0\x80")},
        )
    yield make.bad("a thousand values", {0x00100020: ("LO", "\\".join("x" * 30 for _ in range(1000)))})


def numbers(make: Maker) -> Iterator[Bad]:
    """Yield values that are not what their representation says."""
    wrong = {
        "three bytes of US": {0x00280010: ("US", b"\1\2\3")}, "text in US": {0x00280010: ("US", "many")},
        "no date": {0x00080020: ("DA", "yesterday"), 0x00100030: ("DA", "99999999"), 0x00080030: ("TM", "256199")},
        "numbers beyond numbers": {0x00200011: ("IS", "9" * 20), 0x00200013: ("IS", "-1e999"), 0x00280008: ("IS", "nan")},
        "a patient as a sequence": {0x00100020: ("SQ", nested(1))}, "an unknown representation": {0x00100010: ("ZZ", "x")},
        "a UID as a name": {0x0020000D: ("PN", "1.2.3")}, "bytes as text": {0x00100010: ("OB", b"\xff\xfe\0\1")},
        "no size": {0x00280010: ("US", b""), 0x00280011: ("US", b"")}, "no frames": {0x00280008: ("IS", "0")},
        "fewer than no frames": {0x00280008: ("IS", "-5")},
        "bits beyond bits": {0x00280100: ("US", b"\xff\xff"), 0x00280101: ("US", b"\0\0")},
    }  # fmt: skip
    for name, changes in wrong.items():
        yield make.bad(name, changes)  # type: ignore[arg-type]
    yield make.bad("meta information within the image", {0x00020010: ("UI", JPEG)})
    yield make.bad("a command within the image", {0x00000100: ("US", b"\1\0")})


def privates(make: Maker) -> Iterator[Bad]:
    """Yield much where little belongs."""
    yield make.bad("a private element of 16 MB", {0x00090010: ("LO", "X"), 0x00091001: ("OB", bytes(16 * MEGABYTE))})
    many = b"".join(element(0x7FE10000 + number, "LO", "x") for number in range(0x10, 0x7000))
    yield make.bad("28000 elements", extra=many)
    yield make.bad("a comment of 16 MB", {0x00204000: ("UT", MARKUP.encode() * (16 * MEGABYTE // len(MARKUP)))})
