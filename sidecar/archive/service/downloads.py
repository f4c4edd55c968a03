"""Taking a study along: decided and put on record here, carried by nginx from the cell."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import select

from sidecar.archive import policy, rules
from sidecar.archive.events import StudyDownloaded
from sidecar.archive.model import Form, JobKind, JobState
from sidecar.archive.tables import Job
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied, Invalid
from sidecar.studies import queries
from sidecar.studies.service import place_of
from sidecar.studies.tables import Series, Study


@dataclass(frozen=True, slots=True)
class Parcel:
    """What nginx is to fetch: a path of the owner's cell, and the name under which a person saves it."""

    organisation_id: UUID
    study_id: UUID
    path: str
    file_name: str


def download(scope: Scope, study_id: UUID, *, form: Form, series_id: UUID | None = None) -> Parcel:
    """Let a study, or one series of it, go to the actor; put it on record. Raises Missing, Denied, Conflict, Invalid."""
    study = queries.get(scope, study_id)
    _need_may(scope, study)
    if not study.instance_count:
        raise Conflict("There are no images to take along.")
    series = _series(scope, study, series_id) if series_id else None
    if series and form is not Form.ZIP:
        raise Invalid("A file set with DICOMDIR holds whole studies. Take the series as a ZIP.")
    _record(scope, study, form, series)
    kind = "archive" if form is Form.ZIP else "media?extended=1"
    return Parcel(
        study.organisation_id,
        study.id,
        f"/series/{series.orthanc_id}/{kind}" if series else f"/studies/{study.orthanc_id}/{kind}",
        rules.file_name(
            accession_number=study.accession_number,
            study_date=study.study_date,
            modalities=[series.modality] if series else study.modalities_in_study,
            form=form,
            series_number=series.series_number if series else None,
        ),
    )


def take_objects(scope: Scope, study: Study, series: Series | None = None) -> None:
    """Let a study, or one series of it, go to the actor by DICOMweb; put it on record. Raises Denied."""
    _need_may(scope, study)
    _record(scope, study, Form.OBJECTS, series)


def _need_may(scope: Scope, study: Study) -> None:
    if not policy.may_download(scope.actor, study):
        raise Denied("Your role may not take images along.")


def _series(scope: Scope, study: Study, series_id: UUID) -> Series:
    found: Series = scope.one(
        select(Series).where(Series.organisation_id == study.organisation_id, Series.study_id == study.id, Series.id == series_id)
    )
    return found


def _record(scope: Scope, study: Study, form: Form, series: Series | None) -> None:
    images = series.instance_count if series else study.instance_count
    job = Job(
        organisation_id=study.organisation_id,
        id=uuid4(),
        kind=JobKind.DOWNLOAD,
        state=JobState.DONE,
        study_id=study.id,
        series_id=series.id if series else None,
        user_id=scope.user_id,
        user_name=scope.actor.name,
        user_organisation_id=scope.organisation_id,
        target=form,
        total=images,
        done=images,
        attempts=1,
        created_at=scope.now,
        started_at=scope.now,
        finished_at=scope.now,
    )
    scope.session.add(job)
    scope.session.flush()
    scope.emit(StudyDownloaded(**place_of(study), job_id=job.id, form=form, series_id=job.series_id))
