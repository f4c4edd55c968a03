"""What the sidecar is told (wire format 3), built from Orthanc's JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

MAXIMUM_INSTANCES = 500
"""Instances in one event at most."""

Event = dict[str, Any]
Json = Mapping[str, Any]

_PATIENT_TAGS = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
_STUDY_TAGS = (
    "StudyInstanceUID",
    "AccessionNumber",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "StudyID",
    "ReferringPhysicianName",
    "RequestedProcedureDescription",
)
_SERIES_TAGS = (
    "SeriesInstanceUID",
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
    "BodyPartExamined",
    "SeriesDate",
    "SeriesTime",
)
_INSTANCE_TAGS = ("SOPInstanceUID", "InstanceNumber", "NumberOfFrames", "Rows", "Columns")
_METADATA = {"SOPClassUID": "SopClassUid", "RemoteAET": "RemoteAET", "RemoteIP": "RemoteIP", "ReceptionDate": "ReceptionDate"}


def timestamp(epoch: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")


def _values(source: Json, names: Sequence[str]) -> dict[str, str]:
    return {name: str(source.get(name, "")) for name in names}


def _study(study: Json) -> dict[str, str]:
    return {
        "ID": study["ID"],
        **_values(study.get("PatientMainDicomTags", {}), _PATIENT_TAGS),
        **_values(study["MainDicomTags"], _STUDY_TAGS),
    }


def _series(series: Json) -> dict[str, str]:
    return {"ID": series["ID"], **_values(series["MainDicomTags"], _SERIES_TAGS)}


def _instance(instance: Json, series: Json) -> dict[str, str]:
    metadata = instance.get("Metadata", {})
    return {
        "ID": instance["ID"],
        "SeriesInstanceUID": str(series["MainDicomTags"].get("SeriesInstanceUID", "")),
        **_values(instance["MainDicomTags"], _INSTANCE_TAGS),
        **{name: str(metadata.get(key, "")) for name, key in _METADATA.items()},
    }


def instances_stored(  # noqa: PLR0913 - three kinds of resources and what names the event
    *, cell: str, at: str, batch: str, instances: Sequence[Json], series: Mapping[str, Json], studies: Mapping[str, Json]
) -> Iterator[Event]:
    """Build events from resources of Orthanc: one study each, at most MAXIMUM_INSTANCES, in order of arrival.

    Args:
        cell: UUID of the cell; namespace of the event ids.
        at: ISO 8601 UTC.
        batch: names the piece of the change log; the same piece gives the same event ids, so a piece that is read
            twice after a crash is still delivered once.
        instances: resources with MainDicomTags, Metadata and ParentSeries.
        series: resources by Orthanc id, with ParentStudy.
        studies: resources by Orthanc id.
    """
    by_study: dict[str, list[Json]] = {}
    for instance in instances:
        by_study.setdefault(series[instance["ParentSeries"]]["ParentStudy"], []).append(instance)
    for study_id, members in by_study.items():
        for start in range(0, len(members), MAXIMUM_INSTANCES):
            part = members[start : start + MAXIMUM_INSTANCES]
            used = dict.fromkeys(instance["ParentSeries"] for instance in part)
            yield {
                "event_id": str(uuid5(UUID(cell), f"{batch}:{study_id}:{start}")),
                "kind": "instances-stored",
                "at": at,
                "study": _study(studies[study_id]),
                "series": [_series(series[each]) for each in used],
                "instances": [_instance(instance, series[instance["ParentSeries"]]) for instance in part],
            }


def gate_visited(  # noqa: PLR0913 - what happened, to whom, how often
    *, event_id: str, receipt: str, sort: str, subject: str, first: float, last: float, count: int
) -> Event:
    """Build the event of a visit at the gate (visits): ``first`` and ``last`` request in epoch seconds, ``count`` of them."""
    return {
        "event_id": event_id,
        "kind": "gate-visited",
        "at": timestamp(last),
        "receipt": receipt,
        "sort": sort,
        "subject": subject,
        "first_at": timestamp(first),
        "last_at": timestamp(last),
        "count": count,
    }


def cell_started(*, event_id: str, at: str, system: Json, plugins: Mapping[str, str], unknown_routes: list[str]) -> Event:
    """Build the event of a start; `unknown_routes` are offered by this server and not in the reviewed table."""
    return {
        "event_id": event_id,
        "kind": "cell-started",
        "at": at,
        "orthanc": system["Version"],
        "python": plugins.get("python", ""),
        "plugins": dict(plugins),
        "unknown_routes": unknown_routes,
    }
