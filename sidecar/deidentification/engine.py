"""Carrying the profile out on one dataset (PS3.15 E.1.1), in place, at every depth.

Beyond the table: what the dictionary does not know goes, and names, dates, addresses, free text and self-made UIDs in
attributes that the table does not name are treated by their value representation. A value whose representation is not
the dictionary's goes too: it is not the attribute it claims to be.
"""

from dataclasses import dataclass

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from sidecar.deidentification import identity, values
from sidecar.deidentification.model import Option
from sidecar.deidentification.profile import REPEATING_GROUPS, Action, Verdict, verdict
from sidecar.deidentification.pseudonyms import Pseudonyms
from sidecar.deidentification.safe_private import NUMBERS_AND_CODES, SAFE
from sidecar.deidentification.vocabulary import cleaned

FREE_TEXT = frozenset({"LT", "ST", "UT", "AE"})
"""Representations that people fill by hand, or that name a machine in the house."""
DATES = frozenset({"DA", "DT", "TM"})
DESCRIBING = frozenset({"LO", "SH", "LT", "ST", "UT", "UC"})
ADDRESSES = frozenset({"UC", "UR"})
CODING = frozenset({0x00080119, 0x00080120, 0x0008010E})
"""Long Code Value, URN Code Value, Coding Scheme URL: code systems', nobody's text."""


@dataclass(frozen=True, slots=True)
class Deidentifier:
    """The profile with chosen options, under one project's key."""

    options: frozenset[Option]
    pseudonyms: Pseudonyms

    def clean(self, dataset: Dataset) -> None:
        """Remove or replace all that the profile says. What the object is about is read from it first."""
        patient = identity.patient_of(dataset)
        work = _Work(self, identity.words_of(dataset), self.pseudonyms.days(patient))
        work.walk(dataset)
        dataset.PatientName = dataset.PatientID = self.pseudonyms.patient(patient)


@dataclass(frozen=True, slots=True)
class _Work:
    """One object under work: the words that name its patient, and by how many days its dates move."""

    how: Deidentifier
    words: frozenset[str]
    days: int

    def walk(self, dataset: Dataset) -> None:
        kept_blocks: set[tuple[int, int]] = set()
        for tag in sorted(dataset.keys(), reverse=True):  # a private creator comes before, is looked at after, its block
            if tag.is_private:
                self._private(dataset, tag, kept_blocks)
            elif self._hopeless(dataset, tag):
                del dataset[tag]
            else:
                self._public(dataset, dataset[tag])

    def _hopeless(self, dataset: Dataset, tag: BaseTag) -> bool:
        return tag.element == 0 or tag.group & 0xFF00 in REPEATING_GROUPS or identity.readable(dataset, tag) is None

    def _private(self, dataset: Dataset, tag: BaseTag, kept_blocks: set[tuple[int, int]]) -> None:
        if tag.is_private_creator:
            if (tag.group, tag.element) not in kept_blocks:
                del dataset[tag]
            return
        element = identity.readable(dataset, tag)
        if Option.SAFE_PRIVATE in self.how.options and element is not None and self._safe(element):
            kept_blocks.add((tag.group, tag.element >> 8))
        else:
            del dataset[tag]

    def _safe(self, element: DataElement) -> bool:
        known = (element.private_creator, element.tag.group, element.tag.element & 0xFF) in SAFE
        telling = (text.lower().strip() in self.words for text in identity.texts(element))
        return known and element.VR in NUMBERS_AND_CODES and not any(telling)

    def _public(self, dataset: Dataset, element: DataElement) -> None:
        ruling = verdict(element.tag, self.how.options) or self._unnamed(element)
        action = ruling.wanted
        if action is Action.CLEAN:
            action = Action.KEEP if self._cleaned(element, ruling) else _certain(ruling.otherwise)
        if action in {Action.KEEP, Action.UID} and not _as_registered(element):
            action = Action.REMOVE
        self._carry_out(dataset, element, action)

    def _unnamed(self, element: DataElement) -> Verdict:
        """Rule on an attribute that the table does not name."""
        if element.tag in CODING:
            return Verdict(Action.KEEP, Action.KEEP)
        if element.VR in DATES and Option.MODIFIED_DATES in self.how.options:
            return Verdict(Action.CLEAN, Action.EMPTY, Option.MODIFIED_DATES)
        if element.VR == "PN" or element.VR in DATES or element.VR in FREE_TEXT or element.VR in ADDRESSES:
            return Verdict(Action.EMPTY, Action.EMPTY)
        if element.VR == "UI":
            wanted = Action.KEEP if Option.UIDS in self.how.options else Action.UID
            return Verdict(wanted, wanted)
        wanted = Action.REMOVE if element.VR == "UN" else Action.KEEP
        return Verdict(wanted, wanted)

    def _cleaned(self, element: DataElement, ruling: Verdict) -> bool:
        """Clean a value; say whether there is anything left to keep."""
        if ruling.option is Option.MODIFIED_DATES and element.VR in DATES:
            return self._shift(element)
        if ruling.option in {Option.DESCRIPTORS, Option.PATIENT} and element.VR in DESCRIBING:
            element.value = " ".join(filter(None, (cleaned(text, self.words) for text in identity.texts(element))))[:64]
            return bool(element.value)
        return False

    def _shift(self, element: DataElement) -> bool:
        if element.VR == "TM":
            return True
        moved = [values.shifted(text, self.days) for text in identity.texts(element)]
        if not moved or not all(moved):
            return False
        element.value = moved if len(moved) > 1 else moved[0]
        return True

    def _carry_out(self, dataset: Dataset, element: DataElement, action: Action) -> None:
        if action is Action.REMOVE:
            del dataset[element.tag]
        elif action is Action.EMPTY:
            values.empty(element)
        elif action is Action.DUMMY:
            self._dummy(dataset, element)
        elif element.VR == "SQ":  # kept, or kept with UIDs replaced: what is inside is judged by itself
            for item in element.value:
                self.walk(item)
        elif action is Action.UID:
            self._replace_uids(element)
        elif element.VR == "AS":
            element.value = values.capped(str(element.value or ""))

    def _dummy(self, dataset: Dataset, element: DataElement) -> None:
        if element.VR == "UI":
            self._replace_uids(element)
        elif element.VR == "SQ":
            del element.value[1:]
            for item in element.value:
                self.walk(item)
                for inner in list(item):
                    self._dummy(item, inner)
        elif element.VR in values.DUMMIES:
            element.value = values.DUMMIES[element.VR]
        else:
            del dataset[element.tag]

    def _replace_uids(self, element: DataElement) -> None:
        uid = self.how.pseudonyms.uid
        new = [text if identity.registered(text) else uid(text) for text in identity.texts(element) if text]
        element.value = new if len(new) > 1 else (new or [""])[0]


def _certain(action: Action) -> Action:
    """Return an action that needs no judgement."""
    return Action.REMOVE if action in {Action.CLEAN, Action.KEEP} else action


def _as_registered(element: DataElement) -> bool:
    """Say whether the element has the value representation of the data dictionary (PS3.6)."""
    try:
        return str(element.VR) in dictionary_VR(element.tag).replace(" or ", " ").split() or " or " in str(element.VR)
    except KeyError:
        return False
