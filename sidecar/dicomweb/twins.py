"""Objects that their cell does not find by their UIDs: a sender used the same UIDs for two patients.

Orthanc tells patients apart by their Patient ID and keeps both, but its DICOMweb answers 404 where a UID names two objects.
Our index knows each by Orthanc's own id, so such a series is read file by file. It is rare, and slower.
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pydicom
from pydicom.encaps import get_frame
from pydicom.uid import ImplicitVRLittleEndian

from sidecar.adapters.cell_client import CellAddress, Cells
from sidecar.kernel.errors import Broken, Missing
from sidecar.studies.tables import Instance

INLINE = 1024
"""Bytes up to which a binary value stands in the metadata itself."""
PIXEL_DATA = "7FE00010"
MEDIA_TYPES = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}
"""Of compressed frames, by transfer syntax (PS3.18 table 8.7.3-5)."""


def series_metadata(cells: Cells, cell: CellAddress, instances: Iterable[Instance]) -> bytes:
    """Return DICOM JSON as ``Cells.series_metadata`` does, one file in memory at a time."""
    described = [_described(cells.file(cell, each.orthanc_id), each.sop_instance_uid) for each in instances]
    if not described:
        raise Missing
    return json.dumps(described, separators=(",", ":"), ensure_ascii=False).encode()


def frames(file: bytes, numbers: Sequence[int]) -> tuple[str, list[bytes]]:
    """Return the media type of an instance's frames and those with these numbers, from 1. Raise Missing for others."""
    dataset = _read(file, stop_before_pixels=False)
    syntax = dataset.file_meta.TransferSyntaxUID
    count = int(dataset.get("NumberOfFrames") or 1)
    if "PixelData" not in dataset or not all(1 <= number <= count for number in numbers):
        raise Missing
    if syntax.is_encapsulated:
        found = [get_frame(dataset.PixelData, number - 1, number_of_frames=count) for number in numbers]
        kind = MEDIA_TYPES.get(str(syntax), "application/octet-stream")
        return f'{kind}; transfer-syntax="{syntax}"', found
    size = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated // 8
    return "application/octet-stream", [dataset.PixelData[(number - 1) * size : number * size] for number in numbers]


def related(kind: str, bodies: Iterable[bytes], boundary: str) -> Iterator[bytes]:
    """Yield the parts of a multipart/related answer."""
    for body in bodies:
        yield f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + body + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _described(file: bytes, instance_uid: str) -> dict[str, Any]:
    dataset = _read(file, stop_before_pixels=True)

    def elsewhere(element: Any) -> str:
        return f"instances/{instance_uid}/bulk/{element.tag.group:04x}{element.tag.element:04x}"

    described: dict[str, Any] = dataset.to_json_dict(bulk_data_threshold=INLINE, bulk_data_element_handler=elsewhere)
    if dataset.get("Rows"):
        described[PIXEL_DATA] = {"vr": "OW", "BulkDataURI": f"instances/{instance_uid}/bulk/{PIXEL_DATA.lower()}"}
    return described


def _read(file: bytes, *, stop_before_pixels: bool) -> pydicom.FileDataset:
    try:
        dataset = pydicom.dcmread(io.BytesIO(file), stop_before_pixels=stop_before_pixels)
        dataset.file_meta.setdefault("TransferSyntaxUID", ImplicitVRLittleEndian)
    except (pydicom.errors.InvalidDicomError, RecursionError, ValueError, KeyError, AttributeError) as error:
        raise Broken("The archive holds a file that cannot be read.") from error
    return dataset
