"""The provider's own list: where each of its studies stands, and the report one click away."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, true

from sidecar.archive import queries as archive
from sidecar.gate import fields
from sidecar.gate.actor import Actor, OrganisationKind
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.organisations import queries as organisations
from sidecar.organisations import words
from sidecar.organisations.model import Service
from sidecar.organisations.tables import Organisation
from sidecar.reports import queries, rules
from sidecar.reports.tables import Report
from sidecar.studies import queries as studies
from sidecar.studies.deletion import seeing_deleted
from sidecar.studies.model import Arrival, Status
from sidecar.studies.routing import without_reader
from sidecar.studies.tables import Instance, Series, Study
from sidecar.worklist.columns import matches
from sidecar.worklist.queries import CHANGED, OLDEST_RUNNING, SHOWN

STATES: dict[str, tuple[str, ColumnElement[bool]]] = {
    "": ("All", true()),
    "arriving": ("Arriving", and_(Study.arrival == Arrival.ARRIVING, Study.status != Status.FINAL)),
    "waiting": ("Waiting", and_(Study.arrival == Arrival.COMPLETE, Study.status.in_([Status.UNREAD, Status.ASSIGNED]))),
    "back": ("No reader", and_(Study.status == Status.UNREAD, without_reader())),
    "reading": ("Being read", Study.status.in_([Status.READING, Status.PRELIMINARY])),
    "final": ("Reported", Study.status == Status.FINAL),
}
RARE = frozenset({"back"})
"""States that are named only while a study is in them."""
RECENT = timedelta(days=1)
"""A sender that sent nothing for so long is called silent."""
STILL_SENT_TO = timedelta(days=30)
"""Studies that began longer ago are not looked through for a sender's newest image."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for. ``state`` is a key of STATES."""

    state: str = ""
    modality: str = ""
    q: str = ""

    def belongs(self, actor: Actor) -> ColumnElement[bool]:
        """Return the condition that a study is in this list of the actor's."""
        words = [matches(word, fields.unseen(actor)) for word in self.q.split()]
        modality = [Study.modalities_in_study.contains([self.modality])] if self.modality else []
        return and_(STATES[self.state][1], *modality, *words)


def page(scope: Scope, filters: Filters) -> dict[str, Any]:
    """Return the context of ``hospital_studies.html``."""
    return {
        **listing(scope, filters),
        "heading": "Your studies" if scope.actor.kind is OrganisationKind.PROVIDER else "Studies",
        "counts": counts(scope, filters),
        "modalities": [("", "All modalities"), *((each, each) for each in _modalities(scope))],
        "unknown_senders": _unknown_senders(scope),
        "senders": _senders(scope),
    }


def listing(scope: Scope, filters: Filters) -> dict[str, Any]:
    """Return the context of ``_hospital_list.html``: the newest studies first."""
    cursor = scope.session.scalars(OLDEST_RUNNING).one()
    found = scope.session.execute(
        select(Study, func.count().over())
        .join(Organisation, Organisation.id == Study.organisation_id)
        .where(filters.belongs(scope.actor), studies.worked_on(scope.actor))
        .order_by(Study.arrived_at.desc(), Study.id.desc())
        .limit(SHOWN)
    ).all()
    total = found[0][1] if found else 0
    return {
        "rows": rows(scope, [(study, False) for study, _total in found]),
        "cursor": str(cursor),
        "shown": len(found),
        "total": total,
        "more": total > len(found),
        "filters": {"state": filters.state, "modality": filters.modality, "q": filters.q},
        "sheet_href": "/admin/connection" if may_ever(scope.actor, Permission.SENDER_MANAGE) else "",
    }


def changes(scope: Scope, filters: Filters, *, since: int) -> tuple[list[dict[str, Any]], int]:
    """Return the rows touched since the cursor and the next cursor (see ``worklist.queries`` for why none is missed)."""
    cursor = scope.session.scalars(OLDEST_RUNNING).one()
    belongs = and_(filters.belongs(scope.actor), studies.worked_on(scope.actor), Study.deleted_at.is_(None))
    with seeing_deleted(scope):  # to say of them that they are gone
        found = scope.session.execute(
            select(Study, belongs.label("belongs"))
            .join(Organisation, Organisation.id == Study.organisation_id)
            .where(Study.changed_xid >= since)
            .order_by(Study.changed_xid)
            .limit(CHANGED)
        ).all()
    if len(found) == CHANGED:
        cursor = min(cursor, found[-1][0].changed_xid)
    return rows(scope, [(study, not belongs) for study, belongs in found]), cursor


def rows(scope: Scope, found: list[tuple[Study, bool]]) -> list[dict[str, Any]]:
    """Return lines as ``_hospital_rows.html`` draws them; each study comes with whether it has left the list."""
    may_read = may_ever(scope.actor, Permission.REPORT_READ)
    may_look = may_ever(scope.actor, Permission.STUDY_READ)
    signed = queries.signed_of(scope, [study.id for study, _gone in found]) if may_read else {}
    seen = queries.signatures(scope, [report.id for report in signed.values()])
    sites = _sites(scope, {study.organisation_id for study, _gone in found})
    held = archive.held(scope, [study.id for study, _gone in found])
    waits = _without_reader(scope, [study.id for study, _gone in found])
    return [
        {
            "study": fields.seen(scope.actor, study),
            "stage": rules.stage(arrival=study.arrival, status=study.status),
            "expected_at": study.due_at,
            "reader": study.assignee_name,
            "waits": study.id in waits,
            "site": sites.get(study.organisation_id, ""),
            "held": study.id in held,
            "images_href": f"/reading/{study.id}" if may_look else "",
            **_report(study, signed.get(study.id), seen),
            "sort": f"{study.arrived_at:%Y%m%d%H%M%S%f}{study.id}",
            "gone": gone,
        }
        for study, gone in found
    ]


def _without_reader(scope: Scope, study_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Return which of these were taken back from their readers and wait for others."""
    waiting = (Study.id.in_(list(study_ids)), Study.status == Status.UNREAD, without_reader())
    return frozenset(scope.session.scalars(select(Study.id).where(*waiting)))


def _sites(scope: Scope, owners: set[UUID]) -> dict[UUID, str]:
    """Return the names of the providers that are not the viewer's own."""
    others = owners - {scope.organisation_id}
    if not others:
        return {}
    found = scope.session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(others)))
    return {row.id: row.name for row in found}


def _report(study: Study, report: Report | None, seen: dict[UUID, tuple[int, int]]) -> dict[str, Any]:
    """Return the way to a study's report, how many images came after it was signed, and how many addenda it has."""
    if report is None:
        return {"report_href": "", "pdf_href": "", "late_images": 0, "addenda": 0}
    images, version = seen[report.id]
    return {
        "report_href": f"/reports/{report.id}",
        "pdf_href": f"/reports/{report.id}/report.pdf",
        "late_images": max(0, study.instance_count - images),
        "addenda": version - 1,
    }


def counts(scope: Scope, filters: Filters) -> list[dict[str, Any]]:
    """Return the context of ``_hospital_counts.html``: all studies by state, whatever is searched."""
    wanted = [func.count().filter(condition) for _label, condition in STATES.values()]
    numbers = scope.session.execute(select(*wanted).where(studies.worked_on(scope.actor))).one()
    return [
        {
            "label": label,
            "count": count,
            "href": f"/hospital?state={state}" if state else "/hospital",
            "current": state == filters.state,
        }
        for (state, (label, _condition)), count in zip(STATES.items(), numbers, strict=True)
        if count or state not in RARE or state == filters.state
    ]


def _modalities(scope: Scope) -> list[str]:
    each = func.unnest(Study.modalities_in_study).label("modality")
    found = select(each).where(studies.worked_on(scope.actor)).distinct().order_by("modality")
    return list(scope.session.scalars(found))


def _unknown_senders(scope: Scope) -> list[dict[str, Any]]:
    """Return who knocked in vain, for those whose job it is to know."""
    if not may_ever(scope.actor, Permission.SENDER_READ):
        return []
    title = organisations.own_cell(scope).aet
    may_register = may_ever(scope.actor, Permission.SENDER_MANAGE)
    return [
        {
            "text": words.refused(each),
            "advice": words.advice(each, archive=title),
            "last_at": each.last_at,
            "register_href": "/admin/ae-titles" if may_register else "",
        }
        for each in organisations.refusals(scope)
    ]


def _senders(scope: Scope) -> list[dict[str, Any]]:
    """Return each registered sender with its newest image and how many came within a day."""
    if not may_ever(scope.actor, Permission.SENDER_READ):
        return []
    since = scope.now - RECENT
    seen = {
        aet: (count, last)
        for aet, count, last in scope.session.execute(
            select(Instance.remote_aet, func.count(), func.max(Instance.received_at))
            .join(Series, and_(Series.organisation_id == Instance.organisation_id, Series.id == Instance.series_id))
            .join(Study, and_(Study.organisation_id == Series.organisation_id, Study.id == Series.study_id))
            .where(Study.arrived_at >= scope.now - STILL_SENT_TO, Study.last_image_at >= since, Instance.received_at >= since)
            .group_by(Instance.remote_aet)
        )
    }
    return [
        {
            "aet": each.aet,
            "description": each.description,
            "images_today": seen.get(each.aet, (0, None))[0],
            "last_image_at": seen.get(each.aet, (0, None))[1],
            "silent": each.aet not in seen,
        }
        for each in organisations.entities(scope)
        if each.networks and Service.STORE in each.services
    ]
