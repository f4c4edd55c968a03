"""How long a reading group sees what it reads: from routing until some time after sign-off, and older studies as agreed.

The ends are columns that the walls themselves compare with the clock (``studies.reading_ends_at``, ``prior_loans.ends_at``): no
query can forget them, and a reading context loses what the walls lose. What the group signed stays its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.dialects.postgresql import insert

from sidecar.gate.scope import Event, Scope
from sidecar.kernel.errors import Conflict, Missing
from sidecar.organisations.model import READING_HOURS, Priors
from sidecar.studies import queries
from sidecar.studies.model import Status
from sidecar.studies.routing import contract_of, withheld_from
from sidecar.studies.service import place_of
from sidecar.studies.tables import PriorLoan, Study

MOST = 50
"""Older studies lent with one: more than anybody compares with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingEndSet(Event):
    """The reading group sees the study until then. ``why`` is "signed" or "asked": the owner let it look again."""

    kind: ClassVar[str] = "studies.reading.end-set"
    ends_at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorsLent(Event):
    """The group that reads this study sees so many more of the patient's for its sake."""

    kind: ClassVar[str] = "studies.priors.lent"
    priors: int


def end_reading(scope: Scope, study_id: UUID) -> None:
    """Let the reading group's sight of a signed study run out, by its contract. Its owner's own readers keep theirs."""
    study = queries.get(scope, study_id)
    if study.reading_organisation_id not in (None, study.organisation_id):
        _set_end(scope, study, why="signed")


def let_look_again(scope: Scope, study_id: UUID) -> Study:
    """Let the reading group see a signed study again for as long as after sign-off: a question, an addendum.

    For the owner's people; Missing for whoever else sees it. Conflict while there is nothing to extend.
    """
    study = queries.get_locked(scope, study_id)
    if study.organisation_id != scope.organisation_id:
        raise Missing
    if study.reading_organisation_id is None or study.status != Status.FINAL:
        raise Conflict("No reading group has signed this study: there is nothing to extend.")
    _set_end(scope, study, why="asked")
    return study


def lend_priors(scope: Scope, study_id: UUID) -> None:
    """Lend what the contracts allow, after a study came or was routed: older ones with it, and it with others being read."""
    study = queries.get(scope, study_id)
    if not study.patient_id:  # means nothing, so nobody knows whose they would be
        return
    for read in scope.session.scalars(_being_read(scope, study)).all():
        # With itself all the others; with each of the others only itself, or a patient of many studies would cost their square.
        lent = _lend(scope, read, None if read.id == study.id else study.id)
        if lent:
            scope.emit(PriorsLent(**place_of(read), priors=lent))


def in_sight(scope: Scope, studies: Iterable[Study], *, at_most: timedelta) -> timedelta:
    """Return how long something that outlives this request may show these studies: no longer than the actor sees them.

    A second at least: what had ended already would not have been found.
    """
    glass = scope.actor.glass
    ends = [_sight_ends(scope, study) for study in studies if study.organisation_id != scope.actor.organisation_id]
    ends += [glass.until if glass else None]
    return max(min([at_most, *(end - scope.now for end in ends if end is not None)]), timedelta(seconds=1))


def _sight_ends(scope: Scope, study: Study) -> datetime | None:
    """Return when the actor's organisation loses sight of another's study that it reads or is lent; None: no end is set."""
    own = scope.organisation_id
    ends: list[datetime | None] = [study.reading_ends_at] if study.reading_organisation_id == own else []
    if None not in ends:
        here = (PriorLoan.organisation_id == study.organisation_id, PriorLoan.study_id == study.id)
        ends += scope.session.scalars(select(PriorLoan.ends_at).where(*here, PriorLoan.reading_organisation_id == own))
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) and known else None


def _set_end(scope: Scope, study: Study, *, why: str) -> None:
    contract = contract_of(scope, study)
    study.reading_ends_at = scope.now + timedelta(hours=contract.reading_hours if contract else READING_HOURS)
    scope.session.flush()
    scope.emit(ReadingEndSet(**place_of(study), ends_at=study.reading_ends_at, why=why))


def _being_read(scope: Scope, study: Study) -> Select[Study]:
    """Select the patient's studies that a reading group sees as its work now, and this one is not lent with yet."""
    lent = exists().where(
        PriorLoan.organisation_id == study.organisation_id,
        PriorLoan.study_id == study.id,
        PriorLoan.for_study_id == Study.id,
    )
    return select(Study).where(
        Study.organisation_id == study.organisation_id,
        Study.patient_id == study.patient_id,
        Study.reading_organisation_id.is_not(None),
        or_(Study.reading_ends_at.is_(None), Study.reading_ends_at > scope.now),
        ~lent,
    )


def _lend(scope: Scope, read: Study, only: UUID | None) -> int:
    """Lend the patient's other studies, or ``only`` that one, with one that is read; return how many were not lent before."""
    contract = contract_of(scope, read)
    agreed = Priors(contract.priors) if contract else Priors.NONE
    if agreed is Priors.NONE:
        return 0
    older = select(Study.id).where(
        Study.organisation_id == read.organisation_id,
        Study.patient_id == read.patient_id,
        Study.id != read.id,
        Study.deleted_at.is_(None),
    )
    if only is not None:
        older = older.where(Study.id == only)
    if agreed is Priors.READ:
        older = older.where(Study.reading_organisation_id == read.reading_organisation_id)
    if contract and contract.ends_on:  # what comes after its end is none of the group's, however long it leaves one unsigned
        older = older.where(Study.arrived_at < queries.day_is_over(scope, read.organisation_id, contract.ends_on))
    older = older.where(Study.id.not_in(withheld_from(read)))
    ids = scope.session.scalars(older.order_by(Study.study_date.desc(), Study.id).limit(MOST)).all()
    loan = {
        "organisation_id": read.organisation_id,
        "for_study_id": read.id,
        "reading_organisation_id": read.reading_organisation_id,
        "made_at": scope.now,
    }
    if not ids:
        return 0
    rows = insert(PriorLoan).values([{**loan, "study_id": each} for each in ids]).on_conflict_do_nothing()
    return len(scope.session.scalars(rows.returning(PriorLoan.study_id)).all())
