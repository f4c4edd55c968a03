"""A hospital takes a routed, unsigned study back from the group that reads it, or lets it go there again.

The group's sight of it ends in the walls, with the study's row; older studies lent beside it end with it. What was written of a
report stays with who wrote it. The deadline stays: the patient waits since the images came, whoever reads them.
"""

from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import select, update

from sidecar.assignment import policy, rules
from sidecar.assignment.events import StudyOfferedAgain, StudyTakenBack
from sidecar.assignment.queries import held
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied
from sidecar.kernel.journal import JournalRow
from sidecar.studies import queries
from sidecar.studies.model import Status, TakeBackReason
from sidecar.studies.service import place_of, route
from sidecar.studies.tables import Study, TakeBack

WRITTEN = "reports.report.saved"
"""What the owner's journal says of a draft that it may not read."""


class BeingRead(Conflict):
    """Somebody has begun to read it: say that this is known, and ask again."""

    code: ClassVar[str] = "being-read"


def take_back(
    scope: Scope, study_id: UUID, *, reason: TakeBackReason, explanation: str = "", confirmed: bool = False
) -> TakeBack:
    """Take a study back from the reading group. ``confirmed``: the actor knows that it is being read.

    Raises Missing, Denied, Conflict when no group has it or it is signed, BeingRead when somebody began and it is not confirmed.
    """
    study = queries.get_locked(scope, study_id)
    if not policy.may_take_back(scope.actor, study):
        raise Denied("Only the hospital that owns a study takes it back.")
    why_not = rules.why_not_take_back(held(study), is_elsewhere(study))
    if why_not:
        raise Conflict(why_not)
    begun = what_was_begun(scope, study)
    if begun and not confirmed:
        raise BeingRead(f"{begun} Confirm that it is taken back all the same.")
    return take(scope, study, reason=reason, explanation=explanation)


def take(
    scope: Scope, study: Study, *, reason: TakeBackReason, explanation: str = "", contract_id: UUID | None = None
) -> TakeBack:
    """Take a locked, unsigned study from its group, whoever is asking."""
    place = place_of(study)
    if place["reading_organisation_id"] is None:
        raise Conflict("No reading group has this study.")
    made = TakeBack(
        organisation_id=study.organisation_id,
        id=uuid4(),
        study_id=study.id,
        reading_organisation_id=place["reading_organisation_id"],
        contract_id=contract_id,
        reason=reason,
        explanation=explanation,
        had_by_id=study.assignee_id,
        taken_at=scope.now,
        taken_by_id=scope.actor.user_id,
        taken_by_name=scope.actor.name,
    )
    scope.session.add(made)
    study.reading_organisation_id, study.status = None, Status.UNREAD
    study.assignee_id, study.assignee_name = None, ""
    study.lock_user_id, study.lock_user_name, study.lock_until = None, "", None
    scope.session.flush()
    scope.emit(StudyTakenBack(**place, take_back_id=made.id, reason=reason, contract_id=contract_id))
    return made


def offer_again(scope: Scope, study_id: UUID) -> Study:
    """Let contracts give a study again to whom it was taken back from; return it, routed if one does so now.

    Raises Missing, Denied, or Conflict: it was not taken back, or somebody has it by now.
    """
    study = queries.get_locked(scope, study_id)
    if not policy.may_take_back(scope.actor, study):
        raise Denied("Only the hospital that owns a study gives it away.")
    if is_elsewhere(study) or study.status != Status.UNREAD:
        raise Conflict("Somebody has this study by now.")
    here = (TakeBack.study_id == study.id, TakeBack.undone_at.is_(None))
    undone = update(TakeBack).where(*here).values(undone_at=scope.now, undone_by_name=scope.actor.name)
    if not scope.session.scalars(undone.returning(TakeBack.id).execution_options(synchronize_session=False)).all():
        raise Conflict("This study was not taken back from anybody.")
    scope.emit(StudyOfferedAgain(**place_of(study)))
    return route(scope, study.id)


def is_elsewhere(study: Study) -> bool:
    """Say whether another organisation than its owner reads the study."""
    return study.reading_organisation_id not in (None, study.organisation_id)


def what_was_begun(scope: Scope, study: Study) -> str:
    """Return what its readers have begun, in words for whoever would take it from them; "" for nothing."""
    written = select(JournalRow.sequence).where(
        JournalRow.organisation_id == study.organisation_id,
        JournalRow.study_id == study.id,
        JournalRow.kind == WRITTEN,
        JournalRow.actor_organisation_id == study.reading_organisation_id,
    )
    return rules.begun(held(study), scope.now, written=scope.session.scalar(written.limit(1)) is not None)
