"""Tell people something in the house, and let them put it away."""

from uuid import UUID, uuid4

from sqlalchemy import insert, select, update

from sidecar.gate.scope import Scope
from sidecar.notifications.tables import Notification


def notify(  # noqa: PLR0913 - whom, what, and where it leads
    scope: Scope, *, organisation_id: UUID, user_id: UUID, kind: str, text: str, href: str = ""
) -> None:
    """Put a line into a person's notifications. ``text`` holds no patient data; ``href`` is a path of ours.

    Works in every scope that sees the account: a colleague's, the worker's, and that of a sign-in (``login=`` the address).
    """
    if href and not (href.startswith("/") and not href.startswith("//")):
        raise ValueError("a notification leads to a page of ours or nowhere")
    told = insert(Notification).values(
        organisation_id=organisation_id,
        id=uuid4(),
        user_id=user_id,
        kind=kind,
        text=text,
        href=href,
        created_at=scope.now,
        read_at=None,
    )
    # Not as an object of the session: that would ask the row back, and only its reader sees it.
    scope.session.execute(told)


def read_one(scope: Scope, notification_id: UUID) -> Notification:
    """Put one away; again changes nothing. Missing when it is not the actor's own."""
    found: Notification = scope.one(select(Notification).where(Notification.id == notification_id))
    if found.read_at is None:
        found.read_at = scope.now
        scope.session.flush()
    return found


def read_all(scope: Scope) -> int:
    """Put all of the actor's away that came until now; return how many there were."""
    unread = (Notification.user_id == scope.user_id, Notification.read_at.is_(None), Notification.created_at <= scope.now)
    put_away = update(Notification).where(*unread).values(read_at=scope.now).returning(Notification.id)
    return len(scope.session.scalars(put_away.execution_options(synchronize_session=False)).all())
