"""Black where it is asked for, in every layout of pixels; nothing behind, beside or inside the frames."""

from itertools import product

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from sidecar.deidentification import pixels
from sidecar.deidentification.model import Rectangle

TOP = (Rectangle(0, 0, 6, 2),)


def picture(*, bits: int = 8, samples: int = 1, frames: int = 1, planar: int = 0, colours: str = "MONOCHROME2") -> Dataset:
    """Return a picture of 6 by 4 pixels, all 50 but one that is 7."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames, dataset.SamplesPerPixel = 4, 6, frames, samples
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation, dataset.PlanarConfiguration = bits - 1, 0, planar
    dataset.PhotometricInterpretation = colours
    cells = np.full(frames * 4 * 6 * samples, 50, f"<u{bits // 8}")
    cells[-1] = 7
    dataset.PixelData = cells.tobytes()
    return dataset


@pytest.mark.parametrize(("bits", "frames", "samples", "planar"), list(product((8, 16), (1, 3), (1, 3), (0, 1))))
def test_rectangle_is_black_in_every_frame_and_the_rest_untouched(bits: int, frames: int, samples: int, planar: int) -> None:
    dataset = picture(bits=bits, samples=samples, frames=frames, planar=planar, colours="RGB" if samples > 1 else "MONOCHROME2")
    pixels.black_out(dataset, TOP)
    cells = np.frombuffer(dataset.PixelData, f"<u{bits // 8}")
    shaped = cells.reshape((frames, samples, 4, 6) if planar and samples > 1 else (frames, 4, 6, samples))
    shaped = shaped if planar and samples > 1 else shaped.transpose(0, 3, 1, 2)
    assert set(shaped[:, :, :2].ravel().tolist()) == {0 if samples > 1 else 7}
    assert set(shaped[:, :, 2:].ravel().tolist()) == {50, 7}


def test_black_is_what_shows_as_black() -> None:
    for colours, samples, expected in [("MONOCHROME1", 1, {50}), ("YBR_FULL", 3, {0, 128}), ("PALETTE COLOR", 1, {0})]:
        dataset = picture(samples=samples, colours=colours)
        pixels.black_out(dataset, TOP)
        assert set(dataset.PixelData[: 12 * samples]) == expected, colours
    with pytest.raises(pixels.Unmaskable):
        pixels.black_out(picture(samples=3, colours="YBR_FULL_422"), TOP)


def test_run_length_is_undone_and_unknown_compression_refused() -> None:
    dataset = picture()
    before = dataset.PixelData
    dataset["PixelData"].VR = "OB"
    dataset.compress(RLELossless, generate_instance_uid=False)
    pixels.black_out(dataset, TOP)
    assert dataset.PixelData[12:] == before[12:]
    assert set(dataset.PixelData[:12]) == {7}
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([b"\xff\xd8 no JPEG"])
    with pytest.raises(pixels.Unmaskable):
        pixels.black_out(dataset, TOP)


def test_what_is_behind_the_pixels_is_cut() -> None:
    dataset = picture()
    dataset.PixelData += b"CANARY BEHIND"
    pixels.tidy(dataset)
    assert len(dataset.PixelData) == 24


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def tidied(*frames: bytes, syntax: str = JPEGBaseline8Bit) -> list[bytes]:
    dataset = picture(frames=len(frames))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(list(frames))
    pixels.tidy(dataset)
    return [each.rstrip(b"\0") for each in generate_frames(dataset.PixelData, number_of_frames=len(frames))]


def test_words_between_and_behind_the_scans_of_a_frame_go() -> None:
    """A progressive JPEG has many scans, a device may write behind the end: no decoder sees it, who reads the bytes does."""
    first, second = segment(0xDA, b"one") + b"\x01\xff\x00\x02\xff\xd0\x03", segment(0xDA, b"two") + b"\x04\xff\xd9"
    tables, comment = segment(0xC4, b"tables"), segment(0xFE, b"CANARY")
    assert tidied(b"\xff\xd8" + first + comment + b"\xff" + tables + comment + second + b"CANARY^JANE") == [
        b"\xff\xd8" + first + tables + second
    ]
    assert tidied(b"\xff\xd8" + first) == [b"\xff\xd8" + first], "one that was cut off stays what it is"
    thumbnail, adobe = segment(0xE0, b"JFIF\0" + bytes(9) + b"CANARY"), segment(0xEE, b"Adobe" + bytes(7) + b"CANARY")
    assert tidied(b"\xff\xd8" + thumbnail + adobe + segment(0xFD, b"CANARY") + second) == [b"\xff\xd8" + second]


def test_words_of_jpeg_2000_go_before_and_behind_its_tiles() -> None:
    size, comment = segment(0x51, b"size"), segment(0x64, b"\0\1CANARY")

    def tile(*header: bytes, data: bytes = b"\x01\xff\x7f", length: int | None = None) -> bytes:
        inside = b"".join(header) + b"\xff\x93" + data
        return segment(0x90, b"\0\0" + (12 + len(inside) if length is None else length).to_bytes(4, "big") + b"\0\1") + inside

    start, end = b"\xff\x4f" + size, b"\xff\xd9"
    for tiles in (tile() + tile(segment(0x5C, b"quant")), tile(length=0)):
        assert tidied(start + comment + tiles + end + b"CANARY", syntax=JPEG2000Lossless) == [start + tiles + end]
    for bad in (start + tile(comment) + end, start + tile(length=7) + end, b"\0\0\0\x0cjP  CANARY" + start + end):
        with pytest.raises(pixels.Unmaskable):
            tidied(bad, syntax=JPEG2000Lossless)


def test_comments_inside_frames_go_and_the_scan_stays() -> None:
    tables, scan = segment(0xDB, b"tables"), segment(0xDA, b"scan") + b"bits \xff\x00 bits\xff\xd9"
    adobe = segment(0xEE, b"Adobe" + bytes(7))
    frame = b"\xff\xd8" + segment(0xE1, b"Exif CANARY") + tables + segment(0xFE, b"CANARY") + adobe + scan
    dataset = picture(frames=2)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([frame, frame])
    pixels.tidy(dataset)
    assert b"CANARY" not in dataset.PixelData
    for each in generate_frames(dataset.PixelData, number_of_frames=2):
        assert each.rstrip(b"\0") == b"\xff\xd8" + tables + adobe + scan


def test_drawing_in_compressed_pixels_is_reached_or_refused() -> None:
    dataset = picture(bits=16)
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.PixelData = (np.full(24, 77, "<u2") | 0x8000).tobytes()
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.add_new(0x60000102, "US", 15)
    pixels.tidy(dataset)
    assert set(np.frombuffer(dataset.PixelData, "<u2").tolist()) == {77}
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([b"\xff\xd8 no JPEG"])
    with pytest.raises(pixels.Unmaskable):
        pixels.tidy(dataset)


def test_drawing_in_unused_bits_goes_and_signed_values_stay() -> None:
    dataset = picture(bits=16)
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 1
    values = np.array([-5, 5, -2048, 2047] * 6, "<i2")
    drawn = (values.view("<u2") & 0x0FFF) | 0x4000
    dataset.PixelData = drawn.tobytes()
    dataset.add_new(0x60000102, "US", 14)
    assert pixels.overlay_inside(dataset)
    pixels.tidy(dataset)
    assert np.frombuffer(dataset.PixelData, "<i2").tolist() == values.tolist()
