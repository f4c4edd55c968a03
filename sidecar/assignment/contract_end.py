"""What happens with unsigned studies when a contract ends: both parties are told, then what is left goes back to the hospital.

Told when the last day begins, with what is still open; handed back when the hours to finish after it are over. What another
contract of the same two lets the group go on reading stays where it is.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from sidecar.accounts.tables import User
from sidecar.assignment.taking_back import take
from sidecar.gate.actor import Role, platform_system, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scope, Scopes
from sidecar.notifications.service import notify
from sidecar.organisations.events import ContractClosed
from sidecar.organisations.rules import closes_at, midnight_after
from sidecar.organisations.tables import Contract, Organisation
from sidecar.studies import queries
from sidecar.studies.model import Status, TakeBackReason
from sidecar.studies.routing import terms
from sidecar.studies.tables import Study, TakeBack

AT_ONCE = 50
"""Studies in one transaction: their readers wait for those that it holds."""
KIND = "contract-end"
TOLD = (Role.MANAGER, Role.ADMIN)
DAY = timedelta(days=1)
CONTRACTS = "/admin/contracts"


@dataclass(frozen=True, slots=True)
class Ending:
    """A contract with a last day that was not closed yet, the names of both parties, where the images come from.

    ``begins``: when the last day does; ``closes``: when what is unsigned goes back.
    """

    contract: Contract
    provider: str
    reader: str
    zone: ZoneInfo
    begins: datetime
    closes: datetime


def end_contracts(workshop: Workshop) -> None:
    """Tell of contracts whose last day began, and close those whose time to finish is over."""
    scopes = workshop.scopes
    with scopes.open(platform_system()) as scope:
        now, found = scope.now, endings(scope)
    for each in found:
        if now >= each.closes:
            close(scopes, each)
        elif now >= each.begins and each.contract.announced_at is None:
            announce(scopes, each)


def endings(scope: Scope) -> list[Ending]:
    """Return the contracts with a last day that were not closed, in the platform's own scope."""
    provider, reader = aliased(Organisation), aliased(Organisation)
    found = scope.session.execute(
        select(Contract, provider, reader)
        .join(provider, provider.id == Contract.organisation_id)
        .join(reader, reader.id == Contract.reading_organisation_id)
        .where(Contract.ends_on.is_not(None), Contract.closed_at.is_(None))
        .order_by(Contract.ends_on, Contract.id)
    )
    return [_ending(*row) for row in found]


def _ending(contract: Contract, provider: Organisation, reader: Organisation) -> Ending:
    zone, last = ZoneInfo(provider.zone), cast("date", contract.ends_on)
    closes = closes_at(last, contract.finishing_hours, zone)
    return Ending(contract, provider.name, reader.name, zone, midnight_after(last - DAY, zone), closes)


def announce(scopes: Scopes, ending: Ending) -> None:
    """Tell both parties what is still open on the last day."""
    with scopes.open(system_actor(ending.contract.organisation_id)) as scope:
        count = len(left_over(scope, ending))
    moment = f"{ending.closes.astimezone(ending.zone):%Y-%m-%d %H:%M} ({ending.zone.key})"
    are = "1 study is" if count == 1 else f"{count} studies are"
    still = f"{are} not signed yet; what is unsigned on {moment} goes back to the hospital." if count else "Nothing is open."
    with scopes.open(platform_system()) as scope:
        contract = _still(scope, ending)
        if contract is None or contract.announced_at is not None:
            return
        contract.announced_at = scope.now
        for one, other in ((contract.organisation_id, ending.reader), (contract.reading_organisation_id, ending.provider)):
            _tell(scope, one, f"Your contract with {other} ends with {contract.ends_on}. {still}")


def close(scopes: Scopes, ending: Ending) -> None:
    """Hand back what is unsigned, then tell both parties. What breaks off half way goes on in the next round."""
    owner = system_actor(ending.contract.organisation_id)
    with scopes.open(owner) as scope:
        found = left_over(scope, ending)
    for start in range(0, len(found), AT_ONCE):
        with scopes.open(owner) as scope:
            for study_id in found[start : start + AT_ONCE]:
                _hand_back(scope, study_id, ending.contract)
    with scopes.open(owner) as scope:
        mine = (TakeBack.contract_id == ending.contract.id, TakeBack.taken_at >= ending.closes)
        count = scope.session.scalar(select(func.count()).select_from(TakeBack).where(*mine)) or 0
    with scopes.open(platform_system()) as scope:
        contract = _still(scope, ending)
        if contract is None:
            return
        contract.closed_at = scope.now
        hospital, group = contract.organisation_id, contract.reading_organisation_id
        went = f"{count} unsigned {'study' if count == 1 else 'studies'} went back {{}}."
        back = went if count else "Nothing was left unsigned."
        _tell(scope, group, f"Your contract with {ending.provider} has ended. {back.format('to the hospital')}")
        waits, where = back.format("to you, to be read by somebody else"), "/hospital?state=back" if count else CONTRACTS
        _tell(scope, hospital, f"Your contract with {ending.reader} has ended. {waits}", href=where)
        for one, other_id in ((hospital, group), (group, hospital)):
            scope.emit(ContractClosed(organisation_id=one, contract_id=contract.id, counterpart_id=other_id, studies=count))


def left_over(scope: Scope, ending: Ending) -> list[UUID]:
    """Return what the group has not signed and no contract lets it go on reading once this one is closed, in order of ids.

    Deleted ones too: they would come back to the group when their deletion is undone.
    """
    agreed = terms(scope, ending.contract.organisation_id)
    then = replace(agreed, now=max(ending.closes, agreed.now))
    theirs = (Study.reading_organisation_id == ending.contract.reading_organisation_id, Study.status != Status.FINAL)
    found = scope.session.scalars(select(Study).where(*theirs).order_by(Study.id))
    return [study.id for study in found if not then.keeps(study)]


def _hand_back(scope: Scope, study_id: UUID, contract: Contract) -> None:
    study = queries.get_locked(scope, study_id)
    if study.reading_organisation_id == contract.reading_organisation_id and study.status != Status.FINAL:
        take(scope, study, reason=TakeBackReason.CONTRACT_ENDED, contract_id=contract.id)


def _still(scope: Scope, ending: Ending) -> Contract | None:
    """Return the contract, held, if it still ends as it did when it was looked at and nobody closed it since."""
    wanted = select(Contract).where(
        Contract.id == ending.contract.id,
        Contract.ends_on == ending.contract.ends_on,
        Contract.finishing_hours == ending.contract.finishing_hours,
        Contract.closed_at.is_(None),
    )
    return scope.session.scalars(wanted.with_for_update()).one_or_none()


def _tell(scope: Scope, organisation_id: UUID, text: str, *, href: str = CONTRACTS) -> None:
    """Put a line before the organisation's managers and administrators."""
    people = select(User.id).where(
        User.organisation_id == organisation_id, User.role.in_(TOLD), User.disabled_at.is_(None), User.deleted_at.is_(None)
    )
    for user_id in scope.session.scalars(people.order_by(User.id)):
        notify(scope, organisation_id=organisation_id, user_id=user_id, kind=KIND, text=text, href=href)
