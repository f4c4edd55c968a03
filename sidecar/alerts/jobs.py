"""What the worker does for alerts: look through the journal of each organisation, and tell its administrators."""

from uuid import UUID

from sqlalchemy import select

from sidecar.adapters.seals import Seal
from sidecar.alerts import limits, places, queries, reviews, rules, service
from sidecar.alerts.rules import Limits
from sidecar.alerts.shipping import forward_journal
from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scope, Scopes
from sidecar.organisations.tables import Organisation

__all__ = ["forward_journal", "watch"]


def watch(workshop: Workshop) -> None:
    """Raise what deserves it, in each organisation by itself."""
    with workshop.scopes.open(platform_system()) as scope:
        organisations = scope.session.scalars(select(Organisation.id).order_by(Organisation.id)).all()
    for organisation_id in organisations:
        watch_one(workshop.scopes, workshop.seal, organisation_id)


def watch_one(scopes: Scopes, seal: Seal, organisation_id: UUID) -> None:
    """Look through one organisation's last hour, and tell what is new."""
    with scopes.open(system_actor(organisation_id)) as scope:
        mark = places.watch_of(scope)
        places.look_for_new(scope, mark)
        look(scope, limits.limits_of(scope))
        reviews.remind(scope)
        service.tell(scope, seal, mark)


def look(scope: Scope, within: Limits) -> None:
    """Let every finding of the last hour stand as an alert, once."""
    since = scope.now - within.longest
    rows = queries.watched(scope, since)
    if not rows:
        return
    for found in rules.deserved(rows, within, queries.settled(scope, since)):
        service.stand(scope, scope.organisation_id, found)
