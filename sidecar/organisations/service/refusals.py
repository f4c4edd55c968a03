"""Refused callers: counted until somebody registers or dismisses them."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.organisations import rules
from sidecar.organisations.events import RefusalDismissed, SenderRefused
from sidecar.organisations.model import Outcome
from sidecar.organisations.tables import ApplicationEntity, RefusedAssociation


def record_refusal(  # noqa: PLR0913 - the wire's fields
    scope: Scope, *, aet: str, address: str, reason: Outcome, count: int, first_at: datetime, last_at: datetime
) -> None:
    """Add a cell's count of refused associations to what is known of this caller; the first one is an event."""
    known = RefusedAssociation
    row = insert(known).values(
        organisation_id=scope.organisation_id,
        aet=aet,
        address=address,
        reason=reason.value,
        attempts=count,
        first_at=first_at,
        last_at=last_at,
    )
    attempts = scope.session.scalar(
        row.on_conflict_do_update(
            index_elements=["organisation_id", "aet", "address", "reason"],
            set_={
                "attempts": known.attempts + row.excluded.attempts,
                "first_at": func.least(known.first_at, row.excluded.first_at),
                "last_at": func.greatest(known.last_at, row.excluded.last_at),
            },
        ).returning(known.attempts)
    )
    if attempts == count:
        scope.emit(SenderRefused(organisation_id=scope.organisation_id, aet=aet, address=address, reason=reason.value))


def dismiss_refusal(scope: Scope, *, aet: str, address: str) -> None:
    """Forget a refused caller: it is none of ours. It shows again if it calls again. Raises Missing."""
    gone = scope.session.scalars(
        delete(RefusedAssociation)
        .where(RefusedAssociation.aet == aet, RefusedAssociation.address == address)
        .returning(RefusedAssociation.reason)
    ).all()
    if not gone:
        raise Missing
    scope.emit(RefusalDismissed(organisation_id=scope.organisation_id, aet=aet, address=address))


def forget_explained(scope: Scope, entity: ApplicationEntity) -> None:
    """Drop the refusals of a caller that its entry answers now: its title, its address, its services, its certificate."""
    for row in scope.session.scalars(
        select(RefusedAssociation).where(
            RefusedAssociation.aet == entity.aet, RefusedAssociation.reason != Outcome.WRONG_CALLED_AET.value
        )
    ):
        if any(rules.admits(network, row.address) for network in entity.networks):
            scope.session.delete(row)
