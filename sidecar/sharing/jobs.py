"""What the worker does here: remind of broken glass that nobody reviewed in 72 hours, and tell of reports that changed."""

from datetime import timedelta

from sqlalchemy import or_, select

from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Owed, Workshop, everybody, owing
from sidecar.gate.scope import Scope
from sidecar.mail.service import configured
from sidecar.reports.events import AddendumSigned
from sidecar.sharing import corrections, rules
from sidecar.sharing.events import GlassOverdue
from sidecar.sharing.tables import BrokenGlass

JUST_NOW = timedelta(minutes=10)
"""Longer than the slow round takes to come by."""
LATELY = timedelta(days=7)
"""So long after its signature a new version is told of by a worker that was down meanwhile."""


def tell_readers(workshop: Workshop) -> None:
    """Tell of reports that got a new version just now."""
    _tell(workshop, JUST_NOW)


def tell_all_readers(workshop: Workshop) -> None:
    """Tell of reports that got a new version while nobody told."""
    _tell(workshop, LATELY)


def _tell(workshop: Workshop, within: timedelta) -> None:
    since = workshop.scopes.clock() - within
    by_mail = configured(workshop.settings)
    for organisation_id in owing(workshop.scopes, Owed.HAPPENED, kinds={AddendumSigned.kind}, within=within):
        corrections.tell_all(workshop.scopes, workshop.seal, organisation_id, since=since, by_mail=by_mail)


def remind_reviewers(workshop: Workshop) -> None:
    """Remind each organisation of its own."""
    for organisation_id in everybody(workshop.scopes):
        with workshop.scopes.open(system_actor(organisation_id)) as scope:
            remind(scope)


def remind(scope: Scope) -> int:
    """Put on record what nobody has reviewed in time, once a day; return how many. The alert follows (reactions)."""
    overdue = select(BrokenGlass).where(
        BrokenGlass.organisation_id == scope.organisation_id,
        BrokenGlass.reviewed_at.is_(None),
        BrokenGlass.review_due_at <= scope.now,
        or_(BrokenGlass.reminded_at.is_(None), BrokenGlass.reminded_at <= scope.now - rules.REMINDED_EVERY),
    )
    found = scope.session.scalars(overdue.with_for_update(skip_locked=True)).all()
    for broken in found:
        broken.reminded_at = scope.now
        scope.session.flush()
        scope.emit(
            GlassOverdue(
                organisation_id=broken.organisation_id,
                glass_id=broken.id,
                user_id=broken.user_id if broken.user_organisation_id == broken.organisation_id else None,
                days=(scope.now - broken.opened_at).days,
            )
        )
    return len(found)
