"""Reading the index. The walls decide what exists for the caller; no organisation is named here."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select, true

from sidecar.gate.actor import Actor
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.organisations.tables import Contract, Organisation
from sidecar.studies import rules
from sidecar.studies.model import Status
from sidecar.studies.tables import Instance, Series, Study


def get(scope: Scope, study_id: UUID) -> Study:
    """Return one study; Missing when it does not exist or is not the caller's to see."""
    study: Study = scope.one(select(Study).where(Study.id == study_id))
    return study


def find(scope: Scope, study_id: UUID) -> Study | None:
    """Return one study, None when it does not exist or is not the caller's to see."""
    return scope.session.scalars(select(Study).where(Study.id == study_id)).one_or_none()


def get_locked(scope: Scope, study_id: UUID) -> Study:
    """Return one study as it is now, its row held until the transaction ends: for decisions that depend on what it says."""
    study: Study = scope.one(
        select(Study).where(Study.id == study_id).with_for_update().execution_options(populate_existing=True)
    )
    return study


def series_of(scope: Scope, study: Study) -> Sequence[Series]:
    """Return the study's series in their own order (Series Number (0020,0011), unnumbered last)."""
    return scope.session.scalars(
        select(Series)
        .where(Series.organisation_id == study.organisation_id, Series.study_id == study.id)
        .order_by(Series.series_number.nulls_last(), Series.series_instance_uid)
    ).all()


def instances_of(scope: Scope, organisation_id: UUID, series_id: UUID) -> Sequence[Instance]:
    """Return a series' instances in their own order (Instance Number (0020,0013), unnumbered last)."""
    return scope.session.scalars(
        select(Instance)
        .where(Instance.organisation_id == organisation_id, Instance.series_id == series_id)
        .order_by(Instance.instance_number.nulls_last(), Instance.sop_instance_uid)
    ).all()


def middle_image(scope: Scope, series: Series) -> Instance | None:
    """Return the image in the middle of a series, which shows it best; None when it holds none.

    Objects without Rows (0028,0010), such as structured reports, are no images.
    """
    images = (Instance.organisation_id == series.organisation_id, Instance.series_id == series.id, Instance.rows.is_not(None))
    total = scope.session.scalar(select(func.count()).select_from(Instance).where(*images)) or 0
    order = (Instance.instance_number.nulls_last(), Instance.sop_instance_uid)
    middle = select(Instance).where(*images).order_by(*order).offset(max(0, (total + 1) // 2 - 1)).limit(1)
    return scope.session.scalars(middle).one_or_none()


def priors(scope: Scope, study: Study, *, limit: int = 50) -> Sequence[Study]:
    """Return other studies of the same patient of the same provider that the caller may see, latest first.

    A Patient ID (0010,0020) means something only within the provider that issued it, and nothing at all when empty.
    """
    if not study.patient_id:
        return []
    return scope.session.scalars(
        select(Study)
        .where(Study.organisation_id == study.organisation_id, Study.patient_id == study.patient_id, Study.id != study.id)
        .order_by(Study.study_date.desc(), Study.study_time.desc(), Study.id)
        .limit(limit)
    ).all()


def worked_on(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a study is the actor's organisation's own or its to read: what it is lent is no work of it."""
    if actor.glass is not None:
        return true()
    own = actor.organisation_id
    return or_(Study.organisation_id == own, Study.reading_organisation_id == own)


def waiting(scope: Scope, *, since: datetime, limit: int = 2000) -> list[Study]:
    """Return the acting provider's unread studies without a reader that a contract covers by now, of those that arrived since."""
    unread = Study.reading_organisation_id.is_(None) & (Study.status == Status.UNREAD) & (Study.arrived_at >= since)
    found = scope.session.scalars(select(Study).where(unread).order_by(Study.arrived_at.desc()).limit(limit)).all()
    contracts, zone = _contracts(scope, scope.organisation_id), _zone(scope, scope.organisation_id)
    return [study for study in found if _covering(study, contracts, zone)]


def arrival_day(scope: Scope, study: Study) -> date:
    """Return the date of arrival where the images came from: contracts begin and end at the provider's midnight."""
    return study.arrived_at.astimezone(_zone(scope, study.organisation_id)).date()


def midnight_after(scope: Scope, organisation_id: UUID, day: date) -> datetime:
    """Return when a day is over where the images come from."""
    return datetime.combine(day + timedelta(days=1), time(), _zone(scope, organisation_id))


def covering_contracts(scope: Scope, study: Study) -> Sequence[Contract]:
    """Return the contracts that cover the study, in the order of precedence: oldest ``starts_on`` first, then by id."""
    return _covering(study, _contracts(scope, study.organisation_id), _zone(scope, study.organisation_id))


def _zone(scope: Scope, organisation_id: UUID) -> ZoneInfo:
    zone = scope.session.scalar(select(Organisation.zone).where(Organisation.id == organisation_id))
    if zone is None:
        raise Missing
    return ZoneInfo(zone)


def _contracts(scope: Scope, organisation_id: UUID) -> Sequence[Contract]:
    mine = select(Contract).where(Contract.organisation_id == organisation_id)
    return scope.session.scalars(mine.order_by(Contract.starts_on, Contract.created_at, Contract.id)).all()


def _covering(study: Study, contracts: Sequence[Contract], zone: ZoneInfo) -> Sequence[Contract]:
    day = study.arrived_at.astimezone(zone).date()
    return [
        contract
        for contract in contracts
        if rules.covers(
            study.modalities_in_study,
            allowed=contract.modalities,
            day=day,
            starts_on=contract.starts_on,
            ends_on=contract.ends_on,
        )
    ]
