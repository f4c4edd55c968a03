"""Reading what the actor was told. The wall gives each person their own."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from sidecar.gate.paging import After
from sidecar.gate.scope import Scope
from sidecar.notifications.tables import Notification


def get(scope: Scope, notification_id: UUID) -> Notification:
    """Return one of the actor's own, or Missing."""
    found: Notification = scope.one(select(Notification).where(Notification.id == notification_id))
    return found


def latest(scope: Scope, *, limit: int, after: After | None = None, unread: bool = False) -> Sequence[Notification]:
    """Return the newest first, from after a place in the list."""
    mine = select(Notification).where(Notification.user_id == scope.user_id)
    if unread:
        mine = mine.where(Notification.read_at.is_(None))
    if after is not None:
        mine = mine.where(after.below(Notification.created_at, Notification.id))
    return scope.session.scalars(mine.order_by(Notification.created_at.desc(), Notification.id.desc()).limit(limit)).all()


def unread_count(scope: Scope) -> int:
    """Return how many wait to be put away."""
    mine = (Notification.user_id == scope.user_id, Notification.read_at.is_(None))
    return scope.session.scalar(select(func.count()).select_from(Notification).where(*mine)) or 0
