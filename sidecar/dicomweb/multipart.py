"""multipart/related bodies (RFC 2046 §5.1, RFC 2387) read as they come: one part after the other, in pieces, of any size."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sidecar.kernel.errors import Invalid, Unsupported

PIECE = 256 * 1024
MOST_PREAMBLE = 64 * 1024
MOST_HEADERS = 8 * 1024
MOST_PADDING = 64
LONGEST_BOUNDARY = 70
PARAMETER = re.compile(r'([A-Za-z-]+)\s*=\s*("[^"]*"|[^;]*)')
"""Lenient: media types and boundaries with slashes and colons are often not quoted, as they should be."""
CRLF = b"\r\n"


class CutOff(Invalid):
    """The body ends before its closing boundary."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type, and its content once, in pieces. What is not read of it is skipped."""

    content_type: str
    pieces: Iterator[bytes]


def boundary_of(content_type: str, *, holds: str) -> bytes:
    """Return the boundary; raise Unsupported unless it is multipart/related of ``holds``, Invalid without a good boundary."""
    kind, _, rest = content_type.partition(";")
    options = {name.lower(): value.strip().strip('"') for name, value in PARAMETER.findall(rest)}
    if kind.strip().lower() != "multipart/related" or options.get("type", holds).lower() != holds:
        raise Unsupported(f'What is stored comes as multipart/related; type="{holds}".')
    boundary: str = options.get("boundary", "")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
        raise Invalid("The content type names no boundary of 1 to 70 characters.")
    return boundary.encode()


class Parts:
    """Reads a body through ``read(size)``. Never holds more than some pieces in memory."""

    def __init__(self, read: Callable[[int], bytes], boundary: bytes) -> None:
        self._read = read
        self._delimiter = CRLF + b"--" + boundary
        self._buffer = bytearray(CRLF)  # the first boundary may stand at the very beginning
        self._last = False

    def __iter__(self) -> Iterator[Part]:
        """Yield the parts; raise Invalid where the body is not well formed, CutOff where it ends too soon."""
        self._skip_preamble()
        while not self._last:
            pieces = self._content()
            yield Part(self._content_type(), pieces)
            for _ in pieces:
                pass

    def _skip_preamble(self) -> None:
        skipped = 0
        for piece in self._content():
            skipped += len(piece)
            if skipped > MOST_PREAMBLE:
                raise Invalid("No boundary was found at the beginning; its line ends with CR LF.")

    def _content(self) -> Iterator[bytes]:
        """Yield what stands before the next boundary line, and go past that line."""
        start = 0
        while True:
            found = self._buffer.find(self._delimiter, start)
            end = self._line_end(found + len(self._delimiter)) if found >= 0 else -1
            if end > 0:
                content = bytes(self._buffer[:found])
                del self._buffer[:end]
                yield content
                return
            if end == 0:  # it only looks like a boundary
                start = found + 1
                continue
            whole = found if found >= 0 else max(0, len(self._buffer) - len(self._delimiter))
            if whole:
                yield bytes(self._buffer[:whole])
                del self._buffer[:whole]
            start = 0
            self._fill()

    def _line_end(self, place: int) -> int:
        """Return where a boundary's line ends, 0 if it is none, -1 if more must be read to know. Note the closing one."""
        rest = bytes(self._buffer[place : place + MOST_PADDING + 2])
        if rest.startswith(b"--"):
            self._last = True
            return place + 2
        padding = len(rest) - len(rest.lstrip(b" \t"))
        if rest[padding:].startswith(CRLF):
            return place + padding + 2
        undecided = len(rest) < MOST_PADDING + 2 and (rest[padding:] in {b"", b"\r", b"-"})
        return -1 if undecided else 0

    def _content_type(self) -> str:
        """Read the headers of a part and return its Content-Type, "" if it says none."""
        while not self._buffer.startswith(CRLF) and (end := self._buffer.find(CRLF + CRLF)) < 0:
            if len(self._buffer) > MOST_HEADERS:
                raise Invalid("The headers of a part are too long, or do not end with an empty line of CR LF.")
            self._fill()
        if self._buffer.startswith(CRLF):
            del self._buffer[:2]
            return ""
        if end > MOST_HEADERS:
            raise Invalid("The headers of a part are too long.")
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        named = (line.partition(":") for line in lines)
        return next((value.strip() for name, _, value in named if name.strip().lower() == "content-type"), "")

    def _fill(self) -> None:
        piece = self._read(PIECE)
        if not piece:
            raise CutOff("The body ends before its closing boundary.")
        self._buffer += piece
