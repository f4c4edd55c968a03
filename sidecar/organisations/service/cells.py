"""Cells: what is wanted of them, how they were seen, and the revision of their policy."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from sidecar.gate.scope import Scope
from sidecar.organisations import policy
from sidecar.organisations.events import CellWanted
from sidecar.organisations.model import Wanted
from sidecar.organisations.tables import Cell


def want_cell(scope: Scope, organisation_id: UUID, *, wanted: Wanted) -> Cell:
    """Say whether an organisation's cell shall run, stop, or start anew; the worker does it within a second."""
    policy.require_platform(scope.actor)
    cell: Cell = scope.one(select(Cell).where(Cell.organisation_id == organisation_id))
    if cell.wanted != wanted:
        cell.wanted = wanted.value
        scope.session.flush()
        scope.emit(CellWanted(organisation_id=organisation_id, cell_id=cell.id, wanted=wanted.value))
    return cell


def record_cell(scope: Scope, cell_id: UUID, *, done: Wanted | None = None, **seen: Any) -> None:
    """Write how a cell was seen (state, last_error, disk_bytes, …). ``done`` RESTARTING turns that wish into RUNNING.

    Not an event: looking at a cell changes nothing anybody must be told.
    """
    policy.require_platform(scope.actor)
    if seen:
        scope.session.execute(update(Cell).where(Cell.id == cell_id).values(**seen))
    if done is Wanted.RESTARTING:
        scope.session.execute(
            update(Cell).where(Cell.id == cell_id, Cell.wanted == Wanted.RESTARTING.value).values(wanted=Wanted.RUNNING.value)
        )


def bump_policy(scope: Scope) -> None:
    """Note that the own cell's policy changed; its snapshot is written anew within a second. No cell: nothing to do."""
    own = Cell.organisation_id == scope.organisation_id
    scope.session.execute(update(Cell).where(own).values(policy_revision=Cell.policy_revision + 1))
