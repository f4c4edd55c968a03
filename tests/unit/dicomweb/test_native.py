from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sidecar.dicomweb.native import NAMESPACE, multipart, native
from sidecar.kernel.errors import Broken

DATASET: dict[str, Any] = {
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Sato^Haruka", "Ideographic": "佐藤^遥"}]},
    "00080008": {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]},
    "00090010": {"vr": "LO", "Value": ["ACME <1>"]},
    "00091001": {"vr": "OB", "InlineBinary": "AAEC"},
    "00091102": {"vr": "OB", "BulkDataURI": "bulk/00091102"},
    "00081140": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3"]}}, {}]},
    "7FE00010": {"vr": "OW", "BulkDataURI": "instances/1.2/bulk/7fe00010"},
}


def attributes(written: bytes) -> dict[str, ET.Element]:
    root = ET.fromstring(written)  # noqa: S314 - our own writing
    assert root.tag == f"{{{NAMESPACE}}}NativeDicomModel"
    return {each.attrib["tag"]: each for each in root}


def test_values_binaries_and_items_stand_where_the_model_has_them() -> None:
    found = attributes(native(DATASET))
    name = {"n": NAMESPACE}
    assert found["00100010"].attrib["keyword"] == "PatientName"
    assert found["00100010"].findtext("n:PersonName/n:Ideographic/n:FamilyName", namespaces=name) == "佐藤"
    assert [(each.attrib["number"], each.text) for each in found["00080008"]] == [("1", "ORIGINAL"), ("3", "AXIAL")]
    assert found["7FE00010"].find("n:BulkData", name).attrib == {"uri": "instances/1.2/bulk/7fe00010"}  # type: ignore[union-attr]
    assert found["00091001"].findtext("n:InlineBinary", namespaces=name) == "AAEC"
    assert [found[tag].get("privateCreator") for tag in ("00090010", "00091001", "00091102", "7FE00010")] == [
        None, "ACME <1>", None, None,
    ]  # fmt: skip
    assert found["00081140"].findtext("n:Item[@number='1']/n:DicomAttribute/n:Value", namespaces=name) == "1.2.3"
    assert len(found["00081140"]) == 2


def test_parts_are_written_one_by_one() -> None:
    parts, content_type = multipart(iter([DATASET, {}]))
    boundary = content_type.rpartition("=")[2]
    body = b"".join(parts)
    assert body.count(f"--{boundary}\r\nContent-Type: application/dicom+xml\r\n\r\n".encode()) == 2
    assert body.endswith(f"\r\n--{boundary}--\r\n".encode())


def test_what_is_nested_without_end_is_said_to_be_broken() -> None:
    dataset: dict[str, Any] = {}
    for _ in range(5000):
        dataset = {"00081140": {"vr": "SQ", "Value": [dataset]}}
    with pytest.raises(Broken):
        native(dataset)
