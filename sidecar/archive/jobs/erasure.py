"""Deletions whose time to undo is over, and those that were taken back.

Over: the cell removes the files, then the index forgets the images. Taken back: the cell has all of it again, then it is shown.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, update

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.adapters.cell_work import CellWork, Work
from sidecar.archive import queries, service
from sidecar.archive.events import StudyErased
from sidecar.archive.model import DeletionState
from sidecar.archive.tables import Deletion
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Owed, Workshop, owing
from sidecar.gate.scope import Scope, Scopes
from sidecar.kernel.errors import Broken, Busy, Missing
from sidecar.organisations.queries import own_cell
from sidecar.organisations.service import bump_policy
from sidecar.studies import deletion as hiding
from sidecar.studies import queries as studies
from sidecar.studies.cells import cell_of
from sidecar.studies.service import place_of
from sidecar.studies.tables import Study

LOG = structlog.get_logger("erasure")
BATCH = 20
AGAIN = timedelta(minutes=5)
"""When an erasure that could not be done is tried again: one bad study stops nobody."""


def erase_deleted(workshop: Workshop) -> None:
    """Carry out what is due, one provider with such work after the other."""
    owed = owing(workshop.scopes, Owed.ERASURE)
    if not owed:  # as a rule, every second: a client costs more than the question
        return
    with CellClient(workshop.tokens) as client:
        for organisation_id in owed:
            erase_due(workshop.scopes, CellWork(client), organisation_id, host=workshop.settings.cell_host)


def erase_due(scopes: Scopes, work: Work, organisation_id: UUID, *, host: str) -> None:
    """Erase the studies of one provider whose time has come."""
    with scopes.open(system_actor(organisation_id)) as scope:
        due = _due(scope)
        if not due:
            return
        cell = cell_of(scope, organisation_id, host=host)
    for each in due:
        try:
            if each.undone_at is None:
                _erase(scopes, work, cell, each)
            else:
                _return(scopes, work, cell, each)
        except (Busy, Broken) as problem:
            LOG.warning("not erased", deletion=str(each.id), exc_info=problem)
            _put_off(scopes, each, "The archive did not answer, or it still holds images. It is tried again.")


def _return(scopes: Scopes, work: Work, cell: CellAddress, found: Deletion) -> None:
    """Show a study that was called back, once its cell goes by a policy that says so and has put every image back."""
    with scopes.open(system_actor(found.organisation_id)) as scope:
        study, revision = studies.get(scope, found.study_id), own_cell(scope).policy_revision
    left = work.sealed(cell, study.orthanc_id)
    with scopes.open(system_actor(found.organisation_id)) as scope:
        if left.revision >= revision and not left.images:
            service.return_now(scope, found)
        elif left.failing:
            found = queries.deletion(scope, found.id)
            found.problem = f"The archive could not put {left.failing} images back so far; it may be full. It is tried again."


def _due(scope: Scope) -> Sequence[Deletion]:
    found = select(Deletion).where(
        Deletion.state.in_([DeletionState.HIDDEN, DeletionState.ERASING]), Deletion.erase_at <= scope.now
    )
    return scope.session.scalars(found.order_by(Deletion.erase_at).limit(BATCH)).all()


def _erase(scopes: Scopes, work: Work, cell: CellAddress, found: Deletion) -> None:
    study = _take(scopes, found)
    if study is None:
        return
    try:
        work.delete_study(cell, study.orthanc_id)
    except Missing:
        LOG.info("the cell had nothing of it any more", deletion=str(found.id))
    work.discard(cell, study.orthanc_id)
    if work.holds_study(cell, study.orthanc_id):
        raise Busy("The cell still holds images of a study it deleted.")
    with scopes.open(system_actor(found.organisation_id)) as scope:
        study = studies.get_locked(scope, found.study_id)
        if not _move(scope, found, DeletionState.ERASED, erased_at=scope.now):
            return
        images = study.instance_count
        hiding.erase(scope, study)
        bump_policy(scope)
        scope.emit(StudyErased(**place_of(study), deletion_id=found.id, images=images))


def _take(scopes: Scopes, found: Deletion) -> Study | None:
    """Begin: from here on it can neither be undone nor held. None when a hold came in between, or an undo."""
    with scopes.open(system_actor(found.organisation_id)) as scope:
        study = studies.get_locked(scope, found.study_id)
        held = queries.standing_hold(scope, study) is not None
        taken = not held and _move(scope, found, DeletionState.ERASING)
    if held:
        _put_off(scopes, found, "It is under legal hold. It stays hidden until the hold is lifted or the deletion undone.")
        return None
    return study if taken else None


def _put_off(scopes: Scopes, found: Deletion, problem: str) -> None:
    with scopes.open(system_actor(found.organisation_id)) as scope:
        scope.session.execute(
            update(Deletion)
            .where(Deletion.organisation_id == found.organisation_id, Deletion.id == found.id)
            .where(Deletion.state.in_([DeletionState.HIDDEN, DeletionState.ERASING]), Deletion.undone_at.is_(None))
            .values(erase_at=scope.now + AGAIN, problem=problem)
        )


def _move(scope: Scope, found: Deletion, state: DeletionState, **values: object) -> bool:
    under_way = [DeletionState.HIDDEN, DeletionState.ERASING]
    moved = scope.session.scalar(
        update(Deletion)
        .where(Deletion.organisation_id == found.organisation_id, Deletion.id == found.id, Deletion.state.in_(under_way))
        .where(Deletion.undone_at.is_(None))
        .values(state=state, problem="", **values)
        .returning(Deletion.id)
        .execution_options(synchronize_session=False)
    )
    return moved is not None
