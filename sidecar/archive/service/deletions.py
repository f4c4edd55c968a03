"""Deleting a study: hidden at once, erased by the worker when the time to undo is over, unless something forbids it.

The policy of its cell says that it is withheld, and the cell takes it out of its own archive within seconds. Undone, it is
shown again when the cell has put all of it back: nobody takes half a study along for a whole one.
"""

from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, update

from sidecar.archive import policy, queries, rules
from sidecar.archive.events import DeletionUndone, StudyDeleted, StudyReturned
from sidecar.archive.model import DeletionState, Reason
from sidecar.archive.tables import Deletion
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied
from sidecar.organisations.service import bump_policy
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
    bump_policy(scope)
    scope.emit(StudyDeleted(**place_of(study), deletion_id=made.id, reason=reason, images=images))
    return made


def undo(scope: Scope, deletion_id: UUID) -> Study:
    """Have a hidden study put back. Raises Missing, or Conflict when it is erased, back already or on its way."""
    found = queries.deletion(scope, deletion_id)
    if not _call_back(scope, found, by=scope.actor.name):
        raise Conflict(_too_late(queries.deletion(scope, deletion_id)))
    with hiding.seeing_deleted(scope):
        study = studies.get(scope, found.study_id)
    scope.emit(DeletionUndone(**place_of(study), deletion_id=found.id, cause="person"))
    return study


def erase_now(scope: Scope, deletion_id: UUID) -> Deletion:
    """End the time to undo: the worker erases the study next. Raises Missing, Conflict."""
    found = queries.deletion(scope, deletion_id)
    moved = _change(scope, found, erase_at=scope.now)
    if moved is None:
        raise Conflict(_too_late(queries.deletion(scope, deletion_id)))
    return moved


def bring_back(scope: Scope, study_id: UUID) -> None:
    """Undo the deletion of a study for which new images came: whoever deleted it did not know them."""
    study = studies.get(scope, study_id)
    found = queries.hiding(scope, study) if study.deleted_at else None
    if found and _call_back(scope, found):
        scope.emit(DeletionUndone(**place_of(study), deletion_id=found.id, cause="images"))


def return_now(scope: Scope, found: Deletion) -> None:
    """Show a study again that was called back: its cell has all of it. Nothing happens where somebody else did so before."""
    study = studies.get_locked(scope, found.study_id)
    returning = _as_it_is(found) & Deletion.undone_at.is_not(None)
    done = update(Deletion).where(returning).values(state=DeletionState.UNDONE, problem="").returning(Deletion.id)
    if scope.session.scalar(done.execution_options(synchronize_session=False)) is not None:
        hiding.show_again(scope, study)
        scope.emit(StudyReturned(**place_of(study), deletion_id=found.id))


def _call_back(scope: Scope, found: Deletion, *, by: str = "") -> bool:
    moved = _change(scope, found, undone_at=scope.now, undone_by_name=by, erase_at=scope.now)
    if moved:
        bump_policy(scope)
    return moved is not None


def _as_it_is(found: Deletion) -> ColumnElement[bool]:
    """Return the condition that a deletion only hides as yet."""
    mine = (Deletion.organisation_id == found.organisation_id) & (Deletion.id == found.id)
    return mine & (Deletion.state == DeletionState.HIDDEN)


def _change(scope: Scope, found: Deletion, **values: object) -> Deletion | None:
    """Change a deletion that only hides as yet; None when it is more, or no more, than that."""
    return scope.session.scalars(
        update(Deletion)
        .where(_as_it_is(found), Deletion.undone_at.is_(None))
        .values(problem="", **values)
        .returning(Deletion)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one_or_none()


def _too_late(found: Deletion) -> str:
    if found.state == DeletionState.UNDONE:
        return "The study is back already."
    if found.shown is DeletionState.RETURNING:
        return "The study is on its way back."
    return "The images are gone for good." if found.state == DeletionState.ERASED else "The images are being removed right now."
