"""The blueprint of this room's pages, and how they tell what was done."""

from flask import Blueprint, flash

bp = Blueprint("sharing", __name__)


def tell(text: str, *, undo: str = "", **fields: str) -> None:
    """Show the outcome on the next page; ``undo`` is the address that takes it back when ``fields`` are posted there."""
    flash({"text": text, "undo": undo, "fields": fields}, "ok")  # type: ignore[arg-type]
