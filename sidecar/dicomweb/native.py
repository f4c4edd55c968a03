"""The DICOM JSON model (PS3.18 annex F) written as the Native DICOM Model (PS3.19 A.1), for clients that ask for XML."""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from pydicom.datadict import keyword_for_tag

from sidecar.kernel.errors import Broken

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 cannot say in any way; names hold whatever some device once wrote."""


def native(dataset: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return one dataset as an XML document."""
    root = Element("NativeDicomModel", {"xmlns": NAMESPACE, "xml:space": "preserve"})
    try:
        _fill(root, dataset)
        written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    except RecursionError as error:
        raise Broken("an image's sequences are nested too deep to be written as XML") from error
    return written


def multipart(datasets: Iterable[Mapping[str, Mapping[str, Any]]]) -> tuple[Iterator[bytes], str]:
    """Return the datasets as multipart/related, one part each (PS3.18 §8.7.1), written as they are asked for, and its type."""
    boundary = uuid.uuid4().hex
    return _parts(datasets, boundary), f'multipart/related; type="application/dicom+xml"; boundary={boundary}'


def _parts(datasets: Iterable[Mapping[str, Mapping[str, Any]]], boundary: str) -> Iterator[bytes]:
    head = f"--{boundary}\r\nContent-Type: application/dicom+xml\r\n\r\n".encode()
    for each in datasets:
        yield head + native(each) + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _fill(parent: Element, dataset: Mapping[str, Mapping[str, Any]]) -> None:
    for tag, attribute in sorted(dataset.items()):
        vr = attribute["vr"]
        element = SubElement(parent, "DicomAttribute", {"tag": tag, "vr": vr})
        if keyword := keyword_for_tag(int(tag, 16)):
            element.set("keyword", keyword)
        if creator := _creator(dataset, tag):
            element.set("privateCreator", _plain(creator))
        _values(element, vr, attribute.get("Value", ()))
        if "BulkDataURI" in attribute:
            SubElement(element, "BulkData", {"uri": attribute["BulkDataURI"]})
        if "InlineBinary" in attribute:
            SubElement(element, "InlineBinary").text = attribute["InlineBinary"]


def _creator(dataset: Mapping[str, Mapping[str, Any]], tag: str) -> str:
    """Return who reserved the block that a private element is in (PS3.5 §7.8.1), "" for others."""
    if int(tag[3], 16) % 2 == 0 or tag[4:6] == "00":
        return ""
    return str(next(iter(dataset.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value", ())), ""))


def _values(element: Element, vr: str, values: Sequence[Any]) -> None:
    for number, value in enumerate(values, start=1):
        place = {"number": str(number)}
        if value is None:  # one of several is empty: the others keep their numbers
            continue
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
