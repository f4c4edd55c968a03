"""Which cell holds a provider's images."""

from uuid import UUID

from sqlalchemy import text

from sidecar.adapters.cell_client import CellAddress
from sidecar.adapters.cell_tokens import Visitor
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing


def cell_of(scope: Scope, organisation_id: UUID, *, host: str) -> CellAddress:
    """Return where the provider's cell listens; Missing for who has no contract with it, and when it has none.

    ``host`` is where this machine reaches its cells. The database function tells nothing else about a cell.
    """
    row = scope.session.execute(
        text("SELECT cell_id, http_port FROM cell_address(:organisation)"), {"organisation": organisation_id}
    ).one_or_none()
    if row is None or row.cell_id is None:
        raise Missing
    return CellAddress(row.cell_id, organisation_id, f"{host}:{row.http_port}")


def visitor(scope: Scope, purpose: str) -> Visitor:
    """Return who asks, as the gate of a cell hands it back for the journal; what is done by exception says so."""
    actor = scope.actor
    by_exception = "break-glass" if actor.glass else "share-link" if actor.link else purpose
    return Visitor(
        user_id=scope.user_id,
        organisation_id=scope.organisation_id,
        role=str(actor.role),
        session=actor.session,
        address=scope.address,
        purpose=by_exception,
        name=actor.name,
    )
