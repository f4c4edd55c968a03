"""Contexts of the notifications' page and of the API's."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Flask

from sidecar.api import reading
from sidecar.gate import openapi
from sidecar.notifications import api as notifications
from sidecar.notifications.tables import Notification
from sidecar.reports import api as reports

SAID = (
    ("Dr. Chidi Obi asked that Noor Haddad becomes manager. A second person decides.", "/admin/users", False),
    ("Your account was locked after ten wrong codes. An administrator can open it.", "", False),
    ("The anonymised export “Lung nodules 2026” is ready.", "/exports", True),
    ("You signed in from a new place. If that was not you, end the session and tell us.", "/account", True),
)


def contexts(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the pages by name."""
    told = [
        Notification(
            id=UUID(int=number), kind="test", text=text, href=href,
            created_at=now - timedelta(hours=9 * number), read_at=now if read else None,
        )
        for number, (text, href, read) in enumerate(SAID)
    ]  # fmt: skip
    return {
        "notifications": ("notifications.html", {"notifications": told, "unread": 2}),
        "notifications-none": ("notifications.html", {"notifications": [], "unread": 0}),
        "api-docs": ("api_docs.html", reading.page(_document())),
    }


def _document() -> dict[str, Any]:
    """Return the document of two rooms."""
    app = Flask("samples")
    rooms: list[Blueprint] = [notifications.bp, reports.bp]
    for room in rooms:
        app.register_blueprint(room)
    return openapi.document(app, server="https://readingroom.example")
