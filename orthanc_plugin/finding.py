"""What a reading context may ask of /tools/find and /tools/count-resources: read strictly, never passed on as it came."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LEVELS = {"Patient": "patients", "Study": "studies", "Series": "series", "Instance": "instances"}
MAXIMUM = 1000
"""Results of one answer at most."""
MAXIMUM_BODY = 16 * 1024
MAXIMUM_VALUE = 1024
_KEYWORDS = {
    "Study": {"PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyID"}
    | {"AccessionNumber", "StudyDescription", "ReferringPhysicianName", "ModalitiesInStudy"},
    "Series": {"SeriesInstanceUID", "Modality", "SeriesDescription", "SeriesNumber", "SeriesDate", "BodyPartExamined"},
    "Instance": {"SOPInstanceUID", "InstanceNumber"},
}
_QUERY = {
    "Patient": _KEYWORDS["Study"],
    "Study": _KEYWORDS["Study"],
    "Series": _KEYWORDS["Study"] | _KEYWORDS["Series"],
    "Instance": _KEYWORDS["Study"] | _KEYWORDS["Series"] | _KEYWORDS["Instance"],
}
_TYPES = {"Expand": bool, "Full": bool, "Short": bool, "CaseSensitive": bool, "Limit": int, "Since": int}


class MalformedError(ValueError):
    """The request is not one that is answered; the message quotes nothing from it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One search as it was understood."""

    level: str
    query: Mapping[str, str]
    case_sensitive: bool
    expand: bool
    form: str
    since: int
    limit: int


def read(body: bytes) -> Asked:
    """Read the body of a search.

    Raises:
        MalformedError: not JSON, an unknown key, attribute or level, a value of another type or too long.
    """
    if len(body) > MAXIMUM_BODY:
        raise MalformedError("too long")
    try:
        text: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError("not JSON") from error
    if not isinstance(text, dict) or text.keys() - {"Level", "Query", *_TYPES}:
        raise MalformedError("unknown key")
    level, query = text.get("Level"), text.get("Query", {})
    if not isinstance(level, str) or level not in LEVELS:
        raise MalformedError("unknown level")
    for name, kind in _TYPES.items():
        if name in text and type(text[name]) is not kind:
            raise MalformedError("value of another type")
    since, limit = text.get("Since", 0), text.get("Limit", 0)
    if since < 0 or limit < 0:
        raise MalformedError("negative number")
    form = "?full" if text.get("Full") else "?short" if text.get("Short") else ""
    return Asked(
        level=level,
        query=_query(level, query),
        case_sensitive=text.get("CaseSensitive", False),
        expand=text.get("Expand", False),
        form=form,
        since=since,
        limit=min(limit or MAXIMUM, MAXIMUM),
    )


def _query(level: str, query: object) -> dict[str, str]:
    if not isinstance(query, dict) or query.keys() - _QUERY[level]:
        raise MalformedError("unknown attribute")
    if not all(isinstance(value, str) and len(value) <= MAXIMUM_VALUE for value in query.values()):
        raise MalformedError("a value is not a short text")
    return dict(query)


def within(asked: Asked, uids: Iterable[str]) -> list[str]:
    """Those of the UIDs that the search itself does not exclude by StudyInstanceUID: a list of UIDs (PS3.4 C.2.2.2.2)."""
    wanted = asked.query.get("StudyInstanceUID", "")
    if wanted in {"", "*"}:
        return sorted(uids)
    return sorted(set(uids) & set(wanted.split("\\")))


def server_built(asked: Asked, uids: Iterable[str]) -> bytes:
    """The search that Orthanc is given: this one, among these studies only. Patients are found through their studies."""
    level = "Study" if asked.level == "Patient" else asked.level
    query = {**asked.query, "StudyInstanceUID": "\\".join(uids)}
    return json.dumps({"Level": level, "Query": query, "CaseSensitive": asked.case_sensitive}).encode()


def number(arguments: Mapping[str, str], name: str, default: int) -> int:
    """A GET argument that is a number; `default` without it."""
    text = arguments.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10):  # noqa: PLR2004 - digits of a number that fits anywhere
        raise MalformedError("not a number")
    return int(text)
