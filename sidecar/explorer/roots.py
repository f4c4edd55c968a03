"""What stands behind the first part of Explorer's path: ``own``, the caller's own archive, or a reading context."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.studies.contexts import look_in
from sidecar.studies.tables import ReadingContext, Study

OWN = "own"


@dataclass(frozen=True, slots=True)
class Root:
    """One caller's Explorer: of which provider's cell, and for a context of which studies (None: all)."""

    organisation_id: UUID
    context: ReadingContext | None = None
    studies: Sequence[Study] | None = None

    @property
    def uids(self) -> list[str] | None:
        """The StudyInstanceUIDs that a token for the cell lists; None for own staff."""
        return None if self.studies is None else [each.study_instance_uid for each in self.studies]

    def study(self, scope: Scope, orthanc_id: str) -> Study:
        """Return the study with this id in the cell, or Missing."""
        if self.studies is not None:
            for each in self.studies:
                if each.orthanc_id == orthanc_id:
                    return each
            raise Missing
        mine = select(Study).where(Study.organisation_id == self.organisation_id, Study.orthanc_id == orthanc_id)
        study: Study = scope.one(mine)
        return study


def open_root(scope: Scope, name: str) -> Root:
    """Return what this name opens for the caller; Missing for whatever is not theirs."""
    if name == OWN:
        if not may_ever(scope.actor, Permission.EXPLORER_OPEN):
            raise Missing
        return Root(scope.organisation_id)
    opened = look_in(scope, name)
    return Root(opened.context.organisation_id, opened.context, opened.studies)
