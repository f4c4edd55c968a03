"""What may be chosen, what stops an image, what a person decides, and the stages of an export."""

from dataclasses import dataclass
from enum import StrEnum


class Option(StrEnum):
    """The named options of PS3.15 E.3 that are offered. The value is the column of ``table_e1_1.csv`` where it has one."""

    GRAPHICS = "graphics"
    DESCRIPTORS = "descriptors"
    MODIFIED_DATES = "modified_dates"
    PATIENT = "patient"
    DEVICE = "device"
    UIDS = "uids"
    SAFE_PRIVATE = "safe_private"


BASIC_CODE = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXELS_CODE = ("113101", "Clean Pixel Data Option")
CODES: dict[Option, tuple[str, str]] = {
    Option.GRAPHICS: ("113103", "Clean Graphics Option"),
    Option.DESCRIPTORS: ("113105", "Clean Descriptors Option"),
    Option.MODIFIED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Option.PATIENT: ("113108", "Retain Patient Characteristics Option"),
    Option.DEVICE: ("113109", "Retain Device Identity Option"),
    Option.UIDS: ("113110", "Retain UIDs Option"),
    Option.SAFE_PRIVATE: ("113111", "Retain Safe Private Option"),
}
"""PS3.16 CID 7050, De-identification Method: code value and meaning, scheme DCM."""


class Risk(StrEnum):
    """Why an image is held for a person to look at: what its pixels or its content may say of the patient."""

    BURNED_IN = "burned-in"
    ULTRASOUND = "ultrasound"
    FLUOROSCOPY = "fluoroscopy"
    CAPTURE = "capture"
    PHOTOGRAPH = "photograph"
    FACE = "face"
    HIDDEN_OVERLAY = "hidden-overlay"
    DOCUMENT = "document"
    UNKNOWN_CLASS = "unknown-class"
    UNREADABLE = "unreadable"
    RESIDUE = "residue"


SHUT = frozenset({Risk.DOCUMENT, Risk.UNREADABLE, Risk.UNKNOWN_CLASS})
"""What cannot be cleaned by blacking out: such an object may only be left out."""


class Decision(StrEnum):
    """What a person said of a held image."""

    RELEASE = "release"
    MASK = "mask"
    DROP = "drop"


class ExportState(StrEnum):
    """The stages of an export. HELD waits for people; the last three are its end."""

    WAITING = "waiting"
    WORKING = "working"
    HELD = "held"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Pixels to black out, in every frame: columns ``left`` to ``right``, rows ``top`` to ``bottom``, ends not included."""

    left: int
    top: int
    right: int
    bottom: int
