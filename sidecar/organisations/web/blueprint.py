"""The blueprint all admin pages of this room share, and what their pages have in common."""

from typing import cast

from flask import Blueprint, current_app

from sidecar.kernel.settings import Settings

bp = Blueprint("organisations", __name__)


def settings() -> Settings:
    """Return this installation's settings."""
    return cast("Settings", current_app.extensions["readingroom.settings"])
