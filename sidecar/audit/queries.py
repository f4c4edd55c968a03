"""Reading the journal. The wall shows one's own organisation's chain, and what its people did in others'."""

import json
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, column, func, or_, select, table, text, true, tuple_

from sidecar.audit.model import Cursor, Entry, Question
from sidecar.audit.vocabulary import code_of
from sidecar.audit.words import sentence
from sidecar.gate.scope import Scope
from sidecar.kernel.journal import ELSEWHERE, JournalRow

# The journal knows ids only. Names are read where they are kept, through the same walls; those rooms stand above this one.
PEOPLE = table("users", column("id"), column("name"))
ORGANISATIONS = table("organisations", column("id"), column("name"))


def page(scope: Scope, question: Question, *, after: Cursor | None = None, limit: int) -> list[JournalRow]:
    """Return at most ``limit`` rows, newest first, from a place in the list on.

    Each alternative is asked for by itself, so that each walks one index in the list's own order and stops early.
    """
    found = []
    for condition in _alternatives(scope, question):
        rows = select(JournalRow).where(condition, *_narrowing(question))
        if after is not None:
            key = tuple_(JournalRow.at, JournalRow.organisation_id, JournalRow.sequence)
            rows = rows.where(JournalRow.at <= after.at, key < tuple_(after.at, after.organisation_id, after.sequence))
        rows = rows.order_by(JournalRow.at.desc(), JournalRow.organisation_id.desc(), JournalRow.sequence.desc())
        found.append(scope.session.scalars(rows.limit(limit)).all())
    return list(islice(_once(merge(*found, key=_place, reverse=True)), limit))


def count(scope: Scope, question: Question) -> int:
    """Return how many rows a question finds."""
    either = or_(*_alternatives(scope, question))
    return scope.session.scalar(select(func.count()).select_from(JournalRow).where(either, *_narrowing(question))) or 0


def following(rows: Sequence[JournalRow], limit: int) -> Cursor | None:
    """Return where the next page begins, or None for the last one. ``rows`` were asked for with one more than ``limit``."""
    return Cursor(*_place(rows[limit - 1])) if len(rows) > limit else None


def _place(row: JournalRow) -> tuple[Any, UUID, int]:
    return row.at, row.organisation_id, row.sequence


def _once(rows: Iterator[JournalRow]) -> Iterator[JournalRow]:
    """Leave out what two alternatives found."""
    last = None
    for row in rows:
        if _place(row) != last:
            yield row
        last = _place(row)


def _alternatives(scope: Scope, question: Question) -> list[ColumnElement[bool]]:
    """Return where to look (the own chain, the own people elsewhere) times what a row is about."""
    own = JournalRow.organisation_id == scope.organisation_id
    elsewhere = and_(JournalRow.actor_organisation_id == scope.organisation_id, text(ELSEWHERE))
    return [and_(where, about) for where in (own, elsewhere) for about in _about(question)]


def _about(question: Question) -> list[ColumnElement[bool]]:
    if question.person is not None:
        did = JournalRow.actor_id == question.person
        return [did, and_(JournalRow.subject_id == question.person, JournalRow.actor_id.is_distinct_from(question.person))]
    if question.studies is not None or question.orders:
        of = JournalRow.study_id.in_(question.studies or ())
        return [of, JournalRow.subject_id.in_(question.orders)] if question.orders else [of]
    return [true()]


def _narrowing(question: Question) -> list[ColumnElement[bool]]:
    narrowing: list[ColumnElement[bool]] = []
    if question.kinds:
        narrowing.append(JournalRow.kind.in_(question.kinds))
    if question.refused is not None:
        narrowing.append(JournalRow.outcome != 0 if question.refused else JournalRow.outcome == 0)
    if question.since:
        narrowing.append(JournalRow.at >= question.since)
    if question.until:
        narrowing.append(JournalRow.at < question.until)
    if question.inside:
        narrowing.append(JournalRow.organisation_id == question.inside)
    return narrowing


def entries(scope: Scope, rows: Sequence[JournalRow]) -> list[Entry]:
    """Return rows in words, with the names that the scope may know."""
    bodies = [json.loads(row.body) for row in rows]
    people = _names(scope, PEOPLE, {row.actor_id for row in rows} | {_subject(body.get("facts", {})) for body in bodies})
    involved = {row.actor_organisation_id for row in rows} | {row.organisation_id for row in rows}
    tenants = _names(scope, ORGANISATIONS, involved | {_id(body.get("facts", {}), "counterpart_id") for body in bodies})
    return [_entry(scope, row, body, people, tenants) for row, body in zip(rows, bodies, strict=True)]


def _entry(scope: Scope, row: JournalRow, body: dict[str, Any], people: dict[UUID, str], tenants: dict[UUID, str]) -> Entry:
    own, theirs, facts = scope.actor.organisation_id, row.actor_organisation_id, body.get("facts", {})
    subject, counterpart = _subject(facts), _id(facts, "counterpart_id")
    actor = row.actor_id or (subject if theirs is None else None)  # whoever signs in is nobody until it worked
    who = (people.get(actor) or body.get("name") or "Somebody") if actor else ""
    of = tenants.get(theirs, "") if theirs and theirs != own else ""
    if theirs and theirs not in tenants:  # only the platform writes into chains without being seen there
        who = "The platform"
    known = {"person": people.get(subject, "somebody") if subject else "somebody"}
    return Entry(
        at=row.at,
        organisation_id=row.organisation_id,
        sequence=row.sequence,
        kind=row.kind,
        code=code_of(row.kind),
        outcome=row.outcome,
        actor_id=actor,
        who=who,
        role=body.get("role") or "",
        of=of,
        inside=tenants.get(row.organisation_id, "") if row.organisation_id != own else "",
        what=sentence(row.kind, facts | known, tenants.get(counterpart, "") if counterpart else ""),
        study_id=row.study_id,
        study_uid=body.get("study_uid", ""),
        address=body.get("address", ""),
        request=body.get("request", ""),
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


def people(scope: Scope) -> list[tuple[UUID, str]]:
    """Return everybody of the own organisation, by name: whom the list can be narrowed to."""
    rows = scope.session.execute(select(PEOPLE.c.id, PEOPLE.c.name).order_by(PEOPLE.c.name))
    return [(UUID(str(row.id)), row.name) for row in rows]
