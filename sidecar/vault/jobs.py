"""Once a day, and at every start: what lies open in a sealed column, or was closed by the master key itself, is closed."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy import column, select, table

from sidecar.gate.actor import platform_system
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.vault import rotation
from sidecar.vault.errors import KeyDestroyed

LOG = structlog.get_logger("vault")
ORGANISATIONS = table("organisations", column("id"))


def everybody(scopes: Scopes) -> Sequence[UUID]:
    """Return all organisations of the house."""
    with scopes.open(platform_system()) as scope:
        return scope.session.scalars(select(ORGANISATIONS.c.id)).all()


def close_what_is_open(workshop: Workshop) -> None:
    """Close it, organisation by organisation; a shredded one has nothing left to close."""
    for organisation_id in everybody(workshop.scopes):
        try:
            closed = rotation.close_anew(workshop.scopes, workshop.seal, organisation_id)
        except KeyDestroyed:
            continue
        if closed:
            LOG.info("values closed under the organisation's key", organisation=str(organisation_id), values=closed)
