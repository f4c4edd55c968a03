"""What the gates of the cells saw people do, put into the journal in those people's names."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from sidecar.adapters.cell_tokens import Visitor
from sidecar.gate.actor import Actor, Role
from sidecar.gate.scope import Scope
from sidecar.intake import forms
from sidecar.intake.events import ArchiveSearched, GateEvent, GateRefused, ImagesAccessed
from sidecar.studies.tables import Study


def record(scope: Scope, visit: forms.GateVisited, visitor: Visitor | None) -> None:
    """Write one row for a visit, one per study where a hospital gave several patients the same StudyInstanceUID.

    Without a visitor (nobody proved who they were) the row is the archive's own.
    """
    common = {
        "organisation_id": scope.organisation_id,
        "purpose": visitor.purpose if visitor else "",
        "session": visitor.session if visitor else "",
        "first_at": visit.first_at,
        "last_at": visit.last_at,
        "count": visit.count,
    }
    for happened in _events(scope, visit, common):
        if visitor is None:
            scope.emit(happened)
        else:
            person = Actor(visitor.user_id, visitor.organisation_id, Role(visitor.role), None, visitor.name, visitor.session)
            scope.emit_for(person, visitor.address, happened)


def _events(scope: Scope, visit: forms.GateVisited, common: dict[str, Any]) -> Sequence[GateEvent]:
    match visit.sort:
        case "refused":
            return [GateRefused(**common, reason=visit.subject)]
        case "search":
            return [ArchiveSearched(**common)]
        case "study":
            common["study_instance_uid"] = visit.subject
            found = _studies(scope, visit.subject)
            return [ImagesAccessed(**common, study_id=each) for each in found] or [ImagesAccessed(**common)]


def _studies(scope: Scope, uid: str) -> Sequence[UUID]:
    """Return the organisation's studies with this UID; none when its index does not have it (yet, or any more)."""
    mine = (Study.organisation_id == scope.organisation_id, Study.study_instance_uid == uid)
    return scope.session.scalars(select(Study.id).where(*mine).order_by(Study.id)).all()
