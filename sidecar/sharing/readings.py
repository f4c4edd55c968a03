"""Who opened which version of a signed report: read from the journal, where every opening stands. Nothing is kept twice.

The entries of one study are found by an index of the journal's own (organisation, study), however long the journal is.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from sidecar.gate.scope import Scope
from sidecar.kernel.journal import JournalRow
from sidecar.reports.events import ReportRead
from sidecar.reports.tables import Report, ReportVersion
from sidecar.sharing.events import LinkUsed, ReadersTold

OF_THE_REPORT = "the report"
"""How LinkUsed begins to say that the report was looked at, and not the images."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who opened an earlier version: the last one before the newest, when, and when they saw the newest (None: not yet).

    ``organisation_id`` is None for the holder of a share link; ``id`` is the link's then, and ``name`` is empty.
    """

    id: UUID
    organisation_id: UUID | None
    name: str
    version: int
    read_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Told:
    """Who was told of a version, and when."""

    at: datetime
    ids: frozenset[UUID]


def of_earlier(scope: Scope, report: Report, newest: ReportVersion) -> list[Reader]:
    """Return who opened a version before the newest, the latest of them first. Its signer wrote the difference and is none."""
    found: dict[UUID, list[Reader]] = {}
    for row in _rows(scope, report, (ReportRead.kind, LinkUsed.kind)):
        body = json.loads(row.body)
        version = _version(body, report)
        who = row.actor_id or _link(body)
        if version and who and who != newest.signer_id:
            person = row.actor_organisation_id if row.actor_id else None
            opening = Reader(who, person, body["name"] if person else "", version, row.at, None)
            found.setdefault(who, []).append(opening)
    people = filter(None, (_put_together(openings, newest.version) for openings in found.values()))
    return sorted(people, key=lambda each: each.read_at, reverse=True)


def told(scope: Scope, report: Report, version: int) -> Told | None:
    """Return who was told of a version; None while the worker has not come by."""
    for row in _rows(scope, report, (ReadersTold.kind,)):
        facts = json.loads(row.body)["facts"]
        if facts["report_id"] == str(report.id) and facts["version"] >= version:
            return Told(row.at, frozenset(UUID(each) for each in (*facts["people"], *facts["links"])))
    return None


def _rows(scope: Scope, report: Report, kinds: Iterable[str]) -> Sequence[Any]:
    found = select(JournalRow.at, JournalRow.actor_id, JournalRow.actor_organisation_id, JournalRow.body).where(
        JournalRow.organisation_id == report.organisation_id,
        JournalRow.study_id == report.study_id,
        JournalRow.kind.in_(list(kinds)),
        JournalRow.outcome == 0,
    )
    return scope.session.execute(found.order_by(JournalRow.sequence)).all()


def _version(body: dict[str, Any], report: Report) -> int:
    """Return which signed version an entry is about, 0 for none: a draft, images."""
    facts = body["facts"]
    if body["kind"] == ReportRead.kind:
        return int(facts["version"]) if facts["report_id"] == str(report.id) else 0
    # Entries of before links noted the version: whoever they are, they are rather told once too often.
    return (int(facts.get("version", 0)) or 1) if facts["what"].startswith(OF_THE_REPORT) else 0


def _link(body: dict[str, Any]) -> UUID | None:
    return UUID(body["facts"]["link_id"]) if body["kind"] == LinkUsed.kind else None


def _put_together(openings: list[Reader], newest: int) -> Reader | None:
    """Return one person's openings, in the order they happened, as one; None for who saw the newest version first."""
    seen_at = next((each.read_at for each in openings if each.version >= newest), None)
    before = [each for each in openings if each.version < newest and (seen_at is None or each.read_at < seen_at)]
    return replace(max(before, key=lambda each: (each.version, each.read_at)), seen_at=seen_at) if before else None
