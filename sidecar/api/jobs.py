"""Tidying: remembered creates whose time is over, and notifications that nobody looks for any more."""

from datetime import timedelta

from sqlalchemy import delete, select

from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop, everybody
from sidecar.gate.scope import Scope
from sidecar.gate.tables import IdempotentRequest
from sidecar.notifications.tables import Notification

KEPT = timedelta(days=180)
"""How long a notification stays, read or not: what happened stays in the journal."""
MOST = 5000
"""Rows of a kind in one transaction; the rest goes the next time."""


def forget(workshop: Workshop) -> None:
    """Delete what ran out, organisation by organisation."""
    for organisation_id in everybody(workshop.scopes):
        with workshop.scopes.open(system_actor(organisation_id)) as scope:
            forget_of(scope)


def forget_of(scope: Scope) -> None:
    """Delete what ran out in one organisation."""
    told = select(Notification.id).where(Notification.created_at < scope.now - KEPT).limit(MOST)
    scope.session.execute(
        delete(Notification).where(Notification.organisation_id == scope.organisation_id, Notification.id.in_(told))
    )
    scope.session.execute(
        delete(IdempotentRequest).where(
            IdempotentRequest.organisation_id == scope.organisation_id, IdempotentRequest.expires_at <= scope.now
        )
    )
