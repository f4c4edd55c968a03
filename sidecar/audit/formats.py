"""Entries as files for other programs: CSV for spreadsheets, JSON, and DICOM audit messages (PS3.15 A.5.1)."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sidecar.audit import atna
from sidecar.audit.model import Entry
from sidecar.kernel.journal import JournalRow

COLUMNS = (
    "at",
    "organisation",
    "entry",
    "event_id",
    "event",
    "event_type",
    "action",
    "outcome",
    "kind",
    "what",
    "person_id",
    "person",
    "role",
    "acting_for",
    "study_instance_uid",
    "address",
    "request",
)
SIGNS = r"(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
"""What a spreadsheet takes for a formula at the beginning of a cell. Where the comma is the decimal sign, a semicolon ends one,
quoted or not; and with Japanese settings the wide signs count as well."""
FIRST, INSIDE = re.compile(rf"^([\"\s]*){SIGNS}"), re.compile(rf"([;\t\r\n][\"\s]*){SIGNS}")
APOSTROPHE = r"\1'"
BREAKS = ("\t", "\r", "\n")

Batch = list[tuple[JournalRow, Entry]]


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is called, what it says it is, and how it is written."""

    suffix: str
    mimetype: str
    written: Callable[[Iterable[Batch]], Iterator[str]]


def fields(entry: Entry) -> dict[str, str | int]:
    """Return an entry by the names of COLUMNS."""
    kind = entry.code.type
    values = (
        entry.at.isoformat(timespec="milliseconds"),
        str(entry.organisation_id),
        entry.sequence,
        entry.code.event.code,
        entry.code.event.meaning,
        f"{kind.code} {kind.meaning}" if kind else "",
        entry.code.action,
        entry.outcome,
        entry.kind,
        entry.what,
        str(entry.actor_id or ""),
        entry.who or "The system",
        entry.role,
        entry.of,
        entry.study_uid,
        entry.address,
        entry.request,
    )
    return dict(zip(COLUMNS, values, strict=True))


def cell(value: str | int) -> str | int:
    """Return a cell that no spreadsheet runs: before what would be a formula stands an apostrophe."""
    if not isinstance(value, str):
        return value
    if value.startswith(BREAKS):
        return f"'{value[0]}{INSIDE.sub(APOSTROPHE, value[1:])}"
    return INSIDE.sub(APOSTROPHE, FIRST.sub(APOSTROPHE, value))


def as_csv(batches: Iterable[Batch]) -> Iterator[str]:
    """Write CSV (RFC 4180) with a line of names first."""
    yield _csv_line(list(COLUMNS))
    for batch in batches:
        yield "".join(_csv_line([cell(value) for value in fields(entry).values()]) for _row, entry in batch)


def _csv_line(values: list[str | int]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


def as_json(batches: Iterable[Batch]) -> Iterator[str]:
    """Write one JSON array."""
    before = "[\n"
    for batch in batches:
        for _row, entry in batch:
            yield before + json.dumps(fields(entry), ensure_ascii=False)
            before = ",\n"
    yield "\n]\n" if before != "[\n" else "[]\n"


def as_atna(batches: Iterable[Batch]) -> Iterator[str]:
    """Write the audit messages one after another inside one element, so that the file is one document."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<AuditMessages>\n'
    for batch in batches:
        yield "".join(f"{atna.message(atna.record(row))}\n" for row, _entry in batch)
    yield "</AuditMessages>\n"


FORMATS = {
    "csv": Format("csv", "text/csv", as_csv),
    "json": Format("json", "application/json", as_json),
    "atna": Format("xml", "application/xml", as_atna),
}
