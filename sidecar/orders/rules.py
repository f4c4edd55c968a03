"""Pure rules of orders: texts as DICOM holds them, what may follow what, which order a study belongs to."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from sidecar.kernel.errors import Invalid
from sidecar.orders.model import Basis, Difference, OrderStatus, StudyFacts

SHORT, LONG, GROUP = 16, 64, 64
"""Characters of a Short String, of a Long String, of one component group of a Person Name (PS3.5 section 6.2)."""
COMPONENTS, GROUPS = 5, 3
"""Parts of a Person Name (PS3.5 section 6.2.1): family, given, middle, prefix, suffix; alphabetic, ideographic, phonetic."""

S = OrderStatus
TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    S.SCHEDULED: frozenset({S.ARRIVED, S.COMPLETED, S.CANCELLED}),
    S.ARRIVED: frozenset({S.SCHEDULED, S.COMPLETED, S.CANCELLED}),
    S.COMPLETED: frozenset(),
    S.CANCELLED: frozenset({S.SCHEDULED, S.ARRIVED}),
}
"""Which status may follow which. A completed order stays: its images exist."""


class Ordered(Protocol):
    """What an order is matched by."""

    study_instance_uid: str
    accession_number: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    modality: str
    status: str


Row = TypeVar("Row", bound=Ordered)


def text(written: str, longest: int) -> str:
    """Return a text as DICOM may hold it; raise Invalid saying what is wrong with it."""
    clean = unicodedata.normalize("NFC", written).strip()
    if len(clean) > longest:
        raise Invalid(f"At most {longest} characters; this has {len(clean)}.")
    if "\\" in clean or any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in clean):
        raise Invalid("Leave out backslashes and control characters.")
    return clean


def person_name(written: str) -> str:
    """Return a Person Name (PS3.5 section 6.2.1); "Family, Given" is understood. Raises Invalid."""
    clean = text(written, GROUP * GROUPS)
    if "^" not in clean and "=" not in clean:
        clean = "^".join(part.strip() for part in clean.split(",", 1))
    groups = clean.split("=")
    if len(groups) > GROUPS or any(len(group) > GROUP or group.count("^") >= COMPONENTS for group in groups):
        raise Invalid("Write the name as Family^Given, with at most five parts of 64 characters in all.")
    return "=".join(group.rstrip("^ ") for group in groups).rstrip("=")


def may_follow(current: OrderStatus, following: OrderStatus) -> bool:
    """Say whether an order in ``current`` may become ``following``."""
    return following in TRANSITIONS[current]


def find_order(study: StudyFacts, orders: Iterable[Row]) -> tuple[Row, Basis] | None:
    """Return the order a study belongs to and by what it was found, of those with its UID or accession number.

    The UID is ours, given to the modality with the worklist: it decides. Else the accession number does, and of several
    orders that share it the one for the same patient, alive, of a modality the study has. An order of another patient with
    the same number is found too: the contradiction must be seen (``contradicts``), not lost.
    """
    candidates = list(orders)
    for order in candidates:
        if order.study_instance_uid == study.study_instance_uid:
            return order, Basis.STUDY_INSTANCE_UID
    shared = [order for order in candidates if study.accession_number and order.accession_number == study.accession_number]
    if not shared:
        return None
    best = min(
        shared,
        key=lambda order: (
            order.patient_id != study.patient_id,
            order.status == OrderStatus.CANCELLED,
            order.modality not in study.modalities_in_study,
        ),
    )
    return best, Basis.ACCESSION_NUMBER


def differences(order: Ordered, study: StudyFacts) -> list[Difference]:
    """Return what the order and the images have differently; what one of them does not say is no difference."""
    pairs = [
        ("Patient ID", order.patient_id, study.patient_id),
        ("Patient name", order.patient_name, study.patient_name),
        ("Birth date", order.patient_birth_date, study.patient_birth_date),
        ("Sex", order.patient_sex, study.patient_sex),
        ("Accession number", order.accession_number, study.accession_number),
    ]
    found = [Difference(*pair) for pair in pairs if pair[1] and pair[2] and _plain(pair[1]) != _plain(pair[2])]
    if study.modalities_in_study and order.modality not in study.modalities_in_study:
        found.append(Difference("Modality", order.modality, "/".join(study.modalities_in_study)))
    return found


def contradicts(order: Ordered, study: StudyFacts) -> bool:
    """Say whether the order seems to be another person's: another Patient ID, or another name and birth date."""
    differing = {each.label for each in differences(order, study)}
    return "Patient ID" in differing or {"Patient name", "Birth date"} <= differing


def _plain(value: str) -> str:
    """Reduce a value to what two devices write alike: one case, no empty parts of a name at the end, the first group."""
    return unicodedata.normalize("NFKC", value).partition("=")[0].rstrip("^ ").strip().casefold()
