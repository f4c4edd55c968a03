"""Studies that were deleted: hidden first, by the wall itself; later without images, kept for their reports and history.

Machines see hidden studies: images may still come for one, and somebody must erase it. A person sees them only inside
``seeing_deleted``, in the pages that list what was deleted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, text, update

from sidecar.gate.scope import Scope
from sidecar.studies.tables import ErasedStudy, Series, Study


@contextmanager
def seeing_deleted(scope: Scope) -> Iterator[None]:
    """Let this transaction see deleted studies of its own walls until the block ends. An exception ends the transaction."""
    scope.session.execute(text("SELECT set_config('app.deleted', 'on', true)"))
    yield
    scope.session.flush()
    scope.session.execute(text("SELECT set_config('app.deleted', '', true)"))


def hide(scope: Scope, study: Study) -> None:
    """Hide a study from every person."""
    with seeing_deleted(scope):
        _mark(scope, study, scope.now)


def show_again(scope: Scope, study: Study) -> None:
    """Take the hiding back."""
    with seeing_deleted(scope):
        _mark(scope, study, None)


def _mark(scope: Scope, study: Study, moment: datetime | None) -> None:
    study.deleted_at = moment
    scope.session.flush()


def erase(scope: Scope, study: Study) -> None:
    """Take the images of a hidden study out of the index; its cell has none of them any more.

    Series take instances, metadata and thumbnails along. The row stays, without the patient's name, birth date and sex: its
    reports hold what they were signed with. Its identity in the cell is free for a new arrival.
    """
    scope.session.add(
        ErasedStudy(organisation_id=study.organisation_id, study_id=study.id, orthanc_id=study.orthanc_id, erased_at=scope.now)
    )
    of_study = (Series.organisation_id == study.organisation_id, Series.study_id == study.id)
    scope.session.execute(delete(Series).where(*of_study).execution_options(synchronize_session=False))
    emptied = {"patient_name": "", "patient_birth_date": "", "patient_sex": "", "series_count": 0, "instance_count": 0}
    scope.session.execute(
        update(Study)
        .where(Study.organisation_id == study.organisation_id, Study.id == study.id)
        .values(**emptied, orthanc_id=f"erased-{study.id}")
        .execution_options(synchronize_session=False)
    )


def erased_at(scope: Scope, orthanc_id: str) -> datetime | None:
    """Return when a study of this identity in the cell was last erased, or None."""
    found = select(ErasedStudy.erased_at).where(
        ErasedStudy.organisation_id == scope.organisation_id, ErasedStudy.orthanc_id == orthanc_id
    )
    return scope.session.scalar(found.order_by(ErasedStudy.erased_at.desc()).limit(1))


def erased_before(scope: Scope, study: Study) -> UUID | None:
    """Return the id under which the same study had been here before it was erased, or None. Its owner's to know."""
    found = select(ErasedStudy.study_id).where(
        ErasedStudy.organisation_id == study.organisation_id, ErasedStudy.orthanc_id == study.orthanc_id
    )
    return scope.session.scalar(found.order_by(ErasedStudy.erased_at.desc()).limit(1))
