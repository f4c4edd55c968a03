"""The audit page."""

from datetime import date, datetime, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.audit import queries, service
from sidecar.audit.words import GROUPS
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.zones import viewer_zone

bp = Blueprint("audit", __name__)

PAGE_ROWS = 50
LAST_PAGE = 2000


@route(bp, "/admin/audit", needs=Permission.AUDIT_READ)
def audit(scope: Scope) -> ResponseReturnValue:
    """Show who did what, newest first: ``group`` and ``day`` narrow it, ``check`` verifies the chain."""
    group = request.args.get("group", "")
    day, day_error = _day(request.args.get("day", ""))
    page = min(max(request.args.get("page", 1, int), 1), LAST_PAGE)
    found = queries.entries(scope, _span(group, day), offset=(page - 1) * PAGE_ROWS, limit=PAGE_ROWS + 1)
    return render_template(
        "admin_audit.html",
        entries=found[:PAGE_ROWS],
        groups=GROUPS,
        group=group,
        day=request.args.get("day", ""),
        day_error=day_error,
        page_number=page,
        more=len(found) > PAGE_ROWS,
        verdict=service.verify(scope) if "check" in request.args else None,
    )


EARLIEST, LATEST = 2000, 2999
"""Years that can be asked for. A day at the edge of the calendar has no next day in some zones."""


def _day(written: str) -> tuple[date | None, str]:
    if not written:
        return None, ""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None, "Write a date such as 2026-11-21."
    if not EARLIEST <= day.year <= LATEST:
        return None, f"The journal knows the years {EARLIEST} to {LATEST}."
    return day, ""


def _span(group: str, day: date | None) -> queries.Span:
    kinds = tuple(group.split(",")) if group in dict(GROUPS) and group else ()
    if day is None:
        return queries.Span(kinds)
    start = datetime(day.year, day.month, day.day, tzinfo=viewer_zone())
    return queries.Span(kinds, start, start + timedelta(days=1))
