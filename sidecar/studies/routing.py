"""By which contract a study is read, and by which one it would be given to a group now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Uuid, or_, select, text

from sidecar.gate.scope import Scope
from sidecar.organisations.rules import closes_at
from sidecar.organisations.tables import Contract
from sidecar.studies import queries, rules
from sidecar.studies.model import Status, TakeBackReason
from sidecar.studies.tables import Study, TakeBack

NEVER: Collection[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Terms:
    """A provider's contracts in the order of precedence (oldest ``starts_on`` first, then by id), its zone, and this moment."""

    contracts: Sequence[Contract]
    zone: ZoneInfo
    now: datetime

    def reads(self, study: Study) -> Contract | None:
        """Return the contract by which its group reads a study.

        A study that waited for a later contract arrived before that one's first day: the newest of the group's that fits it then.
        """
        here = [each for each in self._fitting(study) if each.reading_organisation_id == study.reading_organisation_id]
        return next((each for each in here if self._covers(each, self._day(study))), next(reversed(here), None))

    def takes(self, study: Study, refused: Collection[UUID] | None) -> Contract | None:
        """Return the contract that gives a study to a group now, None when it stays with its owner.

        ``refused``: None for a study that was never taken back; else the groups that do not get it again. What was taken back
        needs a contract that is in force today, whenever it arrived.
        """
        day = self._day(study) if refused is None else self.now.astimezone(self.zone).date()
        for each in self._fitting(study):
            if each.reading_organisation_id not in (refused or NEVER) and self._covers(each, day) and not self.is_over(each):
                return each
        return None

    def keeps(self, study: Study) -> bool:
        """Say whether some contract still lets its group read it: the one it came by, or another of the same two."""
        today = self.now.astimezone(self.zone).date()
        return any(
            each.reading_organisation_id == study.reading_organisation_id and each.starts_on <= today and not self.is_over(each)
            for each in self._fitting(study)
        )

    def is_over(self, contract: Contract) -> bool:
        """Say whether the last day and the hours to finish are past."""
        return contract.ends_on is not None and self.now >= closes_at(contract.ends_on, contract.finishing_hours, self.zone)

    def _day(self, study: Study) -> date:
        return study.arrived_at.astimezone(self.zone).date()

    def _fitting(self, study: Study) -> list[Contract]:
        return [each for each in self.contracts if rules.fits(study.modalities_in_study, each.modalities)]

    def _covers(self, contract: Contract, day: date) -> bool:
        return rules.covers(day, starts_on=contract.starts_on, ends_on=contract.ends_on)


def terms(scope: Scope, organisation_id: UUID) -> Terms:
    """Return by what a provider's studies are given away."""
    mine = select(Contract).where(Contract.organisation_id == organisation_id)
    found = scope.session.scalars(mine.order_by(Contract.starts_on, Contract.created_at, Contract.id)).all()
    return Terms(found, queries.zone_of(scope, organisation_id), scope.now)


def contract_of(scope: Scope, study: Study) -> Contract | None:
    """Return the contract by which the study is read, or, while nobody was given it, would be."""
    agreed = terms(scope, study.organisation_id)
    if study.reading_organisation_id is not None:
        return agreed.reads(study)
    return agreed.takes(study, refused(scope, [study.id]).get(study.id))


def waiting(scope: Scope, *, since: datetime, limit: int = 2000) -> list[Study]:
    """Return the acting provider's unread studies without a reader that a contract would take now, of those that came since.

    What was taken back came when it was taken.
    """
    back = select(TakeBack.study_id).where(TakeBack.organisation_id == scope.organisation_id, TakeBack.taken_at >= since)
    unread = Study.reading_organisation_id.is_(None) & (Study.status == Status.UNREAD)
    lately = or_(Study.arrived_at >= since, Study.id.in_(back))
    found = scope.session.scalars(select(Study).where(unread, lately).order_by(Study.arrived_at.desc()).limit(limit)).all()
    agreed, never = terms(scope, scope.organisation_id), refused(scope, [study.id for study in found])
    return [study for study in found if agreed.takes(study, never.get(study.id))]


def refused(scope: Scope, study_ids: Iterable[UUID]) -> Mapping[UUID, set[UUID]]:
    """Return, of those studies that were taken back, to which groups they do not go again.

    What goes back because a contract ended was taken from nobody on purpose: the next contract with the same group may have it.
    """
    here = select(TakeBack).where(TakeBack.study_id.in_(list(study_ids)), TakeBack.undone_at.is_(None))
    groups: dict[UUID, set[UUID]] = defaultdict(set)
    for each in scope.session.scalars(here):
        groups[each.study_id] |= set() if each.reason == TakeBackReason.CONTRACT_ENDED else {each.reading_organisation_id}
    return groups


def withheld_from(read: Study) -> Select[UUID]:
    """Select what was taken back on purpose from the group that reads this study: it is not lent to it by another way."""
    return select(TakeBack.study_id).where(
        TakeBack.organisation_id == read.organisation_id,
        TakeBack.reading_organisation_id == read.reading_organisation_id,
        TakeBack.reason != TakeBackReason.CONTRACT_ENDED,
        TakeBack.undone_at.is_(None),
    )


def without_reader() -> ColumnElement[bool]:
    """Return the condition that a study was taken back from its group, and that none has it since: its owner's to know."""
    back = select(TakeBack.study_id).where(TakeBack.undone_at.is_(None))
    return Study.reading_organisation_id.is_(None) & Study.id.in_(back)


def left_since(scope: Scope, cursor: int) -> list[UUID]:
    """Return the studies that were taken from the acting organisation since the cursor of a list, and that it sees no more."""
    asked = text("SELECT unnest(taken_back_since(:since))").columns(id=Uuid)
    ids = scope.session.scalars(asked, {"since": cursor}).all()
    seen = set(scope.session.scalars(select(Study.id).where(Study.id.in_(ids)))) if ids else set()
    return [study_id for study_id in ids if study_id not in seen]
