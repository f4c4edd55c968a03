"""Associations: what the doors of the own cell tell, and keeping only the last of it."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update

from sidecar.gate.scope import Scope
from sidecar.organisations.model import AssociationRecord, Outcome, Service
from sidecar.organisations.service.refusals import record_refusal
from sidecar.organisations.tables import ApplicationEntity, Association, RefusedAssociation

KEPT = 250
"""Rows kept of the accepted and of the refused each: a scanner of ports cannot push the hospital's own out of sight."""
KEPT_REFUSALS = 500
IN_A_ROW = timedelta(hours=1)
"""Equal echoes and refusals no further apart than this are one row with a count."""
LET_IN = frozenset({Outcome.ACCEPTED, Outcome.UNKNOWN_DESTINATION, Outcome.INCOMPLETE})
"""Outcomes of a caller that may come in, whatever it came to."""
NOT_A_CALLER = frozenset({Outcome.TIMEOUT, Outcome.MALFORMED, Outcome.TOO_MANY})
"""Refusals nobody can be registered for: they stand in the list of associations only."""


def record_association(scope: Scope, association_id: UUID, record: AssociationRecord) -> None:
    """Write down how an association ended. A refused caller is also counted among those to register or dismiss."""
    if not _joined(scope, record):
        scope.session.add(_row(scope, association_id, record))
    if record.outcome in LET_IN:
        seen = func.greatest(ApplicationEntity.last_seen_at, record.ended_at)
        scope.session.execute(update(ApplicationEntity).where(ApplicationEntity.aet == record.aet).values(last_seen_at=seen))
    elif record.outcome not in NOT_A_CALLER:
        record_refusal(
            scope,
            aet=record.aet,
            address=record.address,
            reason=record.outcome,
            count=record.count,
            first_at=record.began_at,
            last_at=record.ended_at,
        )
    scope.session.flush()


def _joined(scope: Scope, record: AssociationRecord) -> bool:
    """Add the record to an equal one shortly before; say whether there was one. Transfers are never joined."""
    if record.outcome in LET_IN and set(record.services) - {Service.ECHO}:
        return False
    last = scope.session.scalar(
        select(Association)
        .where(
            Association.aet == record.aet,
            Association.address == record.address,
            Association.port == record.port,
            Association.outcome == record.outcome.value,
            Association.services == list(record.services),
        )
        .order_by(Association.ended_at.desc())
        .limit(1)
        .with_for_update()
    )
    if last is None or max(record.began_at - last.ended_at, last.began_at - record.ended_at) > IN_A_ROW:
        return False
    last.count += record.count
    last.bytes_in += record.bytes_in
    last.bytes_out += record.bytes_out
    last.began_at, last.ended_at = min(last.began_at, record.began_at), max(last.ended_at, record.ended_at)
    return True


def _row(scope: Scope, association_id: UUID, record: AssociationRecord) -> Association:
    return Association(
        organisation_id=scope.organisation_id,
        id=association_id,
        aet=record.aet,
        called_aet=record.called_aet,
        address=record.address,
        port=record.port,
        certificate=record.certificate,
        outcome=record.outcome.value,
        services=list(record.services),
        objects=record.objects,
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        began_at=record.began_at,
        ended_at=record.ended_at,
        count=record.count,
    )


def prune_associations(scope: Scope) -> None:
    """Forget all but the last associations and refused callers of the own cell."""
    is_accepted = Association.outcome == Outcome.ACCEPTED.value
    for kind in (is_accepted, ~is_accepted):
        beyond = select(Association.ended_at).where(kind).order_by(Association.ended_at.desc()).offset(KEPT).limit(1)
        scope.session.execute(delete(Association).where(kind, Association.ended_at <= beyond.scalar_subquery()))
    beyond = select(RefusedAssociation.last_at).order_by(RefusedAssociation.last_at.desc()).offset(KEPT_REFUSALS).limit(1)
    scope.session.execute(delete(RefusedAssociation).where(RefusedAssociation.last_at <= beyond.scalar_subquery()))
