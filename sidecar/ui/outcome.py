"""What came of the last act, said on the next page."""

from flask import flash


def tell(text: str, *, undo: str = "", **fields: object) -> None:
    """Show the outcome on the next page; ``undo`` is the address that takes it back when ``fields`` are posted there."""
    flash({"text": text, "undo": undo, "fields": {name: str(value) for name, value in fields.items()}}, "ok")  # type: ignore[arg-type]
