"""Claim, assign, release, lock, unlock. Each is one conditional UPDATE that changes one row or says who was faster."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update

from sidecar.assignment import policy, rules
from sidecar.assignment.events import ReadingPaused, ReadingStarted, StudyAssigned, StudyClaimed, StudyReleased
from sidecar.assignment.queries import candidates, held
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied, Invalid
from sidecar.studies import queries
from sidecar.studies.model import Status
from sidecar.studies.service import place_of
from sidecar.studies.tables import Study

__all__ = ["assign", "candidates", "claim", "lock", "release", "unlock"]

MOVED_ON = "Somebody else was faster. Look again."
ELSEWHERE = "This study is read by another organisation."
UNLOCKED: dict[str, Any] = {"lock_user_id": None, "lock_user_name": "", "lock_until": None}


def claim(scope: Scope, study_id: UUID) -> Study:
    """Take an unread study. Claiming what one has already changes nothing. Raises Denied, or Conflict naming who has it."""
    study = queries.get(scope, study_id)
    if not policy.may_claim(scope.actor, study):
        raise Denied(ELSEWHERE)
    if study.assignee_id == scope.user_id:
        return study
    free = (Study.assignee_id.is_(None), Study.status == Status.UNREAD, _unlocked_by_others(scope))
    values = {"assignee_id": scope.user_id, "assignee_name": scope.actor.name, "status": Status.ASSIGNED}
    taken = _change(scope, study, free, values)
    if taken is None:
        raise Conflict(rules.why_not_claim(held(_again(scope, study_id)), scope.user_id, scope.now) or MOVED_ON)
    scope.emit(StudyClaimed(**place_of(taken), assignee_id=scope.user_id))
    return taken


def assign(scope: Scope, study_id: UUID, *, user_id: UUID) -> Study:
    """Give the study to a radiologist of the organisation that reads it. Raises Denied, Invalid or Conflict."""
    study = queries.get(scope, study_id)
    if not policy.may_assign(scope.actor, study):
        raise Denied(ELSEWHERE)
    reader = next((one for one in candidates(scope, study) if one.id == user_id), None)
    if reader is None:
        raise Invalid("This person cannot read it. Choose one of the list.")
    if study.assignee_id == reader.id:
        return study
    changeable = (Study.status.in_(rules.OPEN), _unlocked_by_others(scope), _assigned_as(study.assignee_id))
    values = {"assignee_id": reader.id, "assignee_name": reader.name, "status": Status.ASSIGNED, **UNLOCKED}
    given = _change(scope, study, changeable, values)
    if given is None:
        raise Conflict(rules.why_not_assign(held(_again(scope, study_id)), scope.now) or MOVED_ON)
    scope.emit(StudyAssigned(**place_of(given), assignee_id=reader.id, previous_id=study.assignee_id))
    return given


def release(scope: Scope, study_id: UUID) -> Study:
    """Give the study back to everybody. What is released already stays so. Raises Denied, or Conflict while it is being read."""
    study = queries.get(scope, study_id)
    if not policy.may_release(scope.actor, study):
        raise Denied(f"{study.assignee_name} has it." if study.assignee_id else ELSEWHERE)
    previous = study.assignee_id
    if previous is None:
        return study
    changeable = (Study.status.in_(rules.OPEN), _assigned_as(previous), _unlocked_by_others(scope))
    values = {"assignee_id": None, "assignee_name": "", "status": Status.UNREAD, **UNLOCKED}
    freed = _change(scope, study, changeable, values)
    if freed is None:
        raise Conflict(rules.why_not_assign(held(_again(scope, study_id)), scope.now) or MOVED_ON)
    scope.emit(StudyReleased(**place_of(freed), previous_id=previous))
    return freed


def lock(scope: Scope, study_id: UUID) -> Study:
    """Begin or go on reading: the lock holds 60 s from now; asking again renews it. Who reads an unassigned study has it.

    Raises Denied, or Conflict naming who reads it or has it, or saying that it is signed.
    """
    study = queries.get(scope, study_id)
    if not policy.may_claim(scope.actor, study):
        raise Denied(ELSEWHERE)
    began = study.status != Status.READING or study.lock_user_id != scope.user_id
    status = Study.status if study.status == Status.PRELIMINARY else Status.READING
    free = (
        Study.status.in_(rules.READABLE),
        _unlocked_by_others(scope),
        or_(Study.assignee_id.is_(None), Study.assignee_id == scope.user_id),
    )
    mine = {"assignee_id": scope.user_id, "assignee_name": scope.actor.name, "status": status}
    until = {"lock_user_id": scope.user_id, "lock_user_name": scope.actor.name, "lock_until": scope.now + rules.LOCK}
    locked = _change(scope, study, free, mine | until)
    if locked is None:
        raise Conflict(rules.why_not_lock(held(_again(scope, study_id)), scope.user_id, scope.now) or MOVED_ON)
    if began:
        scope.emit(ReadingStarted(**place_of(locked), reader_id=scope.user_id))
    return locked


def unlock(scope: Scope, study_id: UUID) -> Study:
    """Stop reading; the study stays assigned. Without a lock of one's own nothing changes."""
    study = queries.get(scope, study_id)
    values = dict(UNLOCKED)
    if study.status == Status.READING:
        values["status"] = Status.ASSIGNED
    left = _change(scope, study, (Study.lock_user_id == scope.user_id, Study.status == study.status), values)
    if left is None:
        return study
    scope.emit(ReadingPaused(**place_of(left), reader_id=scope.user_id))
    return left


def _change(scope: Scope, study: Study, condition: tuple[ColumnElement[bool], ...], values: dict[str, Any]) -> Study | None:
    """Change this one study if it still is as the condition says and read where it was; None when it is not."""
    same_reader = Study.reading_organisation_id.is_not_distinct_from(study.reading_organisation_id)
    return scope.session.scalars(
        update(Study)
        .where(Study.organisation_id == study.organisation_id, Study.id == study.id, same_reader, *condition)
        .values(values)
        .returning(Study)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one_or_none()


def _again(scope: Scope, study_id: UUID) -> Study:
    study: Study = scope.one(select(Study).where(Study.id == study_id).execution_options(populate_existing=True))
    return study


def _assigned_as(user_id: UUID | None) -> ColumnElement[bool]:
    return Study.assignee_id.is_not_distinct_from(user_id)


def _unlocked_by_others(scope: Scope) -> ColumnElement[bool]:
    return or_(Study.lock_user_id.is_(None), Study.lock_user_id == scope.actor.user_id, Study.lock_until <= scope.now)
