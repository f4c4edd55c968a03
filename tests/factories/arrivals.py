"""What cells tell (wire format 3), and the same in the words of the index."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sidecar.studies.model import ArrivedInstance, ArrivedInstances, ArrivedSeries, ArrivedStudy

CT = "1.2.840.10008.5.1.4.1.1.2"
RECEIVED = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def arrived(
    numbers: range | list[int],
    *,
    study: str = "1.2.3",
    patient: str = "P1",
    modality: str = "CT",
    series: int = 2,
    received_at: datetime = RECEIVED,
    **elements: Any,
) -> ArrivedInstances:
    """Return an event about instances ``numbers`` of a study, dealt out over its series."""
    key = f"{patient}|{study}"
    return ArrivedInstances(
        ArrivedStudy(f"study-{key}", study, patient, **{"patient_name": "Doe^Jane", **elements}),
        tuple(ArrivedSeries(f"series-{key}-{each}", f"{study}.{each}", modality, each) for each in range(series)),
        tuple(
            ArrivedInstance(
                f"instance-{key}-{number}",
                f"{study}.{number % series}.{number}",
                CT,
                f"{study}.{number % series}",
                received_at,
                number,
            )
            for number in numbers
        ),
    )


def stored(numbers: range | list[int], **changes: Any) -> dict[str, Any]:
    """Return an "instances-stored" event as a cell posts it; ``changes`` replace whole keys, ``study_`` ones its elements."""
    elements = {key.removeprefix("study_"): changes.pop(key) for key in list(changes) if key.startswith("study_")}
    uid = elements.get("StudyInstanceUID", "1.2.3")
    patient = elements.get("PatientID", "P1")
    key = f"{patient}|{uid}"
    return {
        "event_id": str(uuid4()),
        "kind": "instances-stored",
        "at": "2026-11-21T20:00:01.000+00:00",
        "study": {"ID": f"study-{key}", "StudyInstanceUID": uid, "PatientID": patient, "PatientName": "Doe^Jane", **elements},
        "series": [{"ID": f"series-{key}", "SeriesInstanceUID": f"{uid}.1", "Modality": "CT", "SeriesNumber": "1"}],
        "instances": [
            {
                "ID": f"instance-{key}-{number}", "SOPInstanceUID": f"{uid}.1.{number}", "SOPClassUID": CT,
                "SeriesInstanceUID": f"{uid}.1", "InstanceNumber": str(number), "NumberOfFrames": "", "Rows": "512",
                "Columns": "512", "RemoteAET": "CT1", "RemoteIP": "10.0.0.7", "ReceptionDate": "20261121T200000",
            }
            for number in numbers
        ],
        **changes,
    }  # fmt: skip
