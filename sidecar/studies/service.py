"""What may be done to a study in the index: take in what arrived, call it complete, route it, make it urgent."""

from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

from sqlalchemy import select, update

from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.studies import arrival, queries, rules
from sidecar.studies.events import (
    InstancesArrived,
    PriorityChanged,
    StudyArrived,
    StudyCameBack,
    StudyCompleted,
    StudyRouted,
)
from sidecar.studies.model import PRIORITY_RANK, Arrival, ArrivedInstances, Priority, Status
from sidecar.studies.routing import contract_of
from sidecar.studies.tables import Study

BATCH = 100
"""Studies completed in one transaction."""


class Place(TypedDict):
    """Whose study an event is about, and who else should hear of it."""

    organisation_id: UUID
    study_id: UUID
    reading_organisation_id: UUID | None


def place_of(study: Study) -> Place:
    """Return the fields that every event about this study begins with."""
    return {
        "organisation_id": study.organisation_id,
        "study_id": study.id,
        "reading_organisation_id": study.reading_organisation_id,
    }


def register_arrival(scope: Scope, arrived: ArrivedInstances) -> Study:
    """Take what a cell stored into the index of the scope's organisation, the cell's owner, whatever the objects say.

    Idempotent: a redelivered, repeated or reordered event adds what is unknown and nothing else. Raises Invalid for an event
    without objects, with an object of a series it does not describe, naming another patient than the study has, or telling
    only of images that were erased since.
    """
    if not arrived.instances:
        raise Invalid("The event holds no instance.")
    if not {one.series_instance_uid for one in arrived.instances} <= {one.series_instance_uid for one in arrived.series}:
        raise Invalid("The event holds an instance of a series it does not describe.")
    added = arrival.add(scope, arrived)
    study = added.study
    if (study.patient_id, study.study_instance_uid) != (arrived.study.patient_id, arrived.study.study_instance_uid):
        raise Invalid("The event gives a known study another patient or another identity.")
    if added.is_new_study:
        scope.emit(StudyArrived(**place_of(study), instances=added.instances))
        if added.came_back:
            scope.emit(StudyCameBack(**place_of(study)))
    elif added.instances:
        scope.emit(InstancesArrived(**place_of(study), instances=added.instances, reopened=added.was_complete))
    return study


def complete_due(scope: Scope, *, limit: int = BATCH) -> Sequence[UUID]:
    """Call complete what has been quiet long enough, at most ``limit`` studies; return their ids.

    Several sweepers may run: each takes rows no other holds, and the UPDATE asks again, so every completion happens once.
    """
    due = (
        select(Study.id)
        .where(Study.arrival == Arrival.ARRIVING, Study.completes_at <= scope.now)
        .order_by(Study.completes_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    done = (
        scope.session.execute(
            update(Study)
            .where(Study.id.in_(due.scalar_subquery()), Study.arrival == Arrival.ARRIVING, Study.completes_at <= scope.now)
            .values(arrival=Arrival.COMPLETE)
            .returning(Study)
            .execution_options(synchronize_session=False)
        )
        .scalars()
        .all()
    )
    for study in done:
        scope.emit(StudyCompleted(**place_of(study), completed_at=study.completes_at, instances=study.instance_count))
    return [study.id for study in done]


def route(scope: Scope, study_id: UUID) -> Study:
    """Give the study to the reading group whose contract covers it, and set its deadline. A routed study keeps its reader.

    Of several contracts the first by ``starts_on`` wins. None covers it: it stays with its owner, whose own radiologists may
    begin to read it, and then keep it. The clock of whoever gets it runs from arrival, whoever had it before.
    """
    study = queries.get_locked(scope, study_id)
    is_new = study.reading_organisation_id is None
    contract = contract_of(scope, study)
    if contract is None or (is_new and study.status != Status.UNREAD):
        return study
    due_at = rules.due_at(study.arrived_at, contract.turnaround_minutes, Priority(study.priority))
    if is_new or study.due_at != due_at:
        study.reading_organisation_id, study.due_at = contract.reading_organisation_id, due_at
        scope.session.flush()
    if is_new:
        scope.emit(StudyRouted(**place_of(study), contract_id=contract.id, due_at=due_at))
    return study


def set_priority(scope: Scope, study_id: UUID, *, priority: Priority) -> Study:
    """Make a study more or less urgent; its deadline moves with it, counted from arrival as before."""
    study = queries.get_locked(scope, study_id)
    previous = Priority(study.priority)
    if previous is priority:
        return study
    study.priority, study.priority_rank = priority, PRIORITY_RANK[priority]
    contract = contract_of(scope, study)
    if contract is not None and study.reading_organisation_id is not None:
        study.due_at = rules.due_at(study.arrived_at, contract.turnaround_minutes, priority)
    scope.session.flush()
    scope.emit(PriorityChanged(**place_of(study), priority=priority, previous=previous, due_at=study.due_at))
    return study
