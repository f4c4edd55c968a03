"""Studies in the index, written as their owner's cell would have told of them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from pydicom.uid import generate_uid

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Instance, Series, Study


@dataclass(frozen=True, slots=True)
class Made:
    """A study with its series' UIDs, in order."""

    id: UUID
    owner: UUID
    uid: str
    series: tuple[str, ...]


def make_study(
    scopes: Scopes,
    owner: UUID,
    *,
    reading: UUID | None = None,
    uid: str = "",
    series: tuple[int, ...] = (2,),
    series_uids: tuple[str, ...] = (),
    **elements: Any,
) -> Made:
    """Write one complete study; ``series`` are numbers of instances, ``elements`` columns that should differ."""
    now = datetime.now(UTC)
    made = Made(uuid4(), owner, uid or generate_uid(), series_uids or tuple(generate_uid() for _ in series))
    row: dict[str, Any] = {
        "organisation_id": owner, "id": made.id, "reading_organisation_id": reading, "orthanc_id": uuid4().hex,
        "study_instance_uid": made.uid, "patient_id": "P1", "patient_name": "Doe^Jane", "patient_birth_date": "19700101",
        "patient_sex": "F", "accession_number": "A1", "study_date": "20260101", "study_time": "120000", "study_id": "1",
        "study_description": "CT chest", "referring_physician_name": "House^Greg", "modalities_in_study": ["CT"],
        "series_count": len(series), "instance_count": sum(series), "arrival": Arrival.COMPLETE, "arrived_at": now,
        "last_image_at": now, "completes_at": now, "priority": "routine", "priority_rank": 2, "status": "unread",
    }  # fmt: skip
    with scopes.open(system_actor(owner)) as scope:
        scope.session.add(Study(**row | elements))
        scope.session.flush()
        for number, (series_uid, count) in enumerate(zip(made.series, series, strict=True), start=1):
            series_id = uuid4()
            scope.session.add(
                Series(
                    organisation_id=owner, id=series_id, study_id=made.id, orthanc_id=uuid4().hex,
                    series_instance_uid=series_uid, modality="CT", series_number=number, series_description=f"Series {number}",
                    body_part_examined="CHEST", series_date="20260101", series_time="120100", instance_count=count,
                )
            )  # fmt: skip
            scope.session.flush()
            scope.session.add_all(_instance(owner, made.id, series_id, each + 1, now) for each in range(count))
    return made


def _instance(owner: UUID, study_id: UUID, series_id: UUID, number: int, now: datetime) -> Instance:
    return Instance(
        organisation_id=owner, orthanc_id=uuid4().hex, series_id=series_id, study_id=study_id,
        sop_instance_uid=generate_uid(), sop_class_uid="1.2.840.10008.5.1.4.1.1.2", instance_number=number,
        number_of_frames=1, rows=512, columns=512, remote_aet="CT1", remote_ip="127.0.0.1", received_at=now,
    )  # fmt: skip
