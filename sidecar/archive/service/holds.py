"""Legal hold and retention period: what keeps a study from being deleted."""

from uuid import UUID, uuid4

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from sidecar.archive import policy, queries
from sidecar.archive.events import HoldLifted, HoldSet, RetentionChanged
from sidecar.archive.tables import LegalHold, RetentionPeriod
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied
from sidecar.studies import deletion as hiding
from sidecar.studies import queries as studies
from sidecar.studies.service import place_of
from sidecar.studies.tables import Study


def set_hold(scope: Scope, study_id: UUID, *, reason: str) -> LegalHold:
    """Forbid to delete the study, also one that is hidden already. Raises Missing, Denied, Conflict when it is held."""
    study = _own(scope, study_id)
    if queries.is_being_removed(scope, study):
        raise Conflict("Its images are being removed, or are gone already.")
    hold = LegalHold(
        organisation_id=study.organisation_id,
        id=uuid4(),
        study_id=study.id,
        reason=reason,
        set_at=scope.now,
        set_by_name=scope.actor.name,
    )
    try:
        with scope.session.begin_nested():
            scope.session.add(hold)
    except IntegrityError:
        raise Conflict("It is under legal hold already.") from None
    scope.emit(HoldSet(**place_of(study), hold_id=hold.id))
    return hold


def lift_hold(scope: Scope, study_id: UUID, *, reason: str) -> LegalHold:
    """Let the ordinary rules hold again. Raises Missing, Denied, Conflict when there is no hold."""
    study = _own(scope, study_id)
    lifted = scope.session.scalars(
        update(LegalHold)
        .where(LegalHold.organisation_id == study.organisation_id, LegalHold.study_id == study.id, LegalHold.lifted_at.is_(None))
        .values(lifted_at=scope.now, lifted_by_name=scope.actor.name, lift_reason=reason)
        .returning(LegalHold)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one_or_none()
    if lifted is None:
        raise Conflict("It is not under legal hold.")
    scope.emit(HoldLifted(**place_of(study), hold_id=lifted.id))
    return lifted


def set_retention(scope: Scope, *, years: int) -> None:
    """Keep the own organisation's studies for so many years after their date. Nothing is deleted by that."""
    if years == queries.retention_years(scope):
        return
    row = {"years": years, "changed_at": scope.now, "changed_by_name": scope.actor.name}
    scope.session.execute(
        insert(RetentionPeriod)
        .values(organisation_id=scope.organisation_id, **row)
        .on_conflict_do_update(index_elements=["organisation_id"], set_=row)
    )
    scope.emit(RetentionChanged(organisation_id=scope.organisation_id, years=years))


def _own(scope: Scope, study_id: UUID) -> Study:
    """Return a study of the own organisation, hidden or not, its row held: an erasure that began is waited for."""
    with hiding.seeing_deleted(scope):
        study = studies.get_locked(scope, study_id)
    if not policy.is_owner(scope.actor, study):
        raise Denied("Only the hospital that owns a study decides how long it is kept.")
    return study
