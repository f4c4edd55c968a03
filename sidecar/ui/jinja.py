"""What templates may say beyond plain Jinja: names, ages, moments, deadlines, sizes, asset addresses.

`install(env)` is called once by the application (and by the test renderer) on its Jinja environment. The filters that need the
viewer's clock read `page.now` (aware UTC) and `page.zone` (IANA name) from the template's context; import macros "with context".
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from sidecar.ui import words

NEVER = Markup('<span class="faint">–</span>')  # noqa: RUF001 - a dash for people
STATIC = Path(__file__).parent / "static"


@cache
def asset(path: str) -> str:
    """Address of a file under static/ with a short content hash, so that it may be cached for ever (`?v=` present)."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]
    return f"/static/{path}?v={digest}"


def _clock(context: Context) -> tuple[datetime, ZoneInfo]:
    page = context["page"]
    return page["now"], ZoneInfo(page["zone"])


@pass_context
def when(context: Context, moment: datetime | None) -> Markup:
    """A moment as `<time>`: relative within a day, the date beyond, the full moment with zone on hover."""
    if moment is None:
        return NEVER
    now, zone = _clock(context)
    return Markup('<time data-when datetime="{}" title="{}">{}</time>').format(
        words.iso(moment), words.absolute(moment, zone), words.relative(moment, now, zone)
    )


@pass_context
def stamp(context: Context, moment: datetime | None) -> Markup:
    """A moment as `<time>` with date, minutes and zone written out: for documents and audit rows."""
    if moment is None:
        return NEVER
    _, zone = _clock(context)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        words.iso(moment), words.iso(moment), words.absolute(moment, zone)
    )


@pass_context
def due(context: Context, moment: datetime | None) -> Markup:
    """Remaining time to a deadline as a clock: figures, state in words and shape; the browser keeps it ticking."""
    if moment is None:
        return Markup('<span class="faint">no deadline</span>')
    now, zone = _clock(context)
    text, state = words.remaining(moment, now)
    shape = {"overdue": "overdue", "soon": "clock", "ok": ""}[state]
    icon = (
        Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(asset("icons.svg"), shape)
        if shape
        else Markup("")
    )
    return Markup('<time class="clock" data-clock data-state="{}" datetime="{}" title="due {}">{}<span>{}</span></time>').format(
        state, words.iso(moment), words.absolute(moment, zone), icon, text
    )


@pass_context
def age(context: Context, birth: date | str | None) -> str:
    """Age today from a birth date, given as a date or as a DICOM DA value ("19700131", or "" when absent)."""
    now, zone = _clock(context)
    return words.age(birth, now.astimezone(zone).date())


def lines(text: str) -> Markup:
    """Plain text as paragraphs: blank lines part them, single line ends are kept."""
    parts = [part for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup("<br>").join(escape(row) for row in part.split("\n"))) for part in parts
    )


def install(env: Environment) -> None:
    """Give the environment our filters and globals, and make an unknown variable an error rather than an empty string."""
    env.undefined = StrictUndefined
    env.trim_blocks = True
    env.lstrip_blocks = True
    filters: dict[str, Any] = {
        "age": age,
        "bytes_h": words.size,
        "day": words.day,
        "minute": words.minute,
        "span": words.span_words,
        "dicom_name": words.dicom_name,
        "due": due,
        "lines": lines,
        "stamp": stamp,
        "when": when,
    }
    env.filters.update(filters)
    env.globals["asset"] = asset
