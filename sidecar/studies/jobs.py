"""What the worker does for studies, every few seconds."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from sidecar.gate.actor import OrganisationKind, platform_system, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.organisations.queries import organisation_ids
from sidecar.organisations.tables import Contract
from sidecar.studies import queries, service

WAITING_DAYS = timedelta(days=7)
"""How far back a new contract reaches: what is older was settled otherwise."""


def complete_studies(workshop: Workshop) -> None:
    """Call complete what has gone quiet, provider by provider, one commit per batch."""
    for organisation_id in organisation_ids(workshop.scopes, OrganisationKind.PROVIDER):
        while _complete_batch(workshop.scopes, organisation_id) == service.BATCH:
            pass


def route_waiting(workshop: Workshop) -> None:
    """Give to its readers what arrived before its contract was written: unread studies of the last days that it covers."""
    with workshop.scopes.open(platform_system()) as scope:
        providers = scope.session.scalars(select(Contract.organisation_id).distinct()).all()
    for organisation_id in providers:
        with workshop.scopes.open(system_actor(organisation_id)) as scope:
            for study in queries.waiting(scope, since=scope.now - WAITING_DAYS):
                service.route(scope, study.id)


def _complete_batch(scopes: Scopes, organisation_id: UUID) -> int:
    with scopes.open(system_actor(organisation_id)) as scope:
        return len(service.complete_due(scope))
