"""The identification a signature binds: which report, whose study, who reads. A snapshot: corrections change nothing signed."""

from typing import Any

from sqlalchemy import select

from sidecar.gate.scope import Scope
from sidecar.organisations.tables import Organisation
from sidecar.reports.tables import Report
from sidecar.studies.tables import Study


def snapshot(scope: Scope, report: Report, study: Study, *, version: int) -> dict[str, Any]:
    """Return report, organisations, study and patient as plain values. DICOM elements under their keywords."""
    owner = _organisation(scope, study.organisation_id)
    reader = _organisation(scope, scope.organisation_id)
    return {
        "report": {"id": str(report.id), "version": version},
        "organisation": {"id": str(owner.id), "name": owner.name},
        "reading_organisation": {
            "id": str(reader.id),
            "name": reader.name,
            "letterhead": _below_name(reader),
            "zone": reader.zone,
        },
        "patient": {
            "PatientName": study.patient_name,
            "PatientID": study.patient_id,
            "PatientBirthDate": study.patient_birth_date,
            "PatientSex": study.patient_sex,
        },
        "study": {
            "id": str(study.id),
            "StudyInstanceUID": study.study_instance_uid,
            "AccessionNumber": study.accession_number,
            "StudyDate": study.study_date,
            "StudyTime": study.study_time,
            "StudyDescription": study.study_description,
            "ModalitiesInStudy": sorted(study.modalities_in_study),
            "ReferringPhysicianName": study.referring_physician_name,
            "NumberOfStudyRelatedSeries": study.series_count,
            "NumberOfStudyRelatedInstances": study.instance_count,
        },
    }


def _below_name(organisation: Organisation) -> str:
    """Return the letterhead without a first line that only repeats the name, which is printed above it."""
    first, _, rest = organisation.letterhead.strip().partition("\n")
    return rest if first.strip() == organisation.name else organisation.letterhead.strip()


def _organisation(scope: Scope, organisation_id: Any) -> Organisation:
    organisation: Organisation = scope.one(select(Organisation).where(Organisation.id == organisation_id))
    return organisation
