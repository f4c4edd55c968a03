"""Pure rules of reports: what text is, when a report may be signed, what exactly the signature binds."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sidecar.kernel.canonical import canonical
from sidecar.kernel.errors import Invalid
from sidecar.reports.model import (
    ADDENDUM_MEANING_WORDS,
    MEANING_WORDS,
    SECTIONS,
    Check,
    Content,
    Meaning,
    Purpose,
    ReportStatus,
    Section,
    Sections,
    Standing,
)
from sidecar.studies.model import Arrival, Status

SECTION_LIMIT = 20_000
"""Characters per section: some ten printed pages."""
SAVED_INTERVAL = timedelta(minutes=5)
"""How often the journal hears that a draft is being written."""

FORMAT = 2
"""Of a content: from 2 on, a version bears a signature by a key (see ``reports.authority``)."""
APPENDED_FORMAT = 3
"""Of a content with addenda."""

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
    return clean_text(text)


def clean_text(text: str) -> str:
    """Return plain text: line ends become LF, control characters (no text) go."""
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
    whole = "The one image is here" if instance_count == 1 else f"All {instance_count} images are here"
    impression = bool(sections.get(Section.IMPRESSION, "").strip())
    draft = may_become(ReportStatus(status), ReportStatus.FINAL)
    return [
        Check("images", complete, whole if complete else "Images are still arriving"),
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


def append_content(
    before: Content, addendum: Mapping[str, Any], *, signer: Mapping[str, str], at: datetime, meaning: Meaning
) -> Content:
    """Return the content of the next version: all that was signed before, untouched, and one more addendum.

    ``addendum``: its id, purpose and text, and what images there were. The version is signed by the addendum's signer; whoever
    signed the report stays under ``original_signature``. It names the version it follows by its hash.
    """
    signature = {**signer, "signed_at": at.astimezone(UTC).isoformat(timespec="milliseconds"), "meaning": meaning.value}
    number = before["report"]["version"]
    return {
        **before,
        "format": APPENDED_FORMAT,
        "report": {**before["report"], "version": number + 1},
        "original_signature": original_signature(before),
        "supersedes": {"version": number, "content_hash": content_hash(before)},
        "addenda": [*before.get("addenda", ()), {**addendum, "signature": signature}],
        "signature": signature,
    }


def continues(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether a version is the one before it and one addendum more, word for word."""
    own = {"format", "report", "original_signature", "supersedes", "addenda", "signature"}
    kept = [{name: value for name, value in each.items() if name not in own} for each in (before, after)]
    return (
        kept[0] == kept[1]
        and len(after["addenda"]) == len(before.get("addenda", ())) + 1
        and after["addenda"][:-1] == before.get("addenda", [])
        and after["original_signature"] == original_signature(before)
        and after["supersedes"] == {"version": before["report"]["version"], "content_hash": content_hash(before)}
    )


def original_signature(content: Mapping[str, Any]) -> dict[str, str]:
    """Return who signed the report itself, of any of its versions."""
    found: dict[str, str] = content.get("original_signature", content["signature"])
    return found


def standing(content: Mapping[str, Any]) -> Standing:
    """Return what a version is: one correction among its addenda makes it a corrected one."""
    purposes = {each["purpose"] for each in content.get("addenda", ())}
    if Purpose.CORRECTION in purposes:
        return Standing.CORRECTED
    return Standing.APPENDED if purposes else Standing.FINAL


def meaning_words(content: Mapping[str, Any]) -> str:
    """Return what a version's signer states: of the report, or of the addendum that made this version."""
    words = ADDENDUM_MEANING_WORDS if content.get("addenda") else MEANING_WORDS
    return words[Meaning(content["signature"]["meaning"])]


def images_seen(content: Mapping[str, Any]) -> int:
    """Return how many images there were at a version's signing."""
    told = content["addenda"][-1] if content.get("addenda") else content["study"]
    return int(told["NumberOfStudyRelatedInstances"])


def clean_addendum(text: str) -> str:
    """Return an addendum's text as it is stored; Invalid when it is too long."""
    if len(text) > SECTION_LIMIT:
        raise Invalid(f"An addendum is not longer than {SECTION_LIMIT} characters.")
    return clean_text(text)


def addendum_checks(*, text: str, status: str) -> list[Check]:
    """Answer what is asked before an addendum is signed. Images that still come do not hinder it: a correction cannot wait."""
    written, draft = bool(text.strip()), status == ReportStatus.DRAFT
    return [
        Check("text", written, "The addendum is written" if written else "The addendum is empty"),
        Check("draft", draft, "Not signed yet" if draft else "This addendum is signed already"),
    ]


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
