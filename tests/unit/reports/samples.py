"""A signed content as the service makes it, with names in several scripts."""

from datetime import UTC, datetime
from typing import Any

from sidecar.reports import rules
from sidecar.reports.model import Meaning

AT = datetime(2026, 11, 21, 20, 4, 7, 123000, tzinfo=UTC)


def identification(**patient: str) -> dict[str, Any]:
    return {
        "report": {"id": "3a0e9b8e-7b5b-4f0e-9f36-8d2ff0f3a111", "version": 1},
        "organisation": {"id": "m", "name": "Mercy Hospital"},
        "reading_organisation": {
            "id": "n",
            "name": "Night Owls Radiology",
            "letterhead": "12 Harbour Street\n+31 10 555 0100",
            "zone": "Europe/Amsterdam",
        },
        "patient": {
            "PatientName": "Nováková^Zdeňka",
            "PatientID": "100234",
            "PatientBirthDate": "19570314",
            "PatientSex": "F",
            **patient,
        },
        "study": {
            "id": "s",
            "StudyInstanceUID": "2.25.3298",
            "AccessionNumber": "A-17",
            "StudyDate": "20261121",
            "StudyTime": "194455.12",
            "StudyDescription": "CT chest",
            "ModalitiesInStudy": ["CT"],
            "ReferringPhysicianName": "Whitfield^Anna^^Dr.",
            "NumberOfStudyRelatedSeries": 3,
            "NumberOfStudyRelatedInstances": 214,
        },
    }


def signed(sections: dict[str, str] | None = None, **patient: str) -> dict[str, Any]:
    texts = rules.clean_sections(sections or {"findings": "Lungs are clear.", "impression": "No acute finding."})
    signer = {"signer_id": "u", "signer_name": "Dr. Zoë Okafor"}
    return rules.sign_content(identification(**patient), texts, signer=signer, at=AT, meaning=Meaning.AUTHOR)
