"""Reading organisations, cells, contracts, AE titles. The walls decide what is seen; nothing here filters by tenant."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Text, Uuid, column, select, table
from sqlalchemy.orm import aliased

from sidecar.gate.actor import OrganisationKind
from sidecar.gate.scope import Scope
from sidecar.organisations import rules
from sidecar.organisations.model import CertificateState, Health, Outcome
from sidecar.organisations.snapshot import Caller
from sidecar.organisations.tables import (
    ApplicationEntity,
    Association,
    Cell,
    ClientCertificate,
    Contract,
    Organisation,
    RefusedAssociation,
)

STUDIES = table("studies", column("organisation_id", Uuid), column("id", Uuid), column("orthanc_id", Text))
DELETIONS = table(
    "archive_deletions",
    column("organisation_id", Uuid),
    column("study_id", Uuid),
    column("state", Text),
    column("undone_at", DateTime(timezone=True)),
)
"""Of rooms above this one, through the same walls."""


@dataclass(frozen=True, slots=True)
class OrganisationView:
    """An organisation with its cell, if it has one, and that cell's condition now."""

    organisation: Organisation
    cell: Cell | None
    health: Health | None


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract with the names of both parties and whether it covers today; with a last day, when unsigned studies go back."""

    contract: Contract
    provider: str
    reader: str
    in_force: bool
    ended: bool
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate and what it is worth now."""

    certificate: ClientCertificate
    state: CertificateState

    @property
    def good(self) -> bool:
        """Whether it opens the door now."""
        return self.state in {CertificateState.VALID, CertificateState.EXPIRING}


@dataclass(frozen=True, slots=True)
class EntityView:
    """An application entity and the certificate that holds longest; None when it has none."""

    entity: ApplicationEntity
    certificate: CertificateView | None


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
        select(Contract, provider.name, reader.name, provider.zone)
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


def entities(scope: Scope) -> list[ApplicationEntity]:
    """Return the registered application entities by title."""
    return list(scope.session.scalars(select(ApplicationEntity).order_by(ApplicationEntity.aet)))


def entity(scope: Scope, entity_id: UUID) -> ApplicationEntity:
    """Return one registered application entity, or Missing."""
    found: ApplicationEntity = scope.one(select(ApplicationEntity).where(ApplicationEntity.id == entity_id))
    return found


def certificates(scope: Scope, *, aet: str = "") -> list[ClientCertificate]:
    """Return the certificates issued by the own cell's authority, the newest first; of one AE title where named."""
    statement = select(ClientCertificate).order_by(ClientCertificate.issued_at.desc())
    return list(scope.session.scalars(statement.where(ClientCertificate.aet == aet) if aet else statement))


def certificate(scope: Scope, certificate_id: UUID) -> ClientCertificate:
    """Return one certificate, or Missing."""
    found: ClientCertificate = scope.one(select(ClientCertificate).where(ClientCertificate.id == certificate_id))
    return found


def certificate_views(scope: Scope, *, aet: str = "") -> list[CertificateView]:
    """Return certificates with what each is worth now, the newest first; of one AE title where named."""
    return [
        CertificateView(each, rules.certificate_state(each.not_after, each.revoked_at, scope.now))
        for each in certificates(scope, aet=aet)
    ]


def entity_views(scope: Scope) -> list[EntityView]:
    """Return the registered application entities by title, each with the best certificate it holds."""
    best: dict[str, CertificateView] = {}
    for view in certificate_views(scope):
        held = best.setdefault(view.certificate.aet, view)
        if (view.good, view.certificate.not_after) > (held.good, held.certificate.not_after):
            best[view.certificate.aet] = view
    return [EntityView(each, best.get(each.aet)) for each in entities(scope)]


def entity_view(scope: Scope, entity_id: UUID) -> EntityView:
    """Return one registered application entity with its best certificate, or Missing."""
    entity(scope, entity_id)
    return next(each for each in entity_views(scope) if each.entity.id == entity_id)


def callers(scope: Scope) -> list[Caller]:
    """Return what the policy snapshot says of each AE title; revoked certificates are not named."""
    good: dict[str, list[str]] = {}
    for each in certificates(scope):
        if each.revoked_at is None:
            good.setdefault(each.aet, []).append(each.sha256)
    return [
        Caller(each.aet, each.networks, each.services, each.host, each.port, sorted(good.get(each.aet, [])))
        for each in entities(scope)
    ]


def withheld(scope: Scope) -> list[str]:
    """Return which studies the acting organisation's cell keeps out of its archive: deleted, not erased, not taken back."""
    found = (
        select(STUDIES.c.orthanc_id)
        .join(DELETIONS, (DELETIONS.c.organisation_id == STUDIES.c.organisation_id) & (DELETIONS.c.study_id == STUDIES.c.id))
        .where(DELETIONS.c.organisation_id == scope.organisation_id)
        .where(DELETIONS.c.state.in_(["hidden", "erasing"]), DELETIONS.c.undone_at.is_(None))
    )
    return list(scope.session.scalars(found))


def associations(scope: Scope, *, accepted: bool | None = None, aet: str = "", limit: int = 100) -> list[Association]:
    """Return the last associations, the latest first: all, only the accepted, or only the refused; of one AE title."""
    statement = select(Association).order_by(Association.ended_at.desc()).limit(limit)
    if accepted is not None:
        is_accepted = Association.outcome == Outcome.ACCEPTED.value
        statement = statement.where(is_accepted if accepted else ~is_accepted)
    return list(scope.session.scalars(statement.where(Association.aet == aet) if aet else statement))


def refusals(scope: Scope) -> list[RefusedAssociation]:
    """Return who knocked and was refused, the latest first."""
    return list(scope.session.scalars(select(RefusedAssociation).order_by(RefusedAssociation.last_at.desc())))


def _health(scope: Scope, cell: Cell | None) -> Health | None:
    return rules.health(cell.wanted, cell.state, cell.seen_at, scope.now) if cell else None


def _contract_view(contract: Contract, provider: str, reader: str, zone: str, today: date) -> ContractView:
    last = contract.ends_on
    closes = rules.closes_at(last, contract.finishing_hours, ZoneInfo(zone)) if last else None
    in_force = rules.in_force(contract.starts_on, last, today)
    return ContractView(contract, provider, reader, in_force, ended=last is not None and last < today, closes_at=closes)
