"""Attribute matching of queries (PS3.4 section C.2.2.2), as the modality worklist asks (annex K). Pure.

Queries and records map DICOM keywords to text; sequences to lists of such mappings; an empty key to "" or None.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

Attributes = Mapping[str, Any]

ABOUT_THE_QUERY = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC", "QueryRetrieveLevel"})
"""Elements of a query that say how to read it, and match nothing."""
_DATES = frozenset({"ScheduledProcedureStepStartDate", "PatientBirthDate"})
_TIMES = frozenset({"ScheduledProcedureStepStartTime"})
_NAMES = frozenset({"PatientName", "ReferringPhysicianName"})
_EXACT = frozenset({"StudyInstanceUID"})
_LAST_TIME = "235959.999999"


def matches(query: Attributes, record: Attributes) -> bool:
    """Say whether a record has what a query asks. A key the record's kind does not have is no condition: it is optional."""
    return all(_holds(keyword, wanted, record) for keyword, wanted in query.items())


def _holds(keyword: str, wanted: Any, record: Attributes) -> bool:
    if keyword in ABOUT_THE_QUERY or keyword not in record or not wanted:
        return True
    held = record[keyword]
    if isinstance(wanted, list):  # sequence matching: one item of the record has what the query's one item asks
        return any(matches(wanted[0], item) for item in held)
    values = str(wanted).split("\\")
    return any(_one(keyword, value.strip(), str(held)) for value in values)


def _one(keyword: str, wanted: str, held: str) -> bool:
    """Match one value; several of them in a key are alternatives."""
    if wanted.strip("*") == "":
        return True  # universal matching
    if keyword in _EXACT:
        return wanted == held
    if keyword in _DATES:
        return _in_range(wanted.replace(".", ""), held, "99999999")  # 1998.04.01 is how ACR-NEMA wrote dates
    if keyword in _TIMES:
        return _in_range(wanted.replace(":", ""), held, _LAST_TIME)
    if keyword in _NAMES:
        return _name(wanted, held)
    return _like(wanted, held.strip())


def _in_range(wanted: str, held: str, last: str) -> bool:
    """Range matching (section C.2.2.2.5): both ends included, either may be open; a short time means all of it."""
    if not held:
        return False
    first, dash, end = (part.strip() for part in wanted.partition("-"))
    if not dash:
        end = first
    end = end + last[len(end) :] if end else last
    return first <= held <= end


def _name(wanted: str, held: str) -> bool:
    """Person names: whatever the case and the empty parts at the end; by each component group, or all of them together."""
    asked = _folded(wanted)
    groups = [_folded(group) for group in held.split("=")]
    return any(_like(asked, each) for each in (*groups, "=".join(groups)))


def _folded(text: str) -> str:
    groups = unicodedata.normalize("NFKC", text).casefold().split("=")
    return "=".join(group.strip().rstrip("^ ") for group in groups).rstrip("=")


def _like(wanted: str, held: str) -> bool:
    """Wildcards (section C.2.2.2.4): * any signs, ? one. The last * gives way first: no pattern takes longer than n times m."""
    at = here = 0
    star, resume = -1, 0
    while here < len(held):
        if at < len(wanted) and wanted[at] == "*":
            star, resume = at, here
            at += 1
        elif at < len(wanted) and wanted[at] in {"?", held[here]}:
            at, here = at + 1, here + 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return wanted[at:].strip("*") == ""
