"""The blueprint all admin pages of this room share, and what their pages have in common."""

from typing import cast

from flask import Blueprint, current_app, flash

from sidecar.kernel.settings import Settings

bp = Blueprint("organisations", __name__)


def settings() -> Settings:
    """Return this installation's settings."""
    return cast("Settings", current_app.extensions["readingroom.settings"])


def tell(text: str, *, undo: str = "", **fields: str) -> None:
    """Show the outcome on the next page; ``undo`` is the address that takes it back when ``fields`` are posted there."""
    flash({"text": text, "undo": undo, "fields": fields}, "ok")  # type: ignore[arg-type]
