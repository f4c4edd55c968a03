"""Reading the journal. The wall shows one's own organisation's chain, and what its people did in others'."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import column, or_, select, table

from sidecar.audit.words import sentence
from sidecar.gate.scope import Scope
from sidecar.kernel.journal import JournalRow

# The journal knows ids only. Names are read where they are kept, through the same walls; those rooms stand above this one.
PEOPLE = table("users", column("id"), column("name"))
ORGANISATIONS = table("organisations", column("id"), column("name"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit page. ``who`` and ``of`` (the other organisation) are "" where there is nobody to name."""

    at: datetime
    sequence: int
    kind: str
    who: str
    of: str
    inside: str
    what: str
    study_id: UUID | None
    address: str


@dataclass(frozen=True, slots=True)
class Span:
    """What is shown: kinds beginning with one of these, from (inclusive) until (exclusive), in one organisation's chain."""

    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    inside: UUID | None = None


def entries(scope: Scope, span: Span, *, offset: int, limit: int) -> list[Entry]:
    """Return the newest entries first."""
    statement = select(JournalRow).order_by(JournalRow.at.desc(), JournalRow.organisation_id, JournalRow.sequence.desc())
    if span.kinds:
        statement = statement.where(or_(*(JournalRow.kind.startswith(each, autoescape=True) for each in span.kinds)))
    if span.since:
        statement = statement.where(JournalRow.at >= span.since)
    if span.until:
        statement = statement.where(JournalRow.at < span.until)
    if span.inside:
        statement = statement.where(JournalRow.organisation_id == span.inside)
    rows = list(scope.session.scalars(statement.offset(offset).limit(limit)))
    return _named(scope, rows)


def _named(scope: Scope, rows: list[JournalRow]) -> list[Entry]:
    bodies = [json.loads(row.body) for row in rows]
    people = _names(scope, PEOPLE, {row.actor_id for row in rows} | {_subject(body["facts"]) for body in bodies})
    involved = {row.actor_organisation_id for row in rows} | {row.organisation_id for row in rows}
    tenants = _names(scope, ORGANISATIONS, involved | {_id(body["facts"], "counterpart_id") for body in bodies})
    return [_entry(scope, row, body, people, tenants) for row, body in zip(rows, bodies, strict=True)]


def _entry(scope: Scope, row: JournalRow, body: dict[str, Any], people: dict[UUID, str], tenants: dict[UUID, str]) -> Entry:
    own, theirs, facts = scope.actor.organisation_id, row.actor_organisation_id, body["facts"]
    subject, counterpart = _subject(facts), _id(facts, "counterpart_id")
    actor = row.actor_id or (subject if theirs is None else None)  # whoever signs in is nobody until it worked
    who = people.get(actor, "Somebody") if actor else ""
    of = tenants.get(theirs, "") if theirs and theirs != own else ""
    if theirs and theirs not in tenants:  # only the platform writes into chains without being seen there
        who = "The platform"
    known = {"person": people.get(subject, "somebody") if subject else "somebody"}
    return Entry(
        at=row.at,
        sequence=row.sequence,
        kind=row.kind,
        who=who,
        of=of,
        inside=tenants.get(row.organisation_id, "") if row.organisation_id != own else "",
        what=sentence(row.kind, facts | known, tenants.get(counterpart, "") if counterpart else ""),
        study_id=row.study_id,
        address=body.get("address", ""),
    )


def _subject(facts: dict[str, Any]) -> UUID | None:
    """Return the person an entry is about, who need not be the one who did it."""
    return _id(facts, "user_id") or _id(facts, "assignee_id")


def _id(facts: dict[str, Any], name: str) -> UUID | None:
    return UUID(facts[name]) if facts.get(name) else None


def _names(scope: Scope, kept: Any, ids: set[UUID | None]) -> dict[UUID, str]:
    wanted = [each for each in ids if each]
    rows = scope.session.execute(select(kept.c.id, kept.c.name).where(kept.c.id.in_(wanted)))
    return {row.id if isinstance(row.id, UUID) else UUID(str(row.id)): row.name for row in rows}
