"""The blueprint of this room's pages, and what they have in common."""

from typing import Any

from flask import Blueprint

from sidecar.archive import queries, rules
from sidecar.audit.reads import note_record
from sidecar.gate.fields import seen
from sidecar.gate.permissions import Permission, permissions_of
from sidecar.gate.scope import Scope
from sidecar.studies.tables import Study

bp = Blueprint("archive", __name__)

VERBS: tuple[tuple[str, str, Permission], ...] = (
    ("download", "Download", Permission.STUDY_DOWNLOAD),
    ("send", "Send", Permission.STUDY_SEND),
    ("access", "Access", Permission.SHARE_MANAGE),
    ("take-back", "Take back", Permission.STUDY_TAKE_BACK),
    ("export", "Export without names", Permission.EXPORT_ASK),
    ("hold", "Legal hold", Permission.STUDY_HOLD),
    ("delete", "Delete", Permission.STUDY_DELETE),
)
"""What can be done with a study: the page ``/studies/<id>/<verb>``, its tab, and who is offered it."""

PLACES = {verb: f"a study's page: {label}" for verb, label, _needs in VERBS}
"""What the journal says of who was shown one."""

LISTS = (
    ("jobs", "Downloads and transfers", Permission.JOB_READ),
    ("deleted", "Deleted studies", Permission.DELETION_READ),
    ("retention", "Retention", Permission.RETENTION_MANAGE),
)
"""The lists of this room: the page ``/archive/<list>``, its tab, and who is offered it."""


def of_study(scope: Scope, study: Study, current: str) -> dict[str, Any]:
    """Return what every page about one study shows above its own part, and put on record that it is shown."""
    own = study.organisation_id == scope.organisation_id
    note_record(scope, PLACES[current], organisation_id=study.organisation_id, study_id=study.id)
    return {
        "study": seen(scope.actor, study),
        "hold": queries.standing_hold(scope, study) if own else None,
        "earlier": queries.earlier_deletion(scope, study) if own else None,
        "reasons": rules.REASONS,
        "tabs": _tabs(scope, f"/studies/{study.id}", VERBS, current),
    }


def of_list(scope: Scope, current: str) -> dict[str, Any]:
    """Return what every list shows above its rows."""
    return {"tabs": _tabs(scope, "/archive", LISTS, current), "reasons": rules.REASONS}


def _tabs(scope: Scope, below: str, pages: tuple[tuple[str, str, Permission], ...], current: str) -> list[dict[str, Any]]:
    held = permissions_of(scope.actor)
    return [
        {"href": f"{below}/{name}", "label": label, "current": name == current} for name, label, needs in pages if needs in held
    ]
