"""The cache of full series metadata: kept compressed, shared by all contexts, valid while no image was added."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scope, Scopes
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Series, SeriesMetadata, Study

COMPRESSION = 6
LOOK_BACK = timedelta(days=1)
"""Older series without metadata are filled when somebody opens them."""
BATCH = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A series whose metadata is to be fetched."""

    series_id: UUID
    study_instance_uid: str
    series_instance_uid: str


def cached(scope: Scope, series: Series) -> bytes | None:
    """Return the gzip of the series' DICOM JSON, or None when there is none that is up to date."""
    return scope.session.scalar(
        select(SeriesMetadata.body).where(
            SeriesMetadata.organisation_id == series.organisation_id,
            SeriesMetadata.series_id == series.id,
            SeriesMetadata.instance_count == series.instance_count,
        )
    )


def pack(body: bytes) -> bytes:
    """Compress for the cache. No file name and no time inside: equal metadata gives equal bytes."""
    return gzip.compress(body, COMPRESSION, mtime=0)


def keep(scopes: Scopes, organisation_id: UUID, series_id: UUID, *, body: bytes, packed: bytes) -> bool:
    """Keep the metadata if it describes exactly the instances in the index of a complete study; say whether it was kept.

    In a transaction of the owner: a reader's may look into the cache, never write it.
    """
    told = len(json.loads(body))
    with scopes.open(system_actor(organisation_id)) as scope:
        series = scope.session.scalars(
            select(Series)
            .join(Study, (Study.organisation_id == Series.organisation_id) & (Study.id == Series.study_id))
            .where(Series.id == series_id, Series.instance_count == told, Study.arrival == Arrival.COMPLETE)
        ).one_or_none()
        if series is None:
            return False
        row = {"instance_count": told, "body": packed, "made_at": scope.now}
        place = {"organisation_id": organisation_id, "series_id": series_id}
        scope.session.execute(
            insert(SeriesMetadata)
            .values(place | row)
            .on_conflict_do_update(index_elements=list(place), set_=row, where=SeriesMetadata.instance_count <= told)
        )
    return True


def wanted(scope: Scope, *, without: frozenset[UUID] = frozenset()) -> Sequence[Wanted]:
    """Return series of lately arrived, complete studies whose metadata is not in the cache, newest study first."""
    fits = (
        (SeriesMetadata.organisation_id == Series.organisation_id)
        & (SeriesMetadata.series_id == Series.id)
        & (SeriesMetadata.instance_count == Series.instance_count)
    )
    rows = scope.session.execute(
        select(Series.id, Study.study_instance_uid, Series.series_instance_uid)
        .join(Study, (Study.organisation_id == Series.organisation_id) & (Study.id == Series.study_id))
        .outerjoin(SeriesMetadata, fits)
        .where(
            Study.arrival == Arrival.COMPLETE,
            Study.deleted_at.is_(None),  # its cell keeps it sealed
            Study.arrived_at > scope.now - LOOK_BACK,
            SeriesMetadata.series_id.is_(None),
            Series.id.not_in(without),
        )
        .order_by(Study.arrived_at.desc(), Series.id)
        .limit(BATCH)
    )
    return [Wanted(*row) for row in rows]
