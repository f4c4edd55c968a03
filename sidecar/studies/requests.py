"""Studies and the orders they belong to: what the room below needs to know of a study."""

from uuid import UUID

from sqlalchemy import or_, select

from sidecar.gate.scope import Scope
from sidecar.orders import queries as orders
from sidecar.orders import service
from sidecar.orders.model import StudyFacts
from sidecar.studies import queries
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Study

MOST = 20
"""Studies looked at when an order is written down: those that came before it, or that an edit sets free."""


def facts(study: Study) -> StudyFacts:
    """Return what an order is compared with."""
    return StudyFacts(
        study_id=study.id,
        study_instance_uid=study.study_instance_uid,
        accession_number=study.accession_number,
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        patient_birth_date=study.patient_birth_date,
        patient_sex=study.patient_sex,
        modalities_in_study=tuple(study.modalities_in_study),
    )


def find_order(scope: Scope, study_id: UUID) -> None:
    """Find a study's order."""
    _match(scope, queries.get(scope, study_id))


def complete_order(scope: Scope, study_id: UUID) -> None:
    """Close the order of a study that is complete."""
    service.complete(scope, facts(queries.get(scope, study_id)))


def find_studies(scope: Scope, order_id: UUID) -> None:
    """Find the studies an order belongs to, those that came before it was written down too, and let go those it does not."""
    order = orders.get(scope, order_id)
    told = or_(Study.study_instance_uid == order.study_instance_uid, Study.accession_number == order.accession_number)
    linked = orders.studies_of(scope, [order_id]).get(order_id, [])
    found = scope.session.scalars(
        select(Study)
        .where(Study.organisation_id == order.organisation_id, or_(told, Study.id.in_(linked)))
        .order_by(Study.arrived_at.desc())
        .limit(MOST)
    )
    for study in found.all():
        _match(scope, study)


def _match(scope: Scope, study: Study) -> None:
    service.match(scope, facts(study))
    if study.arrival == Arrival.COMPLETE:
        service.complete(scope, facts(study))
