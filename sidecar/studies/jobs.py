"""What the worker does for studies, every few seconds."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.machine import Owed, Workshop, owing
from sidecar.gate.scope import Scopes
from sidecar.organisations.events import ContractCreated, ContractEndSet
from sidecar.organisations.tables import Contract
from sidecar.studies import routing, service

WAITING_DAYS = timedelta(days=7)
"""How far back a new contract reaches: what is older was settled otherwise."""
ROUTED_AT_ONCE = 50
"""Studies in one transaction: arrivals wait for those that it holds."""
CONTRACTED = (ContractCreated.kind, ContractEndSet.kind)
JUST_NOW = timedelta(minutes=10)
"""Longer than the slow round takes to come by again."""


def complete_studies(workshop: Workshop) -> None:
    """Call complete what has gone quiet, one provider after the other, one commit per batch."""
    for organisation_id in owing(workshop.scopes, Owed.COMPLETION):
        while _complete_batch(workshop.scopes, organisation_id) == service.BATCH:
            pass


def route_contracted(workshop: Workshop) -> None:
    """Give to its readers what arrived before its contract was written, where one was written just now."""
    for organisation_id in owing(workshop.scopes, Owed.HAPPENED, kinds=CONTRACTED, within=JUST_NOW):
        route_all(workshop.scopes, organisation_id)


def route_waiting(workshop: Workshop) -> None:
    """Do so wherever there is a contract: unread studies of the last days that it covers."""
    with workshop.scopes.open(platform_system()) as scope:
        providers = scope.session.scalars(select(Contract.organisation_id).distinct()).all()
    for organisation_id in providers:
        route_all(workshop.scopes, organisation_id)


def route_all(scopes: Scopes, organisation_id: UUID) -> None:
    """Do so for one provider."""
    with scopes.open(system_actor(organisation_id)) as scope:
        found = [study.id for study in routing.waiting(scope, since=scope.now - WAITING_DAYS)]
    for start in range(0, len(found), ROUTED_AT_ONCE):
        with scopes.open(system_actor(organisation_id)) as scope:
            for study_id in found[start : start + ROUTED_AT_ONCE]:
                service.route(scope, study_id)


def _complete_batch(scopes: Scopes, organisation_id: UUID) -> int:
    with scopes.open(system_actor(organisation_id)) as scope:
        return len(service.complete_due(scope))
