"""Which objects a person must look at before they leave: pixels may show a name, or a face (PS3.15 E.3.1, E.3.2)."""

import re
from typing import Any

from pydicom.dataset import Dataset

from sidecar.deidentification.model import Risk
from sidecar.deidentification.pixels import overlay_inside

IMAGES = "1.2.840.10008.5.1.4.1.1."
CT_AND_MR = frozenset(IMAGES + tail for tail in ("2", "2.1", "2.2", "4", "4.1", "4.3", "4.4"))
PLAIN = CT_AND_MR | frozenset(
    IMAGES + tail
    for tail in ("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "20", "128", "128.1", "130", "4.2", "481.1",
                 "13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5", "30", "481.2", "66", "66.1")
)  # fmt: skip
"""CR, DX, MG, IO, NM, PET, RT image and dose, breast and X-ray tomography, parametric maps, registrations: their own
pixels only. Everything that is in no set here is unknown, and held."""
ULTRASOUND = frozenset(IMAGES + tail for tail in ("3", "3.1", "6", "6.1", "6.2", "6.3"))
FLUOROSCOPY = frozenset(IMAGES + tail for tail in ("12.1", "12.1.1", "12.2", "12.2.1", "12.3"))
CAPTURES = frozenset(IMAGES + tail for tail in ("7", "7.1", "7.2", "7.3", "7.4"))
PHOTOGRAPHS = (IMAGES + "77.1.", IMAGES + "77.2")
PHOTOGRAPHING = frozenset({"ES", "XC", "OP", "GM", "SM", "OT", "DG", "HC", "DMS"})
DOCUMENTS = (IMAGES + "104.", IMAGES + "88.", IMAGES + "11.", IMAGES + "9.", IMAGES + "200.", IMAGES + "481.")
"""Encapsulated documents, reports and key object notes, presentation states, waveforms, CTs with words: text throughout."""

HEAD = re.compile(r"head|skull|brain|face|facial|cranium|cerebr|crani|orbit|sinus|mandib|maxill|neuro|kopf|sch[aä]del|hirn|"
                  r"t[eê]te|cr[aâ]ne|cabeza|cr[aá]neo|cerebro|jaw|dental|stroke", re.IGNORECASE)  # fmt: skip
WHERE = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName", "RequestedProcedureDescription")


def of(dataset: Dataset, *, hold_heads: bool) -> frozenset[Risk]:
    """Return why this object must be looked at; nothing when it may leave as cleaned."""
    found = {_by_class(_text(dataset, "SOPClassUID"), _text(dataset, "Modality"), dataset)}
    if _text(dataset, "BurnedInAnnotation").upper() == "YES":
        found.add(Risk.BURNED_IN)
    if _captured(dataset):
        found.add(Risk.CAPTURE)
    if hold_heads and shows_face(dataset):
        found.add(Risk.FACE)
    if overlay_inside(dataset):
        found.add(Risk.HIDDEN_OVERLAY)
    return frozenset(found - {None})  # type: ignore[arg-type]


def shows_face(dataset: Dataset) -> bool:
    """Say whether a face could be made out of this: CT and MR of a head (PS3.15 E.3.2)."""
    if _text(dataset, "SOPClassUID") not in CT_AND_MR:
        return False
    regions = [_text(item, "CodeMeaning") for item in dataset.get("AnatomicRegionSequence") or []]
    return any(HEAD.search(text) for text in [*(_text(dataset, name) for name in WHERE), *regions])


def _by_class(sop_class: str, modality: str, dataset: Dataset) -> Risk | None:
    if sop_class in ULTRASOUND or modality in {"US", "IVUS"}:
        return Risk.ULTRASOUND
    if sop_class in CAPTURES:
        return Risk.CAPTURE
    if sop_class.startswith(PHOTOGRAPHS) or modality in PHOTOGRAPHING:
        return Risk.PHOTOGRAPH
    if sop_class in FLUOROSCOPY:
        return None if _text(dataset, "BurnedInAnnotation").upper() == "NO" else Risk.FLUOROSCOPY
    if sop_class in PLAIN:
        return None
    return Risk.DOCUMENT if sop_class.startswith(DOCUMENTS) else Risk.UNKNOWN_CLASS


def _captured(dataset: Dataset) -> bool:
    """Say whether somebody's screen made the image (Image Type (0008,0008), Conversion Type (0008,0064))."""
    kinds = [str(each).upper() for each in _many(dataset.get("ImageType"))]
    screen = {"SCREEN SAVE", "SCREENSAVE", "SCREENSHOT", "CAPTURE", "SECONDARY_CAPTURE", "SCREEN_CAPTURE"}
    workstation = _text(dataset, "ConversionType").upper() in {"WSD", "DV", "DI", "DF", "DRW", "SYN", "SI", "SD"}
    return kinds[:2] == ["DERIVED", "SECONDARY"] or bool(screen & set(kinds)) or workstation


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return " ".join(str(each) for each in _many(value))


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__") else list(value)
