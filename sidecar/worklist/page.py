"""What the templates of the list are given. Their own heads say which names they read."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sidecar.gate.fields import unseen
from sidecar.gate.scope import Scope
from sidecar.studies import queries as studies
from sidecar.worklist import queries
from sidecar.worklist.lines import line
from sidecar.worklist.model import Filters, Found, View, Viewer

LABELS = {
    View.OPEN: ("All open", "inbox", ""),
    View.MINE: ("Mine", "user", ""),
    View.UNASSIGNED: ("Unassigned", "ring", ""),
    View.STAT: ("STAT", "urgency-1", "bad"),
    View.SOON: ("Due in 30 min", "clock", "warn"),
    View.ARRIVING: ("Arriving", "arriving", ""),
    View.SIGNED: ("Signed today", "check", ""),
}
"""Words, icon and tone of each saved view; the tone only while it holds something."""


def viewer(scope: Scope, zone: ZoneInfo) -> Viewer:
    """Return whose list it is; the day begins at midnight of their own zone."""
    today = scope.now.astimezone(zone).date()
    midnight = datetime.combine(today, time(), zone)
    return Viewer(scope.actor.user_id, scope.now, midnight, studies.worked_on(scope.actor), unseen(scope.actor))


def views(scope: Scope, current: View, who: Viewer) -> list[dict[str, Any]]:
    """Return the context of ``_views.html``."""
    numbers = queries.counts(scope, who)
    return [
        {
            "key": view.value,
            "label": label,
            "href": f"/worklist?view={view.value}",
            "count": numbers[view],
            "current": view is current,
            "icon": icon,
            "tone": tone if numbers[view] else "",
        }
        for view, (label, icon, tone) in LABELS.items()
    ]


def listing(scope: Scope, filters: Filters, who: Viewer) -> dict[str, Any]:
    """Return the context of ``_worklist_list.html``."""
    found = queries.listing(scope, filters, who)
    return {
        "rows": [line(scope, each) for each in found.rows],
        "cursor": str(found.cursor),
        "filters": shown(filters),
        "shown": len(found.rows),
        "total": found.total,
        "more": found.total > len(found.rows),
    }


def rows(scope: Scope, found: list[Found]) -> dict[str, Any]:
    """Return the context of ``_worklist_rows.html``."""
    return {"rows": [line(scope, each) for each in found]}


def whole(scope: Scope, filters: Filters, who: Viewer) -> dict[str, Any]:
    """Return the context of ``worklist.html``, without what the request alone knows."""
    modalities = [(each, each) for each in queries.modalities(scope, who)]
    return {
        **listing(scope, filters, who),
        "views": views(scope, filters.view, who),
        "modalities": [("", "All modalities"), *modalities],
        "sites": [("", "All sites"), *queries.sites(scope, who)],
    }


def shown(filters: Filters) -> dict[str, str]:
    """Return the filters as the form shows them."""
    return {
        "view": filters.view.value,
        "q": filters.q,
        "modality": filters.modality,
        "site": str(filters.site or ""),
        "sort": filters.sort.value,
        "direction": filters.direction.value,
    }
