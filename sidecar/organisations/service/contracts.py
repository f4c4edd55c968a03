"""Contracts: a provider lets a reading group read. The platform makes them; both parties see them."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.gate.actor import OrganisationKind
from sidecar.gate.scope import Event, Scope
from sidecar.kernel.errors import Conflict, Invalid, Missing
from sidecar.organisations import policy, queries, rules
from sidecar.organisations.events import ContractCreated, ContractEndSet, ContractTermsSet
from sidecar.organisations.model import FINISHING_HOURS, READING_HOURS, Priors
from sidecar.organisations.tables import Contract, Organisation


def create_contract(  # noqa: PLR0913 - one form
    scope: Scope,
    *,
    provider_id: UUID,
    reading_id: UUID,
    modalities: Sequence[str] | None,
    turnaround_minutes: Mapping[str, int],
    starts_on: date,
    reading_hours: int = READING_HOURS,
    priors: Priors = Priors.READ,
    finishing_hours: int = FINISHING_HOURS,
) -> Contract:
    """Join a provider and a reading group. ``modalities`` None is all; minutes per priority count from arrival.

    Raises Missing for an organisation of another kind, Conflict where a contract of the two already covers this.
    """
    policy.require_platform(scope.actor)
    _require_kind(scope, provider_id, OrganisationKind.PROVIDER)
    _require_kind(scope, reading_id, OrganisationKind.READING_GROUP)
    others = scope.session.scalars(
        select(Contract).where(Contract.organisation_id == provider_id, Contract.reading_organisation_id == reading_id)
    )
    for other in others:
        if (other.ends_on is None or other.ends_on >= starts_on) and rules.overlap(modalities, other.modalities):
            raise Conflict("These two already have a contract for this. End that one first, or choose other modalities.")
    contract = Contract(
        organisation_id=provider_id,
        id=uuid4(),
        reading_organisation_id=reading_id,
        modalities=sorted(set(modalities)) if modalities else None,
        turnaround_minutes=dict(turnaround_minutes),
        reading_hours=reading_hours,
        priors=priors.value,
        finishing_hours=finishing_hours,
        starts_on=starts_on,
        created_at=scope.now,
    )
    scope.session.add(contract)
    scope.session.flush()
    for one, other_id in ((provider_id, reading_id), (reading_id, provider_id)):
        scope.emit(ContractCreated(organisation_id=one, contract_id=contract.id, counterpart_id=other_id))
    return contract


def end_contract(scope: Scope, contract_id: UUID, *, ends_on: date | None) -> Contract:
    """Set the last day of a contract, or take it back (None). Nothing new is routed after it.

    Studies already routed stay readable until they are signed, or the hours to finish are over (``assignment.contract_end``).
    Raises Invalid when it would end before it began.
    """
    policy.require_platform(scope.actor)
    contract = queries.contract(scope, contract_id)
    if ends_on and ends_on < contract.starts_on:
        raise Invalid(f"It starts on {contract.starts_on}; it cannot end before.")
    if contract.ends_on != ends_on:
        contract.ends_on, contract.announced_at, contract.closed_at = ends_on, None, None
        scope.session.flush()
        for happened in _end_events(contract):
            scope.emit(happened)
    return contract


def set_terms(
    scope: Scope, contract_id: UUID, *, reading_hours: int, priors: Priors, finishing_hours: int | None = None
) -> Contract:
    """Change how long after sign-off the group sees a study, which older ones it is lent, and how long it may finish.

    What is signed or lent already keeps the terms it had. ``finishing_hours`` None: as it is.
    """
    policy.require_platform(scope.actor)
    contract = queries.contract(scope, contract_id)
    hours = contract.finishing_hours if finishing_hours is None else finishing_hours
    if (contract.reading_hours, contract.priors, contract.finishing_hours) != (reading_hours, priors, hours):
        contract.reading_hours, contract.priors, contract.finishing_hours = reading_hours, priors.value, hours
        scope.session.flush()
        parties = (contract.organisation_id, contract.reading_organisation_id)
        for one, other in (parties, parties[::-1]):
            scope.emit(
                ContractTermsSet(
                    organisation_id=one,
                    contract_id=contract.id,
                    counterpart_id=other,
                    reading_hours=reading_hours,
                    priors=priors,
                    finishing_hours=hours,
                )
            )
    return contract


def _end_events(contract: Contract) -> list[Event]:
    parties = (contract.organisation_id, contract.reading_organisation_id)
    return [
        ContractEndSet(
            organisation_id=one,
            contract_id=contract.id,
            counterpart_id=other,
            ends_on=contract.ends_on.isoformat() if contract.ends_on else None,
        )
        for one, other in (parties, parties[::-1])
    ]


def _require_kind(scope: Scope, organisation_id: UUID, kind: OrganisationKind) -> None:
    found: Organisation = scope.one(select(Organisation).where(Organisation.id == organisation_id))
    if found.kind != kind:
        raise Missing
