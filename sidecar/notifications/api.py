"""JSON: ``/api/notifications``: what the caller was told, newest first, and putting it away."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from flask import Blueprint
from pydantic import Field

from sidecar.gate import api
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Asked, Paging, Shown, Told
from sidecar.gate.scope import Scope
from sidecar.notifications import queries, service
from sidecar.notifications.tables import Notification

bp = Blueprint("notifications_api", __name__)
NEEDS = Permission.SIGNED_IN


class NotificationShown(Shown):
    """One thing the caller was told. ``href`` is where it leads, "" when nowhere."""

    id: UUID
    kind: str
    text: str
    href: str
    created_at: datetime
    read_at: datetime | None


class NotificationAnswer(Told):
    """One notification."""

    notification: NotificationShown


class NotificationsAsked(Paging):
    """Which notifications."""

    unread: Annotated[bool, Field(description="Only what was not put away.")] = False


class NotificationsAnswer(Told):
    """A page of notifications, and how many wait in all."""

    notifications: list[NotificationShown]
    unread: int
    next: str | None


class Reading(Asked):
    """Put it away."""

    read: Annotated[bool, Field(description="true; what was read stays read.")]


class ReadAnswer(Told):
    """How many were put away."""

    read: int


def _shown(found: Notification) -> NotificationShown:
    return NotificationShown.model_validate(found)


@api.route(bp, "/api/notifications", needs=NEEDS, query=NotificationsAsked, answer=NotificationsAnswer)
def list_notifications(scope: Scope, query: NotificationsAsked) -> NotificationsAnswer:
    """List what you were told, newest first."""
    rows, following = queries.page(scope, query, unread=query.unread)
    shown = [_shown(each) for each in rows]
    return NotificationsAnswer(notifications=shown, unread=queries.unread_count(scope), next=following)


@api.route(bp, "/api/notifications/<uuid:notification_id>", needs=NEEDS, answer=NotificationAnswer, etag=True)
def show_notification(scope: Scope, notification_id: UUID) -> NotificationAnswer:
    """Show one."""
    return NotificationAnswer(notification=_shown(queries.get(scope, notification_id)))


@api.route(
    bp,
    "/api/notifications/<uuid:notification_id>",
    needs=NEEDS,
    methods=("PUT",),
    body=Reading,
    answer=NotificationAnswer,
    etag=show_notification,
)
def read_notification(scope: Scope, notification_id: UUID, body: Reading) -> NotificationAnswer:
    """Put one away."""
    found = service.read_one(scope, notification_id) if body.read else queries.get(scope, notification_id)
    return NotificationAnswer(notification=_shown(found))


@api.route(bp, "/api/notifications/read", needs=NEEDS, methods=("POST",), answer=ReadAnswer)
def read_notifications(scope: Scope) -> ReadAnswer:
    """Put all away that came until now. Asked again it finds fewer: it needs no key."""
    return ReadAnswer(read=service.read_all(scope))
