"""JSON: ``/api/studies`` and giving one to a reader."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from flask import Blueprint
from pydantic import Field

from sidecar.api import study_list
from sidecar.api.study_list import StudiesAsked
from sidecar.assignment import service as assignment
from sidecar.audit.reads import note_list, note_record
from sidecar.gate import api
from sidecar.gate.fields import seen
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Asked, Shown, Told
from sidecar.gate.scope import Scope
from sidecar.organisations import queries as organisations
from sidecar.studies import queries as studies
from sidecar.studies.model import Arrival, Priority, Status
from sidecar.studies.tables import Study

bp = Blueprint("api_studies", __name__)


class StudyShown(Shown):
    """A study. Fields that are DICOM elements carry their keyword; what your role does not need is masked or empty."""

    id: UUID
    organization_id: Annotated[UUID, Field(description="Whose study it is.")]
    organization: Annotated[str, Field(description="Its owner's name.")]
    reading_organization_id: Annotated[UUID | None, Field(description="Who reads it; null: its owner's own readers.")]
    study_instance_uid: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    accession_number: str
    study_date: str
    study_description: str
    modalities_in_study: list[str]
    series_count: int
    instance_count: int
    arrival: Arrival
    arrived_at: datetime
    priority: Priority
    due_at: datetime | None
    status: Status
    assignee_id: UUID | None
    assignee_name: str
    signed_at: datetime | None


class StudiesAnswer(Told):
    """A page of studies. ``next`` is the cursor of the following page, null at the end."""

    studies: list[StudyShown]
    next: str | None


class StudyAnswer(Told):
    """One study."""

    study: StudyShown


class Assignment(Asked):
    """To whom it is given; null gives it back to everybody."""

    user_id: UUID | None


def _shown(scope: Scope, study: Study, organization: str) -> StudyShown:
    masked = seen(scope.actor, study)
    return StudyShown.model_validate(
        {name: getattr(masked, row) for name, row in COLUMNS.items()} | {"organization": organization}
    )


COLUMNS = {name: name.replace("organization", "organisation") for name in StudyShown.model_fields if name != "organization"}
"""Column of the row by name of the field: only the spelling of one word differs."""


@api.route(bp, "/api/studies", needs=Permission.STUDY_LIST, query=StudiesAsked, answer=StudiesAnswer)
def list_studies(scope: Scope, query: StudiesAsked) -> StudiesAnswer:
    """List the studies you may see, newest arrival first."""
    rows, following = study_list.page(scope, query)
    note_list(scope, "api/studies", query.model_dump(mode="json", exclude={"limit"}), len(rows))
    return StudiesAnswer(studies=[_shown(scope, study, owner) for study, owner in rows], next=following)


@api.route(bp, "/api/studies/<uuid:study_id>", needs=Permission.STUDY_LIST, answer=StudyAnswer, etag=True)
def show_study(scope: Scope, study_id: UUID) -> StudyAnswer:
    """Show one."""
    study = studies.get(scope, study_id)
    note_record(scope, "api/studies", organisation_id=study.organisation_id, study_id=study.id)
    return current_study(scope, study_id)


def current_study(scope: Scope, study_id: UUID) -> StudyAnswer:
    """Return one as it is now, for a condition: nothing is read to anybody."""
    study = studies.get(scope, study_id)
    owner = organisations.organisation(scope, study.organisation_id).organisation
    return StudyAnswer(study=_shown(scope, study, owner.name))


@api.route(
    bp,
    "/api/studies/<uuid:study_id>/assign",
    needs=Permission.STUDY_ASSIGN,
    methods=("PUT",),
    body=Assignment,
    answer=StudyAnswer,
    etag=current_study,
    refusals=(409,),
)
def assign_study(scope: Scope, study_id: UUID, body: Assignment) -> StudyAnswer:
    """Give it to a radiologist where it is read, or back to everybody."""
    if body.user_id is None:
        assignment.release(scope, study_id)
    else:
        assignment.assign(scope, study_id, user_id=body.user_id)
    return current_study(scope, study_id)
