"""Reading organisations, cells, contracts, senders. The walls decide what is seen; nothing here filters by tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from sidecar.gate.actor import OrganisationKind, platform_system
from sidecar.gate.scope import Scope, Scopes
from sidecar.organisations import rules
from sidecar.organisations.model import Health
from sidecar.organisations.tables import Cell, Contract, Organisation, RefusedAssociation, Sender


@dataclass(frozen=True, slots=True)
class OrganisationView:
    """An organisation with its cell, if it has one, and that cell's condition now."""

    organisation: Organisation
    cell: Cell | None
    health: Health | None


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract with the names of both parties and whether it covers today."""

    contract: Contract
    provider: str
    reader: str
    in_force: bool
    ended: bool


def organisations(scope: Scope) -> list[OrganisationView]:
    """Return all visible organisations by kind and name."""
    rows = scope.session.execute(
        select(Organisation, Cell)
        .outerjoin(Cell, Cell.organisation_id == Organisation.id)
        .order_by(Organisation.kind, Organisation.name)
    )
    return [OrganisationView(organisation, cell, _health(scope, cell)) for organisation, cell in rows]


def organisation(scope: Scope, organisation_id: UUID) -> OrganisationView:
    """Return one organisation with its cell, or Missing."""
    found: Organisation = scope.one(select(Organisation).where(Organisation.id == organisation_id))
    cell = scope.session.scalar(select(Cell).where(Cell.organisation_id == organisation_id))
    return OrganisationView(found, cell, _health(scope, cell))


def choices(scope: Scope, kind: OrganisationKind) -> list[tuple[str, str]]:
    """Return (id, name) of the visible organisations of a kind: for lists to choose from."""
    rows = scope.session.scalars(select(Organisation).where(Organisation.kind == kind).order_by(Organisation.name))
    return [(str(each.id), each.name) for each in rows]


def contracts(scope: Scope, *, party: UUID | None = None) -> list[ContractView]:
    """Return the visible contracts, newest first; only those of one organisation where ``party`` names it."""
    provider, reader = aliased(Organisation), aliased(Organisation)
    statement = (
        select(Contract, provider.name, reader.name)
        .join(provider, provider.id == Contract.organisation_id)
        .join(reader, reader.id == Contract.reading_organisation_id)
        .order_by(Contract.starts_on.desc(), Contract.created_at.desc())
    )
    if party:
        statement = statement.where((Contract.organisation_id == party) | (Contract.reading_organisation_id == party))
    today = scope.now.date()
    return [_contract_view(*row, today) for row in scope.session.execute(statement)]


def contract(scope: Scope, contract_id: UUID) -> Contract:
    """Return one contract, or Missing."""
    found: Contract = scope.one(select(Contract).where(Contract.id == contract_id))
    return found


def own_cell(scope: Scope) -> Cell:
    """Return the cell of the actor's own organisation; Missing for organisations that send nothing."""
    cell: Cell = scope.one(select(Cell).where(Cell.organisation_id == scope.organisation_id))
    return cell


def senders(scope: Scope) -> list[Sender]:
    """Return the registered senders by title and network."""
    return list(scope.session.scalars(select(Sender).order_by(Sender.aet, Sender.network)))


def sender(scope: Scope, sender_id: UUID) -> Sender:
    """Return one registered sender, or Missing."""
    found: Sender = scope.one(select(Sender).where(Sender.id == sender_id))
    return found


def refusals(scope: Scope) -> list[RefusedAssociation]:
    """Return who knocked and was refused, the latest first."""
    return list(scope.session.scalars(select(RefusedAssociation).order_by(RefusedAssociation.last_at.desc())))


def _health(scope: Scope, cell: Cell | None) -> Health | None:
    return rules.health(cell.wanted, cell.state, cell.seen_at, scope.now) if cell else None


def _contract_view(contract: Contract, provider: str, reader: str, today: date) -> ContractView:
    ended = contract.ends_on is not None and contract.ends_on < today
    return ContractView(contract, provider, reader, rules.in_force(contract.starts_on, contract.ends_on, today), ended)


def organisation_ids(scopes: Scopes, *kinds: OrganisationKind) -> Sequence[UUID]:
    """Return the ids of all tenants of these kinds (none named: of all), for a job that enters each one's walls in turn."""
    wanted = [kind.value for kind in kinds or tuple(OrganisationKind)]
    with scopes.open(platform_system()) as scope:
        return scope.session.scalars(select(Organisation.id).where(Organisation.kind.in_(wanted))).all()
