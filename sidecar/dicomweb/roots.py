"""What stands behind the first part of a DICOMweb path: a reading context, or ``own``, the caller's own archive.

Foreign, expired and unknown are one answer: Missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from sidecar.dicomweb.search import Part
from sidecar.gate.actor import OrganisationKind
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.studies import contexts
from sidecar.studies.contexts import look_in
from sidecar.studies.tables import Instance, Series, Study

OWN = "own"


@dataclass(frozen=True, slots=True)
class Root:
    """A DICOMweb root for one caller. ``studies`` None: all studies of the caller's own organisation."""

    name: str
    part: Part
    studies: Sequence[Study] | None

    def named(self, scope: Scope, study_uid: str) -> Sequence[Study]:
        """Return the studies with this StudyInstanceUID: more than one if a hospital used it for two patients. Or Missing."""
        if self.studies is not None:
            found = [each for each in self.studies if each.study_instance_uid == study_uid]
        else:
            here = (Study.organisation_id == self.part.organisation_id, Study.study_instance_uid == study_uid)
            found = list(scope.session.scalars(select(Study).where(*here).order_by(Study.id)))
        if not found:
            raise Missing
        return found

    def series(self, scope: Scope, study_uid: str, series_uid: str) -> tuple[Study, Series]:
        """Return one series and its study, or Missing."""
        studies = {each.id: each for each in self.named(scope, study_uid)}
        found = scope.session.scalars(
            select(Series)
            .where(
                Series.organisation_id == self.part.organisation_id,
                Series.study_id.in_(studies),
                Series.series_instance_uid == series_uid,
            )
            .order_by(Series.study_id)
            .limit(1)
        ).one_or_none()
        if found is None:
            raise Missing
        return studies[found.study_id], found

    def instance(self, scope: Scope, series: Series, instance_uid: str) -> Instance:
        """Return one instance of a series, or Missing."""
        mine = (Instance.organisation_id == series.organisation_id, Instance.series_id == series.id)
        found: Instance = scope.one(select(Instance).where(*mine, Instance.sop_instance_uid == instance_uid))
        return found

    def note(self, scope: Scope, study: Study) -> None:
        """Put on record that the caller opened the study's images; a context was put on record when it was opened."""
        if self.studies is None:
            contexts.note_opened(scope, study)


def open_root(scope: Scope, name: str) -> Root:
    """Return the root of this name for the caller, or Missing. Only who sends images has an archive of its own."""
    if name == OWN:
        if scope.actor.kind is not OrganisationKind.PROVIDER:
            raise Missing
        return Root(name, Part(scope.organisation_id, own=True), None)
    opened = look_in(scope, name)
    part = Part(opened.context.organisation_id, studies=[each.id for each in opened.studies])
    return Root(name, part, opened.studies)
