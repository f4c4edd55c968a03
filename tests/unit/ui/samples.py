"""Sample contexts for every template: plausible, in several scripts, with the awkward cases. Used by unit tests and the gallery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Environment, FileSystemLoader

from sidecar.ui import jinja

TEMPLATES = jinja.STATIC.parent / "templates"
NOW = datetime(2026, 11, 21, 20, 4, 7, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def ahead(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def page(**changes: Any) -> dict[str, Any]:
    nav = [
        {"href": "/worklist", "label": "Worklist", "key": "w", "current": False},
        {"href": "/studies", "label": "Studies", "key": "s", "current": False},
        {"href": "/admin/users", "label": "Admin", "key": "a", "current": False},
    ]
    return {
        "now": NOW,
        "zone": "Europe/Berlin",
        "theme": "dark",
        "csrf_token": "sample-token",
        "session_expires_at": ahead(60 * 24 * 365),
        "user": {"name": "Dr. Amara Okafor", "organisation": "Nightwatch Teleradiology"},
        "nav": nav,
        "live": False,
        **changes,
    }


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "gallery": ("gallery.html", {"samples": {"overdue": ago(12), "soon": ahead(12), "later": ahead(95)}}),
}


def environment() -> Environment:
    env = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    jinja.install(env)
    return env


def render(name: str, theme: str = "dark") -> str:
    template, context = PAGES[name]
    return environment().get_template(template).render({"page": page(theme=theme), **context})
