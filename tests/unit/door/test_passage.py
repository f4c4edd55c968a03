from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugin.door.dimse import Field, Piece, Tag, encode_command, message
from orthanc_plugin.door.passage import LONGEST, Passage

ACCEPT = b"\x02\0" + (40).to_bytes(4, "big") + bytes(40)
"""An A-ASSOCIATE-AC, as far as a counter cares."""


def answer(status: int, kind: int = Field.C_STORE_RSP) -> bytes:
    return message(1, {Tag.COMMAND_FIELD: kind, Tag.STATUS: status})


def test_answers_to_stores_are_counted_and_nothing_else() -> None:
    passage = Passage()
    for status in (0x0000, 0xB000, 0xB007, 0x0107, 0xA700, 0xC000, 0x0122):
        passage.hear(answer(status))
    passage.hear(answer(0x0000, Field.C_MOVE_RSP) + message(3, {Tag.COMMAND_FIELD: 0x8020, Tag.STATUS: 0xFF00}, bytes(40_000)))
    assert (passage.objects, passage.failed) == (4, 3)


@given(st.lists(st.integers(1, 60), min_size=1))
def test_bytes_may_come_in_any_pieces(sizes: list[int]) -> None:
    whole, passage, place = ACCEPT + answer(0) * 3 + answer(0xA700), Passage(), 0
    while place < len(whole):
        for size in sizes:
            passage.hear(memoryview(whole)[place : place + size])
            place += size
    assert (passage.objects, passage.failed) == (3, 1)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x04\0" + (LONGEST + 1).to_bytes(4, "big"),
        b"\x04\0" + (8).to_bytes(4, "big") + b"\xff" * 8,
        Piece(1, is_command=True, is_last=True, content=encode_command({Tag.STATUS: 0})[:-1]).pdu(),
    ],
)
def test_what_cannot_be_read_ends_the_counting_and_keeps_nothing(nonsense: bytes) -> None:
    passage = Passage()
    passage.hear(answer(0) + nonsense)
    for _ in range(100):
        passage.hear(answer(0) + bytes(100_000))
    assert (passage.objects, passage.failed) == (1, 0)
    assert passage._buffer == b""
