"""Who looked at this patient, and what was disclosed (accounting of disclosures, 45 CFR 164.528). Asked by POST only."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import render_template, request
from flask.typing import ResponseReturnValue

from sidecar.audit import forms, patients, queries
from sidecar.audit.model import Question
from sidecar.audit.patients import StudyOf
from sidecar.audit.rules import LEAST_YEARS, years_before
from sidecar.audit.vocabulary import discloses
from sidecar.audit.web.blueprint import PAGE_ROWS, bp, note, tabs
from sidecar.audit.words import WORDS
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope

LONGEST_ID = 64
"""Characters of a Patient ID (PS3.5 §6.2, LO)."""
VIEWS = (("everything", "Every look and change"), ("disclosures", "Disclosures only"))


@dataclass(frozen=True, slots=True)
class Asked:
    """One patient by identifier. ``view`` is a key of VIEWS. Of the last six years: what a patient may ask for."""

    patient_id: str
    view: str
    studies: list[StudyOf]
    question: Question


def read_asked(scope: Scope, fields: Mapping[str, str]) -> Asked:
    """Return what is asked about a patient of one's own walls."""
    patient_id = fields.get("patient_id", "").replace("\x00", "").strip()[:LONGEST_ID]
    view = fields.get("view", "") if fields.get("view", "") in dict(VIEWS) else VIEWS[0][0]
    studies = patients.studies_of(scope, patient_id) if patient_id else []
    question = Question(
        studies=tuple(each.id for each in studies),
        orders=tuple(patients.orders_of(scope, patient_id)) if patient_id else (),
        since=years_before(scope.now, LEAST_YEARS),
    )
    if view == "disclosures":
        question = replace(question, kinds=tuple(kind for kind in WORDS if discloses(kind)))
    return Asked(patient_id, view, studies, question)


@route(bp, "/admin/audit/patient", needs=Permission.AUDIT_READ)
def ask_patient(scope: Scope) -> ResponseReturnValue:
    """Ask for the patient's identifier."""
    return _page(scope, Asked("", VIEWS[0][0], [], Question()))


@route(bp, "/admin/audit/patient", needs=Permission.AUDIT_READ, methods=("POST",))
def show_patient(scope: Scope) -> ResponseReturnValue:
    """Show who looked at this patient. POST: an address ends up in logs and histories."""
    asked = read_asked(scope, request.form)
    return _page(scope, asked)


def _page(scope: Scope, asked: Asked) -> str:
    rows = []
    if asked.patient_id:
        rows = queries.page(scope, asked.question, after=forms.read_cursor(request.form), limit=PAGE_ROWS + 1)
        note(scope, f"a patient: {asked.view}", {"patient_id": asked.patient_id}, len(rows[:PAGE_ROWS]))
    return render_template(
        "audit_patient.html",
        tabs=tabs("/admin/audit/patient"),
        asked=asked,
        views=VIEWS,
        entries=queries.entries(scope, rows[:PAGE_ROWS]),
        first="after" not in request.form,
        following=queries.following(rows, PAGE_ROWS),
    )
