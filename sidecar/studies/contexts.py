"""Reading contexts: a short-lived capability of one person in one session for exactly one study and its priors.

The list is fixed when the context is opened; what the walls hide later is hidden in it too. The id is not a secret: it
opens nothing for another user or in another session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, Select, any_, delete, select

from sidecar.gate.scope import Event, Scope
from sidecar.kernel.errors import Missing
from sidecar.studies import queries
from sidecar.studies.tables import ReadingContext, Study

LIFE = timedelta(minutes=30)
"""From opening or the last use."""
RENEWED_AFTER = timedelta(minutes=1)
"""A stack of images asks hundreds of times; the row is written once a minute at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOpened(Event):
    """Somebody opened a study's images (DICOM PS3.15 A.5.3.6, DICOM Instances Accessed).

    ``priors``: how many came along. ``purpose``: "reading", or "preview" when only thumbnails beside a list were shown.
    """

    kind: ClassVar[str] = "studies.study.opened"
    context_id: UUID
    priors: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A living context and its visible studies, the opened one first."""

    context: ReadingContext
    studies: Sequence[Study]

    def study(self, study_instance_uid: str) -> Study:
        """Return the context's study with this StudyInstanceUID, or Missing."""
        for study in self.studies:
            if study.study_instance_uid == study_instance_uid:
                return study
        raise Missing


def open_context(scope: Scope, study_id: UUID, *, preview: bool = False) -> ReadingContext:
    """Open this study and the priors that the actor may see. The same session opening it again renews the same context.

    A preview is no lesser access, so it opens the same and is on record too, as what it is.
    """
    study = queries.get(scope, study_id)
    studies = [study, *queries.priors(scope, study)]
    context = scope.session.scalars(_live(scope).where(ReadingContext.study_id == study.id).limit(1)).one_or_none()
    if context is None:
        context = ReadingContext(
            organisation_id=study.organisation_id,
            id=uuid4(),
            user_id=scope.user_id,
            user_organisation_id=scope.organisation_id,
            session=_session(scope),
            study_id=study.id,
            opened_at=scope.now,
        )
        scope.session.add(context)
    context.study_ids = [each.id for each in studies]
    context.study_instance_uids = [each.study_instance_uid for each in studies]
    context.expires_at = scope.now + LIFE
    scope.session.flush()
    scope.emit(
        StudyOpened(
            organisation_id=study.organisation_id,
            study_id=study.id,
            context_id=context.id,
            priors=len(studies) - 1,
            purpose="preview" if preview else "reading",
        )
    )
    return context


def note_opened(scope: Scope, study: Study) -> None:
    """Put on record that the session opened this study's images, once while they stay open, whichever way they are fetched."""
    context = scope.session.scalars(_live(scope).where(ReadingContext.study_id == study.id).limit(1)).one_or_none()
    if context is None:
        open_context(scope, study.id)
    else:
        _renew(scope, context)


def look_in(scope: Scope, context_id: UUID | str) -> Opened:
    """Return the actor's own living context with those of its studies that the actor may still see, and renew it.

    Missing for any other id, well formed or not, and when the opened study itself is no longer the actor's to see.
    """
    rows = scope.session.execute(
        _live(scope)
        .add_columns(Study)
        .join(Study, (Study.organisation_id == ReadingContext.organisation_id) & (Study.id == any_(ReadingContext.study_ids)))
        .where(ReadingContext.id == _uuid(context_id))
    ).all()
    by_id = {study.id: study for _, study in rows}
    context = next((each for each, _ in rows), None)
    if context is None or context.study_id not in by_id:
        raise Missing
    _renew(scope, context)
    return Opened(context, [by_id[study_id] for study_id in context.study_ids if study_id in by_id])


def context_studies(scope: Scope, context: ReadingContext) -> Sequence[Study]:
    """Return those of a context's studies that the actor may still see, the opened one first."""
    found = scope.session.scalars(
        select(Study).where(Study.organisation_id == context.organisation_id, Study.id.in_(context.study_ids))
    )
    by_id = {study.id: study for study in found}
    return [by_id[study_id] for study_id in context.study_ids if study_id in by_id]


def close_contexts(scope: Scope) -> int:
    """Close what the scope's session has open, at sign-out; return how many."""
    mine = (ReadingContext.user_id == scope.user_id, ReadingContext.session == _session(scope))
    return _rows(scope.session.execute(delete(ReadingContext).where(*mine)))


def forget_expired(scope: Scope) -> int:
    """Delete the rows of the scope's organisation that have run out; return how many. The journal keeps who opened what."""
    return _rows(scope.session.execute(delete(ReadingContext).where(ReadingContext.expires_at < scope.now)))


def _live(scope: Scope) -> Select[ReadingContext]:
    """Select the contexts of the actor's session that have not run out."""
    return select(ReadingContext).where(
        ReadingContext.user_id == scope.user_id,
        ReadingContext.session == _session(scope),
        ReadingContext.expires_at > scope.now,
    )


def _session(scope: Scope) -> str:
    """Return the actor's session; who has none (a machine) has no context."""
    if not scope.actor.session:
        raise Missing
    return scope.actor.session


def _renew(scope: Scope, context: ReadingContext) -> None:
    """Move the end, unless that was done a moment ago or another request is doing it now: nobody waits for this."""
    if context.expires_at >= scope.now + LIFE - RENEWED_AFTER:
        return
    mine = select(ReadingContext.id).where(
        ReadingContext.organisation_id == context.organisation_id, ReadingContext.id == context.id
    )
    if scope.session.scalar(mine.with_for_update(skip_locked=True)) is not None:
        context.expires_at = scope.now + LIFE


def _uuid(text: UUID | str) -> UUID:
    try:
        return text if isinstance(text, UUID) else UUID(text)
    except ValueError as error:
        raise Missing from error


def _rows(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
