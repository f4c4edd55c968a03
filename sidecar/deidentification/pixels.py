"""Pixel data: nothing behind the pixels, nothing beside them, and black where a person says so."""

from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.utils import get_expected_length

from sidecar.deidentification.codestreams import Unparsable, without_words
from sidecar.deidentification.model import Rectangle

JPEG_FAMILY = frozenset({f"1.2.840.10008.1.2.4.{each}" for each in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203)})
WORD = 16


class Unmaskable(Exception):  # noqa: N818 - said of the image
    """These pixels cannot be changed here: their compression is not one we can undo."""


def tidy(dataset: Dataset) -> None:
    """Cut what is behind the pixels, words inside compressed frames, and overlays in unused bits (PS3.5 8.1.2).

    Raises Unmaskable when such an overlay cannot be reached, or a frame is not what its transfer syntax says.
    """
    if "PixelData" not in dataset:
        return
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "EncapsulatedPixelDataValueTotalLength"):
        if keyword in dataset:
            del dataset[keyword]  # made for the old fragments
    if dataset.file_meta.TransferSyntaxUID.is_compressed and not overlay_inside(dataset):
        _rewrite_frames(dataset)
        return
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        _decompress(dataset)
    length = get_expected_length(dataset)
    dataset.PixelData = dataset.PixelData[:length] + b"\0" * (length % 2)
    if overlay_inside(dataset):
        _clear_unused_bits(dataset)


def _rewrite_frames(dataset: Dataset) -> None:
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax not in JPEG_FAMILY and not _one_frame_codec(syntax):
        return
    frames = int(dataset.get("NumberOfFrames") or 1)
    clean = without_words if syntax in JPEG_FAMILY else bytes
    try:
        made = [clean(frame) for frame in generate_frames(dataset.PixelData, number_of_frames=frames)]
    except Unparsable as error:
        raise Unmaskable from error
    dataset.PixelData = encapsulate(made, has_bot=False)
    dataset["PixelData"].is_undefined_length = True


def _one_frame_codec(syntax: str) -> bool:
    return syntax == "1.2.840.10008.1.2.5"


def overlay_inside(dataset: Dataset) -> bool:
    """Say whether an overlay lies in bits of the pixels (Overlay Bit Position (60xx,0102), retired): text, as a rule."""
    return any(dataset.get((0x6000 + group, 0x0102)) and dataset[0x6000 + group, 0x0102].value for group in range(0, 32, 2))


def _clear_unused_bits(dataset: Dataset) -> None:
    """Zero the bits beside the stored ones; a signed value is extended into them again."""
    if dataset.BitsAllocated != WORD:
        return
    stored, high = int(dataset.BitsStored), int(dataset.HighBit)
    cells = np.frombuffer(dataset.PixelData, "<u2" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">u2")
    values = (cells >> (high + 1 - stored)) & ((1 << stored) - 1)
    if dataset.PixelRepresentation:
        values = np.where(values >> (stored - 1) & 1, values | ((0xFFFF << stored) & 0xFFFF), values)
    dataset.PixelData = values.astype(cells.dtype).tobytes()
    dataset.HighBit = stored - 1


def black_out(dataset: Dataset, rectangles: tuple[Rectangle, ...]) -> None:
    """Blacken rectangles in every frame; raise Unmaskable when the pixels cannot be reached."""
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        _decompress(dataset)
    colours = str(dataset.PhotometricInterpretation)
    if colours in {"YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422"} or int(dataset.BitsAllocated) not in {8, 16, 32}:
        raise Unmaskable
    cells = np.frombuffer(dataset.PixelData[: get_expected_length(dataset)], _cell(dataset)).copy()
    pixels = cells.reshape(_shape(dataset))  # frame, row, column, sample: a view
    if int(dataset.get("PlanarConfiguration") or 0) and int(dataset.SamplesPerPixel) > 1:
        pixels = cells.reshape(pixels.shape[0], pixels.shape[3], *pixels.shape[1:3]).transpose(0, 2, 3, 1)
    black = _black(colours, pixels)
    for each in rectangles:
        pixels[:, max(0, each.top) : max(0, each.bottom), max(0, each.left) : max(0, each.right)] = black
    raw = cells.tobytes()
    dataset.PixelData = raw + b"\0" * (len(raw) % 2)


def _decompress(dataset: Dataset) -> None:
    try:
        dataset.decompress(generate_instance_uid=False)
    except (RuntimeError, NotImplementedError, ValueError, AttributeError) as error:
        raise Unmaskable from error


def _cell(dataset: Dataset) -> str:
    order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
    return f"{order}{'i' if dataset.PixelRepresentation else 'u'}{int(dataset.BitsAllocated) // 8}"


def _shape(dataset: Dataset) -> tuple[int, int, int, int]:
    frames = int(dataset.get("NumberOfFrames") or 1)
    return frames, int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel)


def _black(colours: str, pixels: Any) -> Any:
    """Return what shows as black: the darkest value there is for grey, the colour itself otherwise (PS3.3 C.7.6.3.1.2)."""
    if colours == "MONOCHROME1":
        return pixels.max()
    if colours == "MONOCHROME2":
        return pixels.min()
    return (0, 128, 128) if colours == "YBR_FULL" else 0
