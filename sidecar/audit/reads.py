"""Putting on record that patient data were shown: lists and searches, and pages about one study or order.

Opened images, reports, downloads and exports have events of their own in their rooms.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from sidecar.audit.events import ListShown, RecordShown
from sidecar.gate.scope import Scope
from sidecar.kernel.canonical import canonical
from sidecar.kernel.journal import JournalRow

ONE_LOOK = timedelta(minutes=15)
"""A list that keeps itself fresh on somebody's screen is on record once in this time: as long as a session may idle."""


def note_list(scope: Scope, place: str, asked: Mapping[str, Any], shown: int, *, refresh: bool = False) -> None:
    """Put on record that ``shown`` rows of a list were shown, narrowed by ``asked`` (empty values do not narrow).

    ``refresh``: a list that is open anyway brought news; on record when no look at the same list was within ONE_LOOK.
    """
    narrowing = {name: value for name, value in asked.items() if value not in (None, "", [], ())}
    digest = digest_of(scope, place, narrowing)
    if refresh and (shown == 0 or _looked(scope, digest)):
        return
    scope.emit(
        ListShown(
            organisation_id=scope.organisation_id,
            place=place,
            filters=sorted(narrowing),
            asked=digest,
            shown=shown,
        )
    )


def note_record(
    scope: Scope, place: str, *, organisation_id: UUID, study_id: UUID | None = None, order_id: UUID | None = None
) -> None:
    """Put on record that one study's or order's patient data were shown on a page that is about something else."""
    scope.emit(RecordShown(organisation_id=organisation_id, study_id=study_id, order_id=order_id, place=place))


def digest_of(scope: Scope, place: str, asked: Mapping[str, Any]) -> str:
    """Return a digest of a question, of one organisation's own: the same question is recognised, no text is kept.

    Under a key of the house: numbers of patients are few, and whoever has an export of the journal would try them all.
    """
    return scope.lookup.mark(canonical({"organisation": scope.organisation_id, "place": place, "asked": dict(asked)}))


def _looked(scope: Scope, digest: str) -> bool:
    """Say whether the actor was shown this list within ONE_LOOK."""
    found = select(JournalRow.sequence).where(
        JournalRow.organisation_id == scope.organisation_id,
        JournalRow.actor_id == scope.user_id,
        JournalRow.at > scope.now - ONE_LOOK,
        JournalRow.kind == ListShown.kind,
        JournalRow.body.contains(digest, autoescape=True),
    )
    return scope.session.scalar(found.limit(1)) is not None
