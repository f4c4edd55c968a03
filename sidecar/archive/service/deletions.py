"""Deleting a study: hidden at once, erased by the worker when the time to undo is over, unless something forbids it."""

from uuid import UUID, uuid4

from sqlalchemy import update

from sidecar.archive import policy, queries, rules
from sidecar.archive.events import DeletionUndone, StudyDeleted
from sidecar.archive.model import DeletionState, Reason
from sidecar.archive.tables import Deletion
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied
from sidecar.studies import deletion as hiding
from sidecar.studies import queries as studies
from sidecar.studies.service import place_of
from sidecar.studies.tables import Study


def delete(scope: Scope, study_id: UUID, *, reason: Reason, explanation: str, images: int) -> Deletion:
    """Hide a study, to be erased after ``rules.UNDO``. ``images`` is how many the actor saw when they confirmed.

    Raises Missing, Denied, or Conflict: legal hold, retention period, somebody reading it, images that came meanwhile.
    """
    study = studies.get_locked(scope, study_id)
    if not policy.is_owner(scope.actor, study):
        raise Denied("Only the hospital that owns a study deletes it.")
    why_not = rules.why_not_delete(queries.standing(scope, study), reason, scope.now.date())
    if why_not:
        raise Conflict(f"This study cannot be deleted. {why_not}")
    if study.instance_count != images:
        raise Conflict(f"The study has {study.instance_count} images by now, not {images}. Look at it again.")
    made = Deletion(
        organisation_id=study.organisation_id,
        id=uuid4(),
        study_id=study.id,
        state=DeletionState.HIDDEN,
        reason=reason,
        explanation=explanation,
        images=images,
        asked_at=scope.now,
        asked_by_id=scope.user_id,
        asked_by_name=scope.actor.name,
        erase_at=scope.now + rules.UNDO,
    )
    scope.session.add(made)
    hiding.hide(scope, study)
    scope.emit(StudyDeleted(**place_of(study), deletion_id=made.id, reason=reason, images=images))
    return made


def undo(scope: Scope, deletion_id: UUID) -> Study:
    """Bring a hidden study back. Raises Missing, or Conflict when it is erased or back already."""
    found = queries.deletion(scope, deletion_id)
    if not _move(scope, found, DeletionState.UNDONE, undone_at=scope.now, undone_by_name=scope.actor.name):
        raise Conflict(_too_late(queries.deletion(scope, deletion_id)))
    with hiding.seeing_deleted(scope):
        study = studies.get_locked(scope, found.study_id)
    hiding.show_again(scope, study)
    scope.emit(DeletionUndone(**place_of(study), deletion_id=found.id, cause="person"))
    return study


def erase_now(scope: Scope, deletion_id: UUID) -> Deletion:
    """End the time to undo: the worker erases the study next. Raises Missing, Conflict."""
    found = queries.deletion(scope, deletion_id)
    moved = _move(scope, found, DeletionState.HIDDEN, erase_at=scope.now)
    if moved is None:
        raise Conflict(_too_late(queries.deletion(scope, deletion_id)))
    return moved


def bring_back(scope: Scope, study_id: UUID) -> None:
    """Undo the deletion of a study for which new images came: whoever deleted it did not know them."""
    study = studies.get(scope, study_id)
    found = queries.hiding(scope, study) if study.deleted_at else None
    if found and _move(scope, found, DeletionState.UNDONE, undone_at=scope.now):
        hiding.show_again(scope, study)
        scope.emit(DeletionUndone(**place_of(study), deletion_id=found.id, cause="images"))


def _move(scope: Scope, found: Deletion, state: DeletionState, **values: object) -> Deletion | None:
    """Change a deletion that only hides as yet; None when it is more, or no more, than that."""
    return scope.session.scalars(
        update(Deletion)
        .where(Deletion.organisation_id == found.organisation_id, Deletion.id == found.id, Deletion.state == DeletionState.HIDDEN)
        .values(state=state, problem="", **values)
        .returning(Deletion)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one_or_none()


def _too_late(found: Deletion) -> str:
    if found.state == DeletionState.UNDONE:
        return "The study is back already."
    return "The images are gone for good." if found.state == DeletionState.ERASED else "The images are being removed right now."
