"""Long things closed piece by piece: AES-256-GCM over numbered pieces, so that none can be left out, moved, or cut off.

On disk: pieces of at most PIECE plain bytes, each as its length (4 bytes, big endian) and its ciphertext. A piece's nonce is its
number and whether it is the last (NIST SP 800-38D §8.2.1, deterministic): a key closes one stream only.
"""

import struct
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PIECE = 1024 * 1024
LENGTH = struct.Struct(">I")


class BrokenStream(ValueError):  # noqa: N818 - said of the stream
    """Altered, cut off, or closed with another key."""


class StreamCloser:
    """Writes plain bytes to a file as a closed stream; the last piece is written at a regular end of the ``with`` only."""

    def __init__(self, target: BinaryIO, key: bytes, *, about: bytes) -> None:
        self._target, self._cipher, self._about = target, AESGCM(key), about
        self._number, self._waiting = 0, bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._piece(bytes(self._waiting), last=True)

    def write(self, plain: bytes) -> None:
        """Add bytes."""
        self._waiting += plain
        while len(self._waiting) > PIECE:
            self._piece(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]

    def _piece(self, plain: bytes, *, last: bool) -> None:
        closed = self._cipher.encrypt(_nonce(self._number, last=last), plain, self._about)
        self._target.write(LENGTH.pack(len(closed)) + closed)
        self._number += 1


def open_stream(source: BinaryIO, key: bytes, *, about: bytes) -> Iterator[bytes]:
    """Yield the plain pieces; BrokenStream as soon as something is not as it was written, also a missing end."""
    cipher, number, more = AESGCM(key), 0, _next(source)
    while more is not None:
        closed, more = more, _next(source)
        try:
            yield cipher.decrypt(_nonce(number, last=more is None), closed, about)
        except InvalidTag:
            raise BrokenStream("altered, cut off, or closed with another key") from None
        number += 1
    if not number:
        raise BrokenStream("there is nothing in it")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _next(source: BinaryIO) -> bytes | None:
    """Read one closed piece; None at the end."""
    head = source.read(LENGTH.size)
    if not head:
        return None
    if len(head) < LENGTH.size or (length := LENGTH.unpack(head)[0]) > PIECE + 16:
        raise BrokenStream("cut off or altered")
    return source.read(length)
