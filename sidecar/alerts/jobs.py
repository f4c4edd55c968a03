"""What the worker does for alerts: look through the journal of each organisation, and tell its administrators."""

from datetime import timedelta
from uuid import UUID

from sidecar.adapters.seals import Seal
from sidecar.alerts import limits, places, queries, reviews, rules, service
from sidecar.alerts.rules import Limits
from sidecar.alerts.shipping import forward_journal
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Owed, Workshop, everybody, owing
from sidecar.gate.scope import Scope, Scopes

__all__ = ["forward_journal", "watch", "watch_all"]
LOOKED_AT = frozenset({*queries.WATCHED, places.SIGNED_IN})
JUST_NOW = timedelta(minutes=2)
"""Longer than the slow round takes to come by again."""


def watch(workshop: Workshop) -> None:
    """Raise what deserves it, where something worth looking at was written since the last look."""
    for organisation_id in owing(workshop.scopes, Owed.ALERTS, kinds=LOOKED_AT, within=JUST_NOW):
        watch_one(workshop.scopes, workshop.seal, organisation_id)


def watch_all(workshop: Workshop) -> None:
    """Raise what deserves it in each organisation: quarters end, and mails were put off."""
    for organisation_id in everybody(workshop.scopes):
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
