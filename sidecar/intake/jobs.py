"""The reconciler: what a cell has and the index lacks is asked for again, from the cell's own change log."""

import time
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import func, select, update

from sidecar.adapters.cell_client import CellAddress, CellClient, Cells
from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scopes
from sidecar.intake import forms
from sidecar.kernel.errors import Problem
from sidecar.organisations.model import Wanted
from sidecar.organisations.tables import Cell
from sidecar.studies.service import register_arrival
from sidecar.studies.tables import Study

LOG = structlog.get_logger("reconciler")
PAGES = 40
"""Pages of changes read from one cell in one go; a long way to catch up is walked in several."""
ANEW_SECONDS = 3600.0
"""Reading a whole change log again is for accidents; an image that can never be indexed must not make it a habit."""
READ_ANEW: dict[UUID, float] = {}
"""When this process last read a cell's log from the start (seconds of its own clock)."""


def reconcile_cells(workshop: Workshop) -> None:
    """Catch up with every cell that should run. One that does not answer stops nobody; it is asked again next time."""
    with workshop.scopes.open(platform_system()) as scope:
        found = scope.session.scalars(select(Cell).where(Cell.wanted == Wanted.RUNNING)).all()
    with CellClient(workshop.tokens) as cells:
        for cell in found:
            address = CellAddress(cell.id, cell.organisation_id, f"{workshop.settings.cell_host}:{cell.http_port}")
            try:
                reconcile(workshop.scopes, cells, address, since=cell.changes_cursor)
            except Problem as problem:
                LOG.warning("cell not reconciled", cell=str(cell.id), reason=problem.code)


def reconcile(scopes: Scopes, cells: Cells, cell: CellAddress, *, since: int) -> None:
    """Take in what is new in a cell's change log; then, if the index still lacks images, read the log anew from its start.

    The cell counts before the log is read: images that come meanwhile can only make the index larger than that count.
    """
    held = int(cells.statistics(cell)["CountInstances"])
    if not catch_up(scopes, cells, cell, since=since):
        return
    indexed = _indexed(scopes, cell)
    last = READ_ANEW.get(cell.cell_id)
    if indexed >= held or (last is not None and time.monotonic() - last < ANEW_SECONDS):
        return
    READ_ANEW[cell.cell_id] = time.monotonic()
    LOG.warning("the index lacks images", cell=str(cell.cell_id), held=held, indexed=indexed)
    _move_cursor(scopes, cell, 0)


def catch_up(scopes: Scopes, cells: Cells, cell: CellAddress, *, since: int) -> bool:
    """Take in all changes after ``since``; return whether the end was reached.

    The cursor moves only over pages whose every event stands in the database. An event that can never be taken in is
    logged and passed over: the comparison of counts names it again.
    """
    for _ in range(PAGES):
        page = cells.changes(cell, since=since)
        for raw in page["events"]:
            _take(scopes, cell, raw)
        if page["last"] != since:
            since = page["last"]
            _move_cursor(scopes, cell, since)
        if page["done"]:
            return True
    return False


def _indexed(scopes: Scopes, cell: CellAddress) -> int:
    with scopes.open(system_actor(cell.organisation_id)) as scope:
        own = Study.organisation_id == cell.organisation_id
        return scope.session.scalar(select(func.coalesce(func.sum(Study.instance_count), 0)).where(own)) or 0


def _take(scopes: Scopes, cell: CellAddress, raw: object) -> None:
    try:
        event = forms.InstancesStored.model_validate(raw)
        with scopes.open(system_actor(cell.organisation_id)) as scope:
            register_arrival(scope, event.facts(now=scope.now))
    except (ValidationError, Problem) as error:
        LOG.warning("change cannot be taken in", cell=str(cell.cell_id), error=type(error).__name__)


def _move_cursor(scopes: Scopes, cell: CellAddress, cursor: int) -> None:
    with scopes.open(system_actor(cell.organisation_id)) as scope:
        scope.session.execute(update(Cell).where(Cell.id == cell.cell_id).values(changes_cursor=cursor, seen_at=scope.now))
