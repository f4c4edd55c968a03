"""Compressed frames without words: JPEG and JPEG-LS (ITU-T T.81 B.1, T.87 C.1), JPEG 2000 (T.800 A.2, A.3, A.4).

A decoder passes over comments, over other programs' segments, and over whatever stands behind the end of the image; whoever reads
the bytes does not. So a frame is taken apart to its end, wherever in it they stand.
"""

import re
from collections.abc import Iterator

START, START_2000 = b"\xff\xd8", b"\xff\x4f"
END_OF_IMAGE, START_OF_SCAN, START_OF_TILE, START_OF_DATA = 0xD9, 0xDA, 0x90, 0x93
JFIF, ADOBE, COMMENT_2000 = 0xE0, 0xEE, 0x64
WORDY = frozenset({0xFE, *range(0xE1, 0xEE), 0xEF, *range(0xF0, 0xF7), *range(0xF9, 0xFE)})
"""COM, APP1 to APP15 but APP14, and what T.81 table B.1 reserves, without the two that JPEG-LS took of it (SOF55, LSE)."""
PLAIN = {JFIF: (b"JFIF\0", 18), ADOBE: (b"Adobe", 16)}
"""APP0 without a thumbnail (T.871 10.1) and APP14, which says what the colours are: how they begin, and their whole length."""
NEXT = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
"""A marker behind a scan: in its own bits 0xFF stands before less than 0x80 only, or before a restart marker."""


class Unparsable(Exception):  # noqa: N818 - said of the frame
    """These bytes are no codestream that we could take apart."""


def without_words(frame: bytes) -> bytes:
    """Return a codestream without comments, other programs' segments and anything behind its end. Raises Unparsable."""
    if frame.startswith(START):
        return b"".join(_jpeg(frame))
    if frame.startswith(START_2000):
        return b"".join(_jpeg_2000(frame))
    raise Unparsable


def _jpeg(frame: bytes) -> Iterator[bytes]:
    """Give what stays of a JPEG or JPEG-LS codestream; one that was cut off inside a scan ends there."""
    yield START
    place = len(START)
    while True:
        while frame[place : place + 2] == b"\xff\xff":  # fill bytes (T.81 B.1.1.2)
            place += 1
        marker, end = _segment(frame, place)
        if marker == END_OF_IMAGE:
            yield b"\xff\xd9"
            return
        if marker not in WORDY and _is_plain(marker, frame[place:end]):
            yield frame[place:end]
        place = end
        if marker == START_OF_SCAN:
            following = NEXT.search(frame, place)
            yield frame[place : following.start() if following else len(frame)]
            if following is None:
                return
            place = following.start()


def _is_plain(marker: int, segment: bytes) -> bool:
    if marker not in PLAIN:
        return True
    begins, length = PLAIN[marker]
    return len(segment) == length and segment[4:].startswith(begins)


def _jpeg_2000(frame: bytes) -> Iterator[bytes]:
    """Give what stays of a JPEG 2000 codestream. A comment inside a tile's header is none we take out: lengths would be wrong."""
    yield START_2000
    place = len(START_2000)
    while True:
        marker, end = _segment(frame, place)
        if marker == END_OF_IMAGE:
            yield b"\xff\xd9"
            return
        if marker == START_OF_TILE:
            end = _end_of_tile(frame, place)
        if marker != COMMENT_2000:
            yield frame[place:end]
        place = end


def _end_of_tile(frame: bytes, start: int) -> int:
    """Return where a tile-part ends: as its header says (Psot), or with the image when it says nothing."""
    length = int.from_bytes(frame[start + 6 : start + 10], "big")
    _sot, place = _segment(frame, start)
    while frame[place : place + 2] != bytes([0xFF, START_OF_DATA]):
        marker, place = _segment(frame, place)
        if marker == COMMENT_2000:
            raise Unparsable
    data = place + 2
    end = start + length if length else frame.find(b"\xff\xd9", data)
    if not data <= end <= len(frame):
        raise Unparsable
    return end


def _segment(frame: bytes, place: int) -> tuple[int, int]:
    """Return the marker that stands there and where its segment ends; the end of the image has no length."""
    if len(frame) < place + 2 or frame[place] != 0xFF:  # noqa: PLR2004 - every marker begins so
        raise Unparsable
    marker = frame[place + 1]
    if marker == END_OF_IMAGE:
        return marker, place + 2
    length = int.from_bytes(frame[place + 2 : place + 4], "big")
    if length < 2 or len(frame) < place + 2 + length:  # noqa: PLR2004 - it counts itself
        raise Unparsable
    return marker, place + 2 + length
