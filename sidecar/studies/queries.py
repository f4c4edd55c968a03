"""Reading the index. The walls decide what exists for the caller; no organisation is named here."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select, true

from sidecar.gate.actor import Actor
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.organisations.rules import midnight_after
from sidecar.organisations.tables import Organisation
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


def arrival_day(scope: Scope, study: Study) -> date:
    """Return the date of arrival where the images came from: contracts begin and end at the provider's midnight."""
    return study.arrived_at.astimezone(zone_of(scope, study.organisation_id)).date()


def day_is_over(scope: Scope, organisation_id: UUID, day: date) -> datetime:
    """Return when a day is over where the images come from."""
    return midnight_after(day, zone_of(scope, organisation_id))


def zone_of(scope: Scope, organisation_id: UUID) -> ZoneInfo:
    """Return where an organisation is: its days begin and end there."""
    zone = scope.session.scalar(select(Organisation.zone).where(Organisation.id == organisation_id))
    if zone is None:
        raise Missing
    return ZoneInfo(zone)
