"""Taking in what cells tell: exactly once, one transaction per event, whatever happens to its neighbours."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from sidecar.adapters.cell_tokens import CellTokens
from sidecar.gate.actor import NOBODY, system_actor
from sidecar.gate.scope import Scope, Scopes
from sidecar.intake import forms, visits
from sidecar.intake.events import CellAnnounced
from sidecar.intake.tables import InboxEvent
from sidecar.kernel.errors import Problem, Unauthenticated
from sidecar.organisations.service import record_association
from sidecar.organisations.tables import Cell
from sidecar.studies.service import register_arrival

LOG = structlog.get_logger("intake")
NO_SUCH_SECRET = "0" * 64
"""Compared with when there is no such cell, so that both refusals take the same way."""


@dataclass(frozen=True, slots=True)
class Known:
    """A cell that has proved itself."""

    id: UUID
    organisation_id: UUID


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch. ``refused``: event id (or its place in the batch) → what is wrong, without patient data."""

    accepted: list[str]
    refused: dict[str, str]


def recognise(scopes: Scopes, header: str) -> Known:
    """Return which cell bears this ``Authorization: Cell <uuid>:<secret>``; Unauthenticated says no more than that."""
    scheme, _, credentials = header.partition(" ")
    name, _, secret = credentials.strip().partition(":")
    try:
        cell_id = UUID(name) if scheme.lower() == "cell" else None
    except ValueError:
        cell_id = None
    cell = _find(scopes, cell_id) if cell_id else None
    told = hashlib.sha256(secret.encode()).hexdigest()
    kept = cell.secret_hash if cell and cell.secret_hash else NO_SUCH_SECRET
    if not hmac.compare_digest(told.encode(), kept.encode()) or cell is None:
        raise Unauthenticated("This is the door of the cells.")
    return Known(cell.id, cell.organisation_id)


def _find(scopes: Scopes, cell_id: UUID) -> Cell | None:
    with scopes.open(NOBODY, cell=cell_id) as scope:
        return scope.session.scalars(select(Cell).where(Cell.id == cell_id)).one_or_none()


def take_batch(scopes: Scopes, tokens: CellTokens, cell: Known, batch: list[Any], *, request_id: str = "") -> Taken:
    """Take each event in a transaction of its own. Malformed ones are refused for good, unlucky ones left for the next try."""
    taken = Taken([], {})
    stored = False
    for place, raw in enumerate(batch):
        name = _name(raw, place)
        log = LOG.bind(cell=str(cell.id), event_id=name, request_id=request_id)
        try:
            event = forms.EVENT.validate_python(raw)
            with scopes.open(system_actor(cell.organisation_id), request_id=request_id) as scope:
                take(scope, tokens, cell, event)
        except ValidationError as error:
            taken.refused[name] = _where(error)
            log.warning("malformed event", fault=taken.refused[name])
        except Problem as problem:
            taken.refused[name] = problem.message
            log.warning("impossible event", fault=problem.message)
        except SQLAlchemyError as error:
            # The cell keeps it and asks again; neither its neighbours nor the order of events depend on it.
            log.warning("event not taken", error=type(error).__name__, cause=type(error.__cause__).__name__)
        else:
            taken.accepted.append(name)
            stored = stored or isinstance(event, forms.InstancesStored)
    _note_seen(scopes, cell, stored=stored)
    return taken


def take(scope: Scope, tokens: CellTokens, cell: Known, event: forms.WireEvent) -> bool:
    """Take one event unless it was taken before; return whether it was new."""
    inbox = insert(InboxEvent).values(
        organisation_id=scope.organisation_id, event_id=event.event_id, kind=event.kind, received_at=scope.now
    )
    if scope.session.scalar(inbox.on_conflict_do_nothing().returning(InboxEvent.event_id)) is None:
        return False
    match event:
        case forms.InstancesStored():
            register_arrival(scope, event.facts(now=scope.now))
        case forms.Association():
            record_association(scope, event.event_id, event.record())
        case forms.CellStarted():
            _note_start(scope, cell, event)
        case forms.GateVisited():
            visits.record(scope, event, tokens.visitor(cell.id, event.receipt) if event.receipt else None)
    return True


def _note_start(scope: Scope, cell: Known, event: forms.CellStarted) -> None:
    versions = {"orthanc": event.orthanc, "python": event.python, "plugins": event.plugins}
    scope.session.execute(
        update(Cell)
        .where(Cell.id == cell.id)
        .values(versions=versions | {"unknown_routes": event.unknown_routes}, seen_at=scope.now)
    )
    scope.emit(
        CellAnnounced(
            organisation_id=cell.organisation_id,
            cell_id=cell.id,
            orthanc=event.orthanc,
            unknown_routes=len(event.unknown_routes),
        )
    )


def _note_seen(scopes: Scopes, cell: Known, *, stored: bool) -> None:
    """Write once per batch that the cell spoke: a row all its events share must not make them wait for each other."""
    with scopes.open(system_actor(cell.organisation_id)) as scope:
        values: dict[str, Any] = {"seen_at": scope.now}
        if stored:
            values["last_image_at"] = func.greatest(Cell.last_image_at, scope.now)
        scope.session.execute(update(Cell).where(Cell.id == cell.id).values(values))


def _name(raw: object, place: int) -> str:
    """Return the event's id if it has one that can be printed, else its place in the batch."""
    try:
        return str(UUID(raw["event_id"])) if isinstance(raw, dict) else f"#{place}"
    except (KeyError, ValueError, TypeError, AttributeError):
        return f"#{place}"


def _where(error: ValidationError) -> str:
    """Return which fields are wrong and how, never what they hold."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['type']}" for fault in faults[:5])
