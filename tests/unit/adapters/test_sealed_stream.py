"""Closed streams: whole and unaltered, or not at all."""

import random
from io import BytesIO

import pytest

from sidecar.adapters.sealed_stream import PIECE, BrokenStream, StreamCloser, open_stream

KEY, ABOUT = bytes(range(32)), b"about"


def closed(plain: bytes) -> bytes:
    target = BytesIO()
    with StreamCloser(target, KEY, about=ABOUT) as stream:
        for start in range(0, len(plain), 300_000):
            stream.write(plain[start : start + 300_000])
    return target.getvalue()


def opened(data: bytes, key: bytes = KEY, about: bytes = ABOUT) -> bytes:
    return b"".join(open_stream(BytesIO(data), key, about=about))


@pytest.mark.parametrize("length", [0, 1, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_what_was_closed_opens(length: int) -> None:
    plain = random.Random(length).randbytes(length)  # noqa: S311 - any bytes
    assert opened(closed(plain)) == plain
    assert plain[:50] not in closed(plain) or length < 50


def test_nothing_altered_cut_moved_or_closed_otherwise_opens() -> None:
    whole = closed(bytes(2 * PIECE + 100))
    first, second = whole[: 4 + PIECE + 16], whole[4 + PIECE + 16 : 2 * (4 + PIECE + 16)]
    last = whole[len(first) + len(second) :]
    for broken in (b"", first, first + second, second + first + last, first + last, whole + last, whole[:-1], whole + b"x"):
        with pytest.raises(BrokenStream):
            opened(broken)
    dice = random.Random(9)  # noqa: S311 - which bytes, not a secret
    for position in [0, 5, *dice.sample(range(len(whole)), 20)]:
        broken = bytearray(whole)
        broken[position] ^= 1
        with pytest.raises(BrokenStream):
            opened(bytes(broken))
    for wrong in ({"key": bytes(32)}, {"about": b"other"}):
        with pytest.raises(BrokenStream):
            opened(whole, **wrong)


def test_a_writer_that_broke_off_leaves_no_end() -> None:
    target = BytesIO()
    with pytest.raises(KeyError), StreamCloser(target, KEY, about=ABOUT) as stream:
        stream.write(bytes(PIECE + 1))
        raise KeyError
    with pytest.raises(BrokenStream):
        opened(target.getvalue())
