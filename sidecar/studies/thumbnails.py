"""Small pictures of series, made when a study is complete: its middle image, or nothing where nothing is to be seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scope, Scopes
from sidecar.studies import queries
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Series, SeriesThumbnail, Study

LOOK_BACK = timedelta(days=1)
"""Older series without a picture get one when somebody looks at them."""
BATCH = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A series that lacks its picture, and the instance that shows it best by its Orthanc id, "" if it holds no image."""

    series_id: UUID
    instance_count: int
    orthanc_id: str


def kept(scope: Scope, series: Series) -> bytes | None:
    """Return the JPEG, b"" where nothing is to be seen, None when there is none that is up to date."""
    return scope.session.scalar(
        select(SeriesThumbnail.body).where(
            SeriesThumbnail.organisation_id == series.organisation_id,
            SeriesThumbnail.series_id == series.id,
            SeriesThumbnail.instance_count == series.instance_count,
        )
    )


def wanted_for(scope: Scope, series: Series) -> Wanted:
    """Return what a picture of this series is made of."""
    image = queries.middle_image(scope, series)
    return Wanted(series.id, series.instance_count, image.orthanc_id if image else "")


def wanted(scope: Scope, *, without: frozenset[UUID] = frozenset()) -> Sequence[Wanted]:
    """Return series of lately arrived, complete studies that have no picture, newest study first."""
    fits = (
        (SeriesThumbnail.organisation_id == Series.organisation_id)
        & (SeriesThumbnail.series_id == Series.id)
        & (SeriesThumbnail.instance_count == Series.instance_count)
    )
    found = scope.session.scalars(
        select(Series)
        .join(Study, (Study.organisation_id == Series.organisation_id) & (Study.id == Series.study_id))
        .outerjoin(SeriesThumbnail, fits)
        .where(
            Study.arrival == Arrival.COMPLETE,
            Study.deleted_at.is_(None),  # its cell keeps it sealed
            Study.arrived_at > scope.now - LOOK_BACK,
            SeriesThumbnail.series_id.is_(None),
            Series.id.not_in(without),
        )
        .order_by(Study.arrived_at.desc(), Series.id)
        .limit(BATCH)
    )
    return [wanted_for(scope, series) for series in found]


def keep(scopes: Scopes, organisation_id: UUID, of: Wanted, body: bytes) -> None:
    """Keep a picture in a transaction of the owner; a newer one, of more images, stays."""
    row = {"instance_count": of.instance_count, "body": body}
    place = {"organisation_id": organisation_id, "series_id": of.series_id}
    with scopes.open(system_actor(organisation_id)) as scope:
        values = row | {"made_at": scope.now}
        scope.session.execute(
            insert(SeriesThumbnail)
            .values(place | values)
            .on_conflict_do_update(
                index_elements=list(place), set_=values, where=SeriesThumbnail.instance_count <= of.instance_count
            )
        )
