"""Keeping each cell's worklist snapshot what the orders say: modalities ask the cell, which works while we are away."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from sidecar.gate.actor import OrganisationKind, platform_system, system_actor
from sidecar.gate.machine import Owed, Workshop, everybody, owing
from sidecar.gate.scope import Scope
from sidecar.orders import queries, snapshot
from sidecar.orders.events import OrderAdded, OrderChanged, OrderMatched, OrderMoved, OrderUnmatched
from sidecar.organisations.snapshot import read_snapshot, write_snapshot
from sidecar.organisations.tables import Cell

FILE = "worklist.json"
CHANGES = frozenset({each.kind for each in (OrderAdded, OrderChanged, OrderMoved, OrderMatched, OrderUnmatched)})
JUST_NOW = timedelta(minutes=2)
"""Longer than the slow round takes to come by again."""


def write_worklists(workshop: Workshop) -> None:
    """Write the worklists of those whose orders changed just now."""
    _write_of(workshop, owing(workshop.scopes, Owed.HAPPENED, kinds=CHANGES, within=JUST_NOW))


def write_all_worklists(workshop: Workshop) -> None:
    """Write every worklist that is not as it should be: days begin and end, and cells come into being."""
    _write_of(workshop, everybody(workshop.scopes, OrganisationKind.PROVIDER))


def _write_of(workshop: Workshop, providers: Sequence[UUID]) -> None:
    """A cell whose directory is not there yet gets its own once the cells were tended."""
    with workshop.scopes.open(platform_system()) as scope:
        cells = scope.session.scalars(select(Cell).where(Cell.organisation_id.in_(providers)).order_by(Cell.created_at)).all()
    for cell in cells:
        directory = workshop.settings.cells_dir / str(cell.id)
        if directory.is_dir():
            with workshop.scopes.open(system_actor(cell.organisation_id)) as scope:
                _write(directory / FILE, worklist(scope, cell))


def worklist(scope: Scope, cell: Cell) -> dict[str, Any]:
    """Return the snapshot of the scope's organisation as of now."""
    first, last = snapshot.window(queries.local_now(scope).date())
    orders = queries.offered(scope, first=first, last=last, limit=snapshot.MOST)
    return snapshot.build(cell_id=cell.id, organisation_id=cell.organisation_id, orders=orders)


def _write(path: Path, said: dict[str, Any]) -> None:
    if read_snapshot(path) != said:
        write_snapshot(path, said)
