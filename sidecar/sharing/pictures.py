"""What a link to a whole study shows of its images: each of them as a picture, for looking, not for a diagnosis."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from sidecar.gate.scope import Scope
from sidecar.studies import queries
from sidecar.studies.tables import Instance, Series, Study


@dataclass(frozen=True, slots=True)
class Stack:
    """A series and how many pictures it has."""

    series: Series
    pictures: int


def stacks(scope: Scope, study: Study) -> Sequence[Stack]:
    """Return the series that hold images, in their own order."""
    images = (Instance.organisation_id == study.organisation_id, Instance.study_id == study.id, Instance.rows.is_not(None))
    found = select(Instance.series_id, func.count()).where(*images).group_by(Instance.series_id)
    counted: dict[UUID, int] = dict(scope.session.execute(found).all())
    return [Stack(each, counted[each.id]) for each in queries.series_of(scope, study) if each.id in counted]


def picture(scope: Scope, study: Study, series_id: UUID, number: int) -> Instance:
    """Return the ``number``-th image (from 1) of a series of the study; Missing for any other."""
    here = (Instance.organisation_id == study.organisation_id, Instance.study_id == study.id, Instance.series_id == series_id)
    order = (Instance.instance_number.nulls_last(), Instance.sop_instance_uid)
    images = select(Instance).where(*here, Instance.rows.is_not(None)).order_by(*order)
    found: Instance = scope.one(images.offset(number - 1).limit(1))
    return found
