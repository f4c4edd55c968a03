"""The DICOM JSON model (PS3.18 annex F) written as the Native DICOM Model (PS3.19 A.1), for clients that ask for XML."""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from pydicom.datadict import keyword_for_tag

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 cannot say in any way; names hold whatever some device once wrote."""


def native(dataset: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return one dataset as an XML document."""
    root = Element("NativeDicomModel", {"xmlns": NAMESPACE, "xml:space": "preserve"})
    _fill(root, dataset)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def multipart(datasets: Iterable[Mapping[str, Mapping[str, Any]]]) -> tuple[bytes, str]:
    """Return the datasets as multipart/related, one part each (PS3.18 §8.7.1), and the content type."""
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom+xml\r\n\r\n".encode()
    body = b"".join(head + native(each) + b"\r\n" for each in datasets) + f"--{boundary}--\r\n".encode()
    return body, f'multipart/related; type="application/dicom+xml"; boundary={boundary}'


def _fill(parent: Element, dataset: Mapping[str, Mapping[str, Any]]) -> None:
    for tag, attribute in sorted(dataset.items()):
        vr = attribute["vr"]
        element = SubElement(parent, "DicomAttribute", {"tag": tag, "vr": vr})
        if keyword := keyword_for_tag(int(tag, 16)):
            element.set("keyword", keyword)
        _values(element, vr, attribute.get("Value", ()))


def _values(element: Element, vr: str, values: Sequence[Any]) -> None:
    for number, value in enumerate(values, start=1):
        place = {"number": str(number)}
        if vr == "SQ":
            _fill(SubElement(element, "Item", place), value)
        elif vr == "PN":
            _name(SubElement(element, "PersonName", place), value)
        else:
            SubElement(element, "Value", place).text = _plain(str(value))


def _name(element: Element, groups: Mapping[str, str]) -> None:
    for group, name in groups.items():
        parts = SubElement(element, group)
        for component, text in zip(COMPONENTS, name.split("^"), strict=False):
            if text:
                SubElement(parts, component).text = _plain(text)


def _plain(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
