"""What the worker does for broken glass: remind whoever has not reviewed it in 72 hours, and every day after that."""

from sqlalchemy import or_, select

from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop, everybody
from sidecar.gate.scope import Scope
from sidecar.sharing import rules
from sidecar.sharing.events import GlassOverdue
from sidecar.sharing.tables import BrokenGlass


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
