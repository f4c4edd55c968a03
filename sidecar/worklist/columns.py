"""The list's conditions and orders as SQL. Where a study stands and whether it belongs is decided here and nowhere else."""

from datetime import timedelta
from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, func, literal, or_
from sqlalchemy.sql.functions import coalesce

from sidecar.organisations.tables import Organisation
from sidecar.studies.model import Arrival, Priority, Status
from sidecar.studies.tables import Study
from sidecar.worklist.model import Filters, Sort, View, Viewer

SOON = timedelta(minutes=30)
LAST = "~"
"""Sorts after digits and letters: what has no deadline or no reader stands at the end."""
STATUS_ORDER = {
    Status.UNREAD: "1",
    Status.ASSIGNED: "2",
    Status.READING: "3",
    Status.PRELIMINARY: "4",
    Status.FINAL: "5",
}


def belongs(filters: Filters, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a study is in the list these filters describe."""
    conditions = [in_view(filters.view, viewer), *(matches(word, viewer.unseen) for word in filters.q.split())]
    if filters.modality:
        conditions.append(Study.modalities_in_study.contains([filters.modality]))
    if filters.site:
        conditions.append(Study.organisation_id == filters.site)
    if filters.status:
        conditions.append(Study.status == filters.status)
    if filters.priority:
        conditions.append(Study.priority == filters.priority)
    if filters.assignee:
        conditions.append(Study.assignee_id == filters.assignee)
    if filters.hours is not None:
        conditions.append(Study.arrived_at >= viewer.now - timedelta(hours=filters.hours))
    return and_(*conditions)


def in_view(view: View, viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition of a saved view."""
    unsigned = Study.status != Status.FINAL
    there = {
        View.OPEN: unsigned,
        View.MINE: and_(unsigned, Study.assignee_id == viewer.user_id),
        View.UNASSIGNED: and_(unsigned, Study.assignee_id.is_(None)),
        View.STAT: and_(unsigned, Study.priority == Priority.STAT),
        View.SOON: and_(unsigned, Study.due_at <= viewer.now + SOON),
        View.ARRIVING: Study.arrival == Arrival.ARRIVING,
        View.SIGNED: and_(Study.status == Status.FINAL, Study.signed_at >= viewer.midnight),
    }[view]
    return and_(viewer.work, there)


def matches(word: str, unseen: frozenset[str]) -> ColumnElement[bool]:
    """Return the condition that a word of the search occurs in the study; wildcards in it are only characters.

    ``unseen``: fields that are not looked at (``gate.fields.unseen``).
    """
    texts = {
        "patient_name": Study.patient_name,
        "patient_id": Study.patient_id,
        "accession_number": Study.accession_number,
        "study_description": Study.study_description,
        "site": Organisation.name,
        "modalities_in_study": func.array_to_string(Study.modalities_in_study, " "),
    }
    return or_(*(text.icontains(word, autoescape=True) for name, text in texts.items() if name not in unseen))


def order(sort: Sort) -> ColumnElement[str]:
    """Return the text whose plain order (bytes, like a browser's comparison) is the order of the list; no two are equal."""
    due = coalesce(_moment(Study.due_at), LAST)
    tail = [due, _moment(Study.arrived_at), cast(Study.id, Text)]
    leading: dict[Sort, list[ColumnElement[Any]]] = {
        Sort.URGENCY: [cast(Study.priority_rank, Text)],
        Sort.DUE: [due],
        Sort.PATIENT: [func.lower(Study.patient_name)],
        Sort.STUDY: [func.array_to_string(Study.modalities_in_study, " "), func.lower(Study.study_description)],
        Sort.IMAGES: [func.lpad(cast(Study.instance_count, Text), 10, "0")],
        Sort.SITE: [func.lower(Organisation.name)],
        Sort.ASSIGNED: [coalesce(func.nullif(func.lower(Study.assignee_name), ""), LAST)],
        Sort.STATUS: [case(STATUS_ORDER, value=Study.status)],
    }
    parts = [*leading[sort], *tail]
    return reduce(lambda left, right: left.concat(literal(" ")).concat(right), parts).collate("C")


def _moment(column: Any) -> ColumnElement[str]:
    return func.to_char(func.timezone("UTC", column), "YYYYMMDDHH24MISSUS")
