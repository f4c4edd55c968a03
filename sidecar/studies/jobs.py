"""What the worker does for studies, every few seconds."""

from typing import Protocol
from uuid import UUID

from sqlalchemy import select

from sidecar.gate.actor import OrganisationKind, platform_system, system_actor
from sidecar.gate.scope import Scopes
from sidecar.organisations.tables import Organisation
from sidecar.studies import service


class Workshop(Protocol):
    """What this room's jobs need of the worker."""

    @property
    def scopes(self) -> Scopes:
        """Where transactions begin and end."""


def complete_studies(workshop: Workshop) -> None:
    """Call complete what has gone quiet, provider by provider, one commit per batch."""
    with workshop.scopes.open(platform_system()) as scope:
        providers = scope.session.scalars(select(Organisation.id).where(Organisation.kind == OrganisationKind.PROVIDER)).all()
    for organisation_id in providers:
        while _complete_batch(workshop.scopes, organisation_id) == service.BATCH:
            pass


def _complete_batch(scopes: Scopes, organisation_id: UUID) -> int:
    with scopes.open(system_actor(organisation_id)) as scope:
        return len(service.complete_due(scope))
