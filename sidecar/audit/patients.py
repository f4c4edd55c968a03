"""Whose data a row is about: from a patient's identifier, or a study, to the ids the journal knows."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import column, select, table, text

from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing

# Of rooms above this one, through the same walls. No names: whoever asks has the patient's identifier already.
STUDIES = table(
    "studies",
    *map(
        column,
        ("organisation_id", "id", "patient_id", "study_instance_uid", "study_date", "modalities_in_study", "deleted_at"),
    ),
)
ORDERS = table("orders", column("organisation_id"), column("id"), column("patient_id"))
MOST = 500
"""Studies and orders of one patient that are looked for."""


@dataclass(frozen=True, slots=True)
class StudyOf:
    """A study as the audit names it."""

    id: UUID
    organisation_id: UUID
    study_instance_uid: str
    study_date: str
    modalities: str
    deleted: bool


def studies_of(scope: Scope, patient_id: str) -> list[StudyOf]:
    """Return the studies that bear this Patient ID inside one's walls, deleted ones too, newest first."""
    rows = _seeing_deleted(scope, select(STUDIES).where(STUDIES.c.patient_id == patient_id).limit(MOST))
    return sorted(rows, key=lambda each: each.study_date, reverse=True)


def study(scope: Scope, study_id: UUID) -> StudyOf:
    """Return one study, deleted or not; Missing for a stranger's."""
    found = _seeing_deleted(scope, select(STUDIES).where(STUDIES.c.id == study_id))
    if not found:
        raise Missing
    return found[0]


def orders_of(scope: Scope, patient_id: str) -> list[UUID]:
    """Return the own orders that bear this Patient ID."""
    found = select(ORDERS.c.id).where(ORDERS.c.patient_id == patient_id, ORDERS.c.organisation_id == scope.organisation_id)
    return [UUID(str(each)) for each in scope.session.scalars(found.limit(MOST))]


def _seeing_deleted(scope: Scope, statement: object) -> list[StudyOf]:
    scope.session.execute(text("SELECT set_config('app.deleted', 'on', true)"))
    rows = scope.session.execute(statement).all()  # type: ignore[call-overload]
    scope.session.execute(text("SELECT set_config('app.deleted', '', true)"))
    return [
        StudyOf(
            UUID(str(row.id)),
            UUID(str(row.organisation_id)),
            row.study_instance_uid,
            row.study_date,
            "/".join(row.modalities_in_study or []),
            row.deleted_at is not None,
        )
        for row in rows
    ]
