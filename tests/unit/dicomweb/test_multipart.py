"""multipart/related bodies, whole and broken, in pieces of any size."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.dicomweb.multipart import CutOff, Part, Parts, boundary_of
from sidecar.kernel.errors import Invalid, Unsupported

BOUNDARY = b"frontier"


def reading(body: bytes, size: int = 7) -> Callable[[int], bytes]:
    """A stream that gives ``size`` bytes at a time, whatever is asked for."""
    pieces = iter([body[start : start + size] for start in range(0, len(body), size)])
    return lambda _: next(pieces, b"")


def taken(body: bytes, size: int = 7) -> list[tuple[str, bytes]]:
    return [(part.content_type, b"".join(part.pieces)) for part in Parts(reading(body, size), BOUNDARY)]


def written(*contents: bytes, head: bytes = b"Content-Type: application/dicom\r\n\r\n") -> bytes:
    return b"".join(b"--frontier\r\n" + head + each + b"\r\n" for each in contents) + b"--frontier--\r\n"


ALMOST = st.sampled_from([b"\r\n--frontie", b"\r\n--frontierx", b"\r\n--frontier -", b"\r\n\r\n--"])


@given(st.lists(st.binary(max_size=60) | ALMOST, max_size=5), st.integers(1, 80))
def test_what_was_written_is_read(contents: list[bytes], size: int) -> None:
    if contents:
        assert taken(written(*contents), size) == [("application/dicom", each) for each in contents]


def test_a_preamble_an_epilogue_and_padding_do_not_count() -> None:
    body = b"hello\r\n--frontier \t\r\n\r\none\r\n--frontier\r\ncontent-TYPE:  a/b ; c=d \r\nX-Y: z\r\n\r\ntwo\r\n--frontier--bye"
    assert taken(body) == [("", b"one"), ("a/b ; c=d", b"two")]


def test_what_is_not_read_of_a_part_is_skipped() -> None:
    assert [part.content_type for part in Parts(reading(written(b"x" * 1000, b"y")), BOUNDARY)] == ["application/dicom"] * 2


@pytest.mark.parametrize("cut", range(1, 70))
def test_a_body_cut_off_anywhere_says_so(cut: int) -> None:
    body = written(b"first", b"second")
    with pytest.raises(CutOff):
        taken(body[: len(body) - 4 - cut])


@pytest.mark.parametrize(
    "body",
    [
        written(b"x").replace(b"\r\n", b"\n"),  # bare line feeds
        written(b"x").replace(b"frontier", b"border"),
        b"--frontier\r\nContent-Type: application/dicom\n\nx\r\n--frontier--",
        b"x" * 100_000,
        b"--frontier\r\n" + b"X: " + b"y" * 10_000 + b"\r\n\r\nz\r\n--frontier--",
        b"",
    ],
)
def test_what_is_not_well_formed_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        taken(body, 4096)


def test_memory_does_not_grow_with_a_part() -> None:
    """A part of 64 MB passes in pieces; the longest held is a few of them."""
    total, block = 64 * 1024 * 1024, b"\r\n--frontie" * 25_000
    sent = iter([b"--frontier\r\n\r\n", *([block] * (total // len(block))), b"\r\n--frontier--"])
    longest = 0
    for part in Parts(lambda _: next(sent, b""), BOUNDARY):
        assert isinstance(part, Part)
        longest = max(len(piece) for piece in part.pieces)
    assert longest < 1_000_000


@pytest.mark.parametrize(
    ("content_type", "problem"),
    [
        ("application/dicom", Unsupported),
        ("multipart/form-data; boundary=x", Unsupported),
        ('multipart/related; type="application/dicom+json"; boundary=x', Unsupported),
        ("", Unsupported),
        ('multipart/related; type="application/dicom"', Invalid),
        (f"multipart/related; boundary={'x' * 71}", Invalid),
        ("multipart/related; boundary=\xfc", Invalid),
    ],
)
def test_another_kind_of_body_is_refused(content_type: str, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        boundary_of(content_type, holds="application/dicom")


def test_boundaries_quoted_and_not() -> None:
    for written_so in ('multipart/related; type="application/dicom"; boundary="a:b c"', "Multipart/Related;boundary=a:b"):
        assert boundary_of(written_so, holds="application/dicom").startswith(b"a:b")
