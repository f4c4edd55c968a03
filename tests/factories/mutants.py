"""Mutants: a good file or request with some of its bytes wrong. The same seed gives the same mutants on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

LENGTHS = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
"""Values that a length field has no business to hold, and one that means undefined (PS3.5 section 7.1.1)."""
MARKUP = (b"<script>x</script>", b"../../../etc/passwd", b"\x00", b"\x1b$B\xff", b"%s%n", b"'\"--", b"\xff" * 64)

Mutation = Callable[[bytearray, random.Random], None]


def flip(data: bytearray, chance: random.Random) -> None:
    """Change some single bytes."""
    for _ in range(chance.randint(1, 12)):
        data[chance.randrange(len(data))] = chance.randrange(256)


def lie_about_a_length(data: bytearray, chance: random.Random) -> None:
    """Overwrite four bytes on an even place, where lengths are, with a length that is not true."""
    place = chance.randrange(0, max(1, len(data) - 4), 2)
    data[place : place + 4] = chance.choice(LENGTHS).to_bytes(4, "little")


def truncate(data: bytearray, chance: random.Random) -> None:
    """Stop in the middle."""
    del data[chance.randrange(len(data)) :]


def repeat(data: bytearray, chance: random.Random) -> None:
    """Write a piece twice: elements out of order, sequences that never close."""
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randint(1, 64)]
    data[start:start] = piece * chance.randint(1, 8)


def leave_out(data: bytearray, chance: random.Random) -> None:
    """Lose a piece."""
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 64)]


def insert_markup(data: bytearray, chance: random.Random) -> None:
    """Write text over what was there."""
    text = chance.choice(MARKUP)
    start = chance.randrange(len(data))
    data[start : start + len(text)] = text


MUTATIONS: Sequence[Mutation] = (flip, lie_about_a_length, truncate, repeat, leave_out, insert_markup)


def mutate(good: bytes, seed: int, *, keep: int = 0) -> bytes:
    """Return mutant number ``seed`` of a good text of bytes; its first ``keep`` bytes stay as they are."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    data = bytearray(good[keep:])
    for _ in range(chance.choice((1, 1, 2, 4))):
        if data:
            chance.choice(MUTATIONS)(data, chance)
    return good[:keep] + bytes(data)
