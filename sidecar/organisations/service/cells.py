"""Cells: their ports, what is wanted of them, how they were seen, and the revision of their policy."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update

from sidecar.adapters.listening import port_is_free
from sidecar.gate.scope import Scope
from sidecar.organisations import policy, rules
from sidecar.organisations.events import CellWanted, CharacterSetChosen
from sidecar.organisations.model import CharacterSet, Places, Wanted
from sidecar.organisations.tables import Cell

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('organisations.add_hospital'))")
"""Ports are given to one cell after another: two that look for a free one at once would find the same."""


def want_cell(scope: Scope, organisation_id: UUID, *, wanted: Wanted) -> Cell:
    """Say whether an organisation's cell shall run, stop, or start anew; the worker does it within a second."""
    policy.require_platform(scope.actor)
    cell: Cell = scope.one(select(Cell).where(Cell.organisation_id == organisation_id))
    if cell.wanted != wanted:
        cell.wanted = wanted.value
        scope.session.flush()
        scope.emit(CellWanted(organisation_id=organisation_id, cell_id=cell.id, wanted=wanted.value))
    return cell


def choose_character_set(scope: Scope, chosen: CharacterSet) -> CharacterSet:
    """Say what texts are in that name no character set; return what it was. The own cell restarts with it. Raises Missing."""
    cell: Cell = scope.one(select(Cell).where(Cell.organisation_id == scope.organisation_id))
    before = CharacterSet(cell.character_set)
    if chosen is not before:
        cell.character_set = chosen.value
        scope.session.flush()
        scope.emit(CharacterSetChosen(organisation_id=cell.organisation_id, character_set=chosen.value))
    return before


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


def give_ports(scope: Scope, cell_id: UUID, *, places: Places, free: Callable[[int], bool] = port_is_free) -> Cell:
    """Give a cell of an earlier release the DICOM ports it lacks; return it. Raises Conflict when none is left."""
    policy.require_platform(scope.actor)
    scope.session.execute(ONE_AT_A_TIME)
    cells = list(scope.session.scalars(select(Cell)))
    cell = next(each for each in cells if each.id == cell_id)
    taken = ports_of(cells)
    cell.inner_dicom_port = cell.inner_dicom_port or rules.choose_port(places.inner_dicom, taken, free)
    cell.dicom_tls_port = cell.dicom_tls_port or rules.choose_port(places.dicom_tls, taken, free)
    cell.policy_revision += 1
    return cell


def ports_of(cells: Iterable[Cell]) -> set[int]:
    """Return every port that belongs to one of these cells."""
    return {port for each in cells for port in (each.dicom_port, each.http_port, each.inner_dicom_port, each.dicom_tls_port)}


def bump_policy(scope: Scope) -> None:
    """Note that the own cell's policy changed; its snapshot is written anew within a second. No cell: nothing to do."""
    own = Cell.organisation_id == scope.organisation_id
    scope.session.execute(update(Cell).where(own).values(policy_revision=Cell.policy_revision + 1))
