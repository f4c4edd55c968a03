"""What a cell has stored, written into the index: set-based, idempotent, counted by the rows really added.

Each event is about one study, and its row is taken first: events of the same study wait for each other there, events of
different studies share no row, so no two of them can wait in a circle.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.studies import deletion, rules
from sidecar.studies.model import PRIORITY_RANK, Arrival, ArrivedInstances, Priority, Status
from sidecar.studies.tables import Study

ADD_SERIES = text("""
INSERT INTO series (organisation_id, id, study_id, orthanc_id, series_instance_uid, modality, series_number,
                    series_description, body_part_examined, series_date, series_time, instance_count)
SELECT :organisation, gen_random_uuid(), :study, r.orthanc_id, r.series_instance_uid, r.modality, r.series_number,
       r.series_description, r.body_part_examined, r.series_date, r.series_time, 0
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(orthanc_id text, series_instance_uid text, modality text,
     series_number integer, series_description text, body_part_examined text, series_date text, series_time text)
ON CONFLICT DO NOTHING
""")

ADD_INSTANCES = text("""
INSERT INTO instances (organisation_id, orthanc_id, series_id, study_id, sop_instance_uid, sop_class_uid, instance_number,
                       number_of_frames, rows, columns, remote_aet, remote_ip, received_at)
SELECT :organisation, r.orthanc_id, s.id, :study, r.sop_instance_uid, r.sop_class_uid, r.instance_number,
       r.number_of_frames, r.rows, r.columns, r.remote_aet, r.remote_ip, r.received_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(orthanc_id text, series_instance_uid text, sop_instance_uid text,
     sop_class_uid text, instance_number integer, number_of_frames integer, rows integer, columns integer,
     remote_aet text, remote_ip text, received_at timestamptz)
JOIN series s ON s.organisation_id = :organisation AND s.study_id = :study
             AND s.series_instance_uid = r.series_instance_uid
ON CONFLICT DO NOTHING
RETURNING series_id
""")

COUNT_SERIES = text("""
UPDATE series SET instance_count = series.instance_count + added.number
FROM unnest(CAST(:series AS uuid[]), CAST(:numbers AS integer[])) AS added(id, number)
WHERE series.organisation_id = :organisation AND series.id = added.id
""")

SUMMARISE = text("""
SELECT count(*), coalesce(array_agg(DISTINCT modality ORDER BY modality) FILTER (WHERE modality <> ''), '{}')
FROM series WHERE organisation_id = :organisation AND study_id = :study
""")


@dataclass(frozen=True, slots=True)
class Added:
    """What one event changed: the study, the objects that were new, and how the study had been before.

    ``came_back``: the study is new, and one of the same identity was erased here before.
    """

    study: Study
    instances: int
    is_new_study: bool
    was_complete: bool
    came_back: bool = False


def add(scope: Scope, arrived: ArrivedInstances) -> Added:
    """Write the event into the index. Nothing at all changes when every object was known already."""
    study, is_new = _study_row(scope, arrived)
    erased = deletion.erased_at(scope, study.orthanc_id) if is_new else None
    if erased is not None:
        arrived = _since(arrived, erased)
    was_complete = study.arrival == Arrival.COMPLETE
    new = _add_objects(scope, study.id, arrived)
    if new:
        _grow(scope, study, arrived, new)
    return Added(study, new, is_new, was_complete, came_back=erased is not None)


def _since(arrived: ArrivedInstances, erased: datetime) -> ArrivedInstances:
    """Return what of an event the cell stored after it had erased the study; Invalid when that is nothing.

    The cell tells seconds: what came within the second of the erasure counts as new, so that no image is ever disowned.
    """
    kept = tuple(one for one in arrived.instances if one.received_at >= erased.replace(microsecond=0))
    if not kept:
        raise Invalid("These images were deleted here after they came.")
    series = {one.series_instance_uid for one in kept}
    return replace(arrived, instances=kept, series=tuple(one for one in arrived.series if one.series_instance_uid in series))


def _study_row(scope: Scope, arrived: ArrivedInstances) -> tuple[Study, bool]:
    """Return the study's row, locked, and whether it was made just now."""
    made = scope.session.scalar(insert(Study).values(_first_values(scope, arrived)).on_conflict_do_nothing().returning(Study.id))
    row = scope.session.scalars(
        select(Study)
        .where(Study.organisation_id == scope.organisation_id, Study.orthanc_id == arrived.study.orthanc_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return row, made is not None


def _first_values(scope: Scope, arrived: ArrivedInstances) -> dict[str, Any]:
    return {
        **asdict(arrived.study),
        "organisation_id": scope.organisation_id,
        "id": uuid4(),
        "modalities_in_study": [],
        "arrival": Arrival.ARRIVING,
        "arrived_at": arrived.first_received_at,
        "last_image_at": arrived.last_received_at,
        "completes_at": rules.completes_at(scope.now, instances=0),
        "priority": Priority.ROUTINE,
        "priority_rank": PRIORITY_RANK[Priority.ROUTINE],
        "status": Status.UNREAD,
    }


def _add_objects(scope: Scope, study_id: UUID, arrived: ArrivedInstances) -> int:
    """Insert what is unknown of series and instances, add it to the series' counts, return the number of new instances."""
    keys = {"organisation": scope.organisation_id, "study": study_id}
    scope.session.execute(ADD_SERIES, {**keys, "rows": _json(arrived.series)})
    rows = scope.session.scalars(ADD_INSTANCES, {**keys, "rows": _json(arrived.instances)})
    numbers = Counter(rows.all())
    if numbers:
        counts = {"organisation": scope.organisation_id, "series": list(numbers), "numbers": list(numbers.values())}
        scope.session.execute(COUNT_SERIES, counts)
    return numbers.total()


def _grow(scope: Scope, study: Study, arrived: ArrivedInstances, new: int) -> None:
    keys = {"organisation": scope.organisation_id, "study": study.id}
    study.series_count, study.modalities_in_study = scope.session.execute(SUMMARISE, keys).one()
    study.instance_count += new
    study.arrival = Arrival.ARRIVING
    study.completes_at = rules.completes_at(scope.now, instances=study.instance_count)
    study.arrived_at = min(study.arrived_at, arrived.first_received_at)
    study.last_image_at = max(study.last_image_at, arrived.last_received_at)
    told = asdict(arrived.study)
    known = {name: getattr(study, name) for name in told}
    for name, value in rules.fill_gaps(known, told).items():
        setattr(study, name, value)
    scope.session.flush()


def _json(facts: tuple[Any, ...]) -> str:
    return json.dumps([asdict(fact) for fact in facts], default=str)
