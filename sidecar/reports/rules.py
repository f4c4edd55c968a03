"""Pure rules of reports: what text is, when a report may be signed, what exactly the signature binds."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sidecar.kernel.canonical import canonical
from sidecar.kernel.errors import Invalid
from sidecar.reports.model import SECTIONS, Check, Content, Meaning, ReportStatus, Section, Sections
from sidecar.studies.model import Arrival, Status

SECTION_LIMIT = 20_000
"""Characters per section: some ten printed pages."""
SAVED_INTERVAL = timedelta(minutes=5)
"""How often the journal hears that a draft is being written."""

FORMAT = 2
"""Of a content: from 2 on, a version bears a signature by a key (see ``reports.authority``)."""

NEW_LINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")

TRANSITIONS = {ReportStatus.DRAFT: frozenset({ReportStatus.DRAFT, ReportStatus.FINAL}), ReportStatus.FINAL: frozenset()}


def may_become(now: ReportStatus, then: ReportStatus) -> bool:
    """Say whether a report in one state may go to another. Nothing leaves ``final``."""
    return then in TRANSITIONS[now]


def clean_sections(given: Any) -> Sections:
    """Return all sections as plain text: line ends become LF, control characters (no text) go. Invalid when it is not text."""
    if not isinstance(given, Mapping) or not set(given) <= set(SECTIONS):
        raise Invalid(f"sections must be an object with only these keys: {', '.join(SECTIONS)}")
    return {section.value: _clean(section, given.get(section, "")) for section in SECTIONS}


def _clean(section: Section, text: Any) -> str:
    if not isinstance(text, str):
        raise Invalid(f"the section {section} must be text")
    if len(text) > SECTION_LIMIT:
        raise Invalid(f"The section {section} is longer than {SECTION_LIMIT} characters.")
    return NOT_TEXT.sub("", NEW_LINES.sub("\n", text))


def clean_meaning(given: Any) -> Meaning:
    """Return the meaning of a signature, or raise Invalid."""
    try:
        return Meaning(given)
    except ValueError as error:
        raise Invalid(f"meaning must be one of: {', '.join(Meaning)}") from error


def checks(*, arrival: str, instance_count: int, sections: Mapping[str, str], status: str) -> list[Check]:
    """Answer what is asked before signing, in the order it is shown. A report may be signed when every check passed."""
    complete = arrival == Arrival.COMPLETE and instance_count > 0
    impression = bool(sections.get(Section.IMPRESSION, "").strip())
    draft = may_become(ReportStatus(status), ReportStatus.FINAL)
    return [
        Check("images", complete, f"All {instance_count} images are here" if complete else "Images are still arriving"),
        Check("impression", impression, "Impression is written" if impression else "The impression is empty"),
        Check("draft", draft, "Not signed yet" if draft else "This report is signed already"),
    ]


def stage(*, arrival: str, status: str) -> int:
    """Return how far a study is on its way: 0 arriving, 1 received, 2 being read, 3 preliminary, 4 final."""
    reading = {Status.READING: 2, Status.PRELIMINARY: 3, Status.FINAL: 4}.get(Status(status))
    if reading is not None:
        return reading
    return 0 if arrival == Arrival.ARRIVING else 1


def worth_a_line(last_saved: datetime, now: datetime, *, first: bool) -> bool:
    """Say whether this save is told to the journal: the first one, and then one per interval of writing."""
    return first or now - last_saved >= SAVED_INTERVAL


def sign_content(
    identification: Mapping[str, Any], sections: Sections, *, signer: Mapping[str, str], at: datetime, meaning: Meaning
) -> Content:
    """Return what the signature binds: whose study, which report, every word, who signs, when (UTC) and meaning what."""
    return {
        "format": FORMAT,
        **identification,
        "sections": {section.value: sections[section] for section in SECTIONS},
        "signature": {**signer, "signed_at": at.astimezone(UTC).isoformat(timespec="milliseconds"), "meaning": meaning.value},
    }


def signed_bytes(content: Mapping[str, Any]) -> bytes:
    """Return the bytes a signature is over, the content's canonical JSON: report, study, patient, text, signer, time, meaning."""
    return canonical(content).encode()


def content_hash(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of what is signed."""
    return hashlib.sha256(signed_bytes(content)).hexdigest()


def is_bound(content: Mapping[str, Any], *, claimed_hash: str, report_id: str, version: int, signer_id: str) -> bool:
    """Say whether a stored version still is what was signed, and sits where it was signed (21 CFR 11.70)."""
    return (
        content_hash(content) == claimed_hash
        and content["report"] == {"id": report_id, "version": version}
        and content["signature"]["signer_id"] == signer_id
    )
