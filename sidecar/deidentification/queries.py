"""Reading exports. Whoever may not see one gets Missing, as for an id that does not exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select

from sidecar.deidentification import policy
from sidecar.deidentification.tables import Export, ExportedStudy, HeldInstance, Project
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Instance, Series, Study

SHOWN = 50
"""Rows of a list; whoever looks for an older study searches for it."""


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export with its project's name and what is still to be looked at."""

    export: Export
    project: str
    studies: int
    held: int
    open: int
    mine: bool


def exports(scope: Scope) -> list[ExportView]:
    """Return the exports that the actor may see, newest first."""
    found = scope.session.scalars(select(Export).order_by(Export.created_at.desc()).limit(SHOWN * 4)).all()
    return [_view(scope, each) for each in found if policy.may_see(scope.actor, each)][:SHOWN]


def get(scope: Scope, export_id: UUID) -> Export:
    """Return one export, or Missing."""
    found: Export = scope.one(select(Export).where(Export.id == export_id))
    if not policy.may_see(scope.actor, found):
        raise Missing
    return found


def view(scope: Scope, export_id: UUID) -> ExportView:
    """Return one export as pages show it, or Missing."""
    return _view(scope, get(scope, export_id))


def _view(scope: Scope, export: Export) -> ExportView:
    of = and_(HeldInstance.organisation_id == export.organisation_id, HeldInstance.export_id == export.id)
    undecided = func.count().filter(HeldInstance.decision == "")
    held, still = scope.session.execute(select(func.count(), undecided).where(of)).one()
    project = scope.session.scalars(select(Project.name).where(Project.id == export.project_id)).one()
    studies = scope.session.scalar(select(func.count()).select_from(ExportedStudy).where(ExportedStudy.export_id == export.id))
    return ExportView(export, project, studies or 0, held, still, policy.may_take(scope.actor, export))


def projects(scope: Scope) -> Sequence[str]:
    """Return the names of the own projects."""
    return scope.session.scalars(select(Project.name).order_by(Project.name)).all()


def exportable(scope: Scope, *, q: str, chosen: Sequence[UUID]) -> Sequence[Study]:
    """Return the chosen studies and then the newest complete ones that a search finds."""
    first = scope.session.scalars(select(Study).where(Study.id.in_(chosen)).order_by(Study.arrived_at.desc())).all()
    others = scope.session.scalars(
        select(Study)
        .where(Study.arrival == Arrival.COMPLETE, Study.id.not_in(chosen), *(_finds(word) for word in q.split()))
        .order_by(Study.arrived_at.desc())
        .limit(SHOWN)
    ).all()
    return [*first, *others]


def _finds(word: str) -> ColumnElement[bool]:
    texts = (Study.patient_name, Study.patient_id, Study.accession_number, Study.study_description)
    return or_(*(text.icontains(word, autoescape=True) for text in texts))


@dataclass(frozen=True, slots=True)
class Held:
    """A held image with what is needed to show it."""

    held: HeldInstance
    instance: Instance
    series: Series
    study: Study


def held(scope: Scope, export_id: UUID) -> list[Held]:
    """Return the held images of an export by study, series and number."""
    rows = scope.session.execute(
        select(HeldInstance, Instance, Series, Study)
        .join(
            Instance,
            and_(Instance.organisation_id == HeldInstance.organisation_id, Instance.orthanc_id == HeldInstance.orthanc_id),
        )
        .join(Series, and_(Series.organisation_id == Instance.organisation_id, Series.id == Instance.series_id))
        .join(Study, and_(Study.organisation_id == Series.organisation_id, Study.id == Series.study_id))
        .where(HeldInstance.export_id == export_id)
        .order_by(Study.arrived_at, Study.id, Series.series_number, Series.id, Instance.instance_number, Instance.orthanc_id)
    )
    return [Held(*row) for row in rows]
