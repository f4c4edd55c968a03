"""Which instance a file is: true files in every transfer syntax, and files that lie."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from sidecar.dicomweb.part10 import Identity, Unreadable, identify
from tests.doors import phantom


def written(dataset: Dataset) -> bytes:
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def nested(depth: int, *, undefined: bool) -> Dataset:
    """A sequence in a sequence in a sequence, before the UIDs."""
    inner = Dataset()
    inner.StudyInstanceUID = "6.6.6"
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedSeriesSequence = Sequence([inner])
        outer["ReferencedSeriesSequence"].is_undefined_length = undefined
        inner.is_undefined_length_sequence_item = undefined
        inner = outer
    return inner


def image(*, depth: int = 0, undefined: bool = True) -> Dataset:
    dataset = phantom.image()
    if depth:
        for element in nested(depth, undefined=undefined):
            dataset.add(element)
    return dataset


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("depth", [0, 1, 5])
@pytest.mark.parametrize("undefined", [True, False])
def test_a_true_file(syntax: str, depth: int, *, undefined: bool) -> None:
    dataset = image(depth=depth, undefined=undefined)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax != ExplicitVRLittleEndian:
        del dataset.PixelData
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian,
                    little_endian=syntax != ExplicitVRBigEndian)  # fmt: skip
    assert identify(file) == Identity(
        dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID,
        dataset.SOPClassUID, dataset.SOPInstanceUID, syntax,
    )  # fmt: skip


def test_a_compressed_file_is_named_and_a_deflated_one_not_inflated() -> None:
    dataset = phantom.image()
    body = written(dataset).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4\0")
    assert identify(BytesIO(body)).study == dataset.StudyInstanceUID
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert identify(BytesIO(written(dataset))).study == ""


def test_sequences_nested_too_deep_are_refused() -> None:
    with pytest.raises(Unreadable, match="deep"):
        identify(BytesIO(written(image(depth=200))))


@pytest.mark.parametrize("place", range(0, 900, 7))
def test_a_file_that_ends_early_is_unreadable_or_named(place: int) -> None:
    with suppress(Unreadable):
        assert identify(BytesIO(written(phantom.image())[:place])).study


@given(st.data())
def test_a_file_with_wrong_bytes_is_unreadable_or_named(data: st.DataObject) -> None:
    body = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(128, 900))] = data.draw(st.integers(0, 255))
    with suppress(Unreadable):
        assert identify(BytesIO(bytes(body))).sop_instance


WHOLE = written(phantom.image())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"DICM",
        bytes(128) + b"DICM",
        bytes(4096) + WHOLE[128:],  # a preamble of 4 KB
        b"PK\x03\x04" + bytes(200),
        bytes(128) + b"DICM" + b"\xff" * 100,
    ],
)
def test_no_dicom_file(body: bytes) -> None:
    with pytest.raises(Unreadable):
        identify(BytesIO(body))


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.3/../4", "1..2", "1.2.x", "9" * 65])
def test_uids_that_are_none(uid: str) -> None:
    dataset = phantom.image()
    body = written(dataset)
    old, new = dataset.StudyInstanceUID.encode(), uid.encode()
    tag = b"\x20\x00\x0d\x00UI"
    start = body.index(tag)
    length = int.from_bytes(body[start + 6 : start + 8], "little")
    new += b"\0" * (len(new) % 2)
    assert old in body[start : start + 8 + length]
    with pytest.raises(Unreadable):
        identify(BytesIO(body[: start + 6] + len(new).to_bytes(2, "little") + new + body[start + 8 + length :]))
