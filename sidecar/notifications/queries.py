"""Reading what the actor was told. The wall gives each person their own."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select

from sidecar.gate.paging import After, cut, newest_first
from sidecar.gate.requests import Paging
from sidecar.gate.scope import Scope
from sidecar.notifications.tables import Notification


def get(scope: Scope, notification_id: UUID) -> Notification:
    """Return one of the actor's own, or Missing."""
    found: Notification = scope.one(select(Notification).where(Notification.id == notification_id))
    return found


def latest(scope: Scope, *, limit: int) -> Sequence[Notification]:
    """Return the newest of the actor's own."""
    return scope.session.scalars(_mine(scope).order_by(Notification.created_at.desc(), Notification.id.desc()).limit(limit)).all()


def page(scope: Scope, asked: Paging, *, unread: bool) -> tuple[Sequence[Notification], str | None]:
    """Return a page of the actor's own, newest first, and the cursor of the next."""
    mine = _mine(scope).where(Notification.read_at.is_(None)) if unread else _mine(scope)
    rows = scope.session.scalars(newest_first(mine, asked, Notification.created_at, Notification.id)).all()
    return cut(asked, rows, lambda each: After(each.created_at, each.id))


def _mine(scope: Scope) -> Select[Notification]:
    return select(Notification).where(Notification.user_id == scope.user_id)


def unread_count(scope: Scope) -> int:
    """Return how many wait to be put away."""
    mine = (Notification.user_id == scope.user_id, Notification.read_at.is_(None))
    return scope.session.scalar(select(func.count()).select_from(Notification).where(*mine)) or 0
