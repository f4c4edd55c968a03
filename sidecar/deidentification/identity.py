"""Who an object is about, and which of its words would say so: for pseudonyms, for cleaning, and for the last look."""

import re
from collections.abc import Iterator

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

IDENTIFIERS = frozenset(
    {
        "PatientID",
        "OtherPatientIDs",
        "AccessionNumber",
        "AdmissionID",
        "PatientBirthDate",
        "PatientAddress",
        "PatientTelephoneNumbers",
        "InstitutionName",
        "InstitutionAddress",
        "MilitaryRank",
        "MedicalRecordLocator",
        "IssuerOfPatientID",
        "FillerOrderNumberImagingServiceRequest",
        "PlacerOrderNumberImagingServiceRequest",
        "ServiceEpisodeID",
        "PatientMotherBirthName",
        "PatientBirthName",
        "StudyID",
    }
)
"""Keywords whose value as a whole points at one person or one place."""
SHORTEST_NAME, SHORTEST_NUMBER = 3, 5
"""Characters. Shorter ones are found everywhere by chance."""


def elements(dataset: Dataset) -> Iterator[DataElement]:
    """Give every readable element at every depth."""
    for tag in list(dataset.keys()):
        element = readable(dataset, tag)
        if element is None:
            continue
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from elements(item)


def readable(dataset: Dataset, tag: int) -> DataElement | None:
    """Return an element, or None when its bytes are not what its value representation promises."""
    try:
        return dataset[tag]
    except (ValueError, TypeError, KeyError, NotImplementedError, AttributeError, ArithmeticError, LookupError):
        return None


def texts(element: DataElement) -> list[str]:
    """Return an element's values as text; none for bytes and sequences."""
    if element.VR == "SQ" or isinstance(element.value, bytes) or element.value is None:
        return []
    many = element.value if element.VM > 1 else [element.value]
    return [str(each) for each in many]


def patient_of(dataset: Dataset) -> str:
    """Return what makes a patient the same in several studies: issuer and Patient ID, else name and birth date."""
    said = {name: " ".join(texts(element)).strip() for name in _WHO if (element := _by_keyword(dataset, name)) is not None}
    if said.get("PatientID"):
        return f"{said.get('IssuerOfPatientID', '')}\0{said['PatientID']}"
    if said.get("PatientName"):
        return f"{said['PatientName'].upper()}\0{said.get('PatientBirthDate', '')}"
    return said.get("StudyInstanceUID", "")


_WHO = ("IssuerOfPatientID", "PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID")


def _by_keyword(dataset: Dataset, keyword: str) -> DataElement | None:
    tag = tag_for_keyword(keyword)
    return readable(dataset, tag) if tag is not None and tag in dataset else None


def words_of(dataset: Dataset) -> frozenset[str]:
    """Return the lower-case words of all names and identifiers in the object."""
    found: set[str] = set()
    for element in elements(dataset):
        if element.VR == "PN":
            parts = (part for text in texts(element) for part in re.split(r"[\s^=,.]+", text))
            found.update(part.lower() for part in parts if len(part) >= SHORTEST_NAME)
        elif element.keyword in IDENTIFIERS:
            found.update(text.lower().strip() for text in texts(element) if _telling(text.strip()))
    return frozenset(found)


def _telling(text: str) -> bool:
    return len(text) >= (SHORTEST_NUMBER if text.isdigit() else SHORTEST_NAME)


def own_uids(dataset: Dataset) -> frozenset[str]:
    """Return the UIDs that somebody made for this object's own world: not those the standard registers."""
    return frozenset(
        text for element in elements(dataset) if element.VR == "UI" for text in texts(element) if text and not registered(text)
    )


def registered(uid: str) -> bool:
    """Say whether a UID is the standard's: classes, transfer syntaxes, coding schemes, well-known frames of reference."""
    return UID(uid).name != uid or uid.startswith("1.2.840.10008.")
