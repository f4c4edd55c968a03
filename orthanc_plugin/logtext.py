"""What a cell writes into its logs about its own faults: one line each, without anybody's data.

Exceptions quote what they could not read, and what comes in are images of patients: the log keeps types and places.
"""

from __future__ import annotations

import traceback


def fault(error: BaseException) -> str:
    """Return an exception as its type and where it happened, innermost place last."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} (Traceback: {places})"


def one_line(text: str, *, longest: int = 2000) -> str:
    """Return a text that neither begins a line of its own nor moves a terminal's cursor."""
    shown = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
    return shown if len(shown) <= longest else f"{shown[:longest]}…"
