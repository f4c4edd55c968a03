"""Words of a report's life, and the content that a signature binds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Section(StrEnum):
    """The parts of a report in the order they are written and printed."""

    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    FINDINGS = "findings"
    IMPRESSION = "impression"
    RECOMMENDATION = "recommendation"


SECTIONS = tuple(Section)

Sections = dict[str, str]
"""Text by section name; every section is present, "" when empty."""


class ReportStatus(StrEnum):
    """Of reports and of their addenda: a draft may change, what is final never does."""

    DRAFT = "draft"
    FINAL = "final"


class Meaning(StrEnum):
    """What the signer states by signing (21 CFR 11.50(a)(3))."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    APPROVAL = "approval"


MEANING_WORDS = {
    Meaning.AUTHOR: "Author of this final report",
    Meaning.REVIEWER: "Reviewer of this final report",
    Meaning.APPROVAL: "Approval of this final report",
}


class Purpose(StrEnum):
    """What an addendum is for."""

    ADDENDUM = "addendum"
    CORRECTION = "correction"


PURPOSE_WORDS = {
    Purpose.ADDENDUM: "Adds to the report",
    Purpose.CORRECTION: "Corrects the report",
}
PURPOSE_NAMES = {Purpose.ADDENDUM: "Addendum", Purpose.CORRECTION: "Correction"}

ADDENDUM_MEANING_WORDS = {
    Meaning.AUTHOR: "Author of this addendum",
    Meaning.REVIEWER: "Reviewer of this addendum",
    Meaning.APPROVAL: "Approval of this addendum",
}


class Standing(StrEnum):
    """What a signed version is, in the words of FHIR R4 DiagnosticReport.status."""

    FINAL = "final"
    APPENDED = "appended"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked before signing. ``text`` says what is so, and when it failed what to do."""

    name: str
    passed: bool
    text: str


Content = dict[str, Any]
"""What is signed: identification, sections and signature as plain JSON values. Built by ``rules.content``."""
