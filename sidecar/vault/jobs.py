"""Once a day, and at every start: what lies open in a sealed column, or was closed by the master key itself, is closed."""

import structlog

from sidecar.gate.machine import Workshop, everybody
from sidecar.vault import rotation
from sidecar.vault.errors import KeyDestroyed

LOG = structlog.get_logger("vault")


def close_what_is_open(workshop: Workshop) -> None:
    """Close it, organisation by organisation; a shredded one has nothing left to close."""
    for organisation_id in everybody(workshop.scopes):
        try:
            closed = rotation.close_anew(workshop.scopes, workshop.seal, organisation_id)
        except KeyDestroyed:
            continue
        if closed:
            LOG.info("values closed under the organisation's key", organisation=str(organisation_id), values=closed)
