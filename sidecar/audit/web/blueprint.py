"""The blueprint of this room's pages, and what they have in common."""

from collections.abc import Mapping
from typing import cast

from flask import Blueprint, current_app

from sidecar.audit.checkpoints import Signer
from sidecar.audit.events import JournalShown
from sidecar.audit.reads import digest_of
from sidecar.gate.scope import Scope

bp = Blueprint("audit", __name__)

PAGE_ROWS = 50
TABS = (("/admin/audit", "Journal"), ("/admin/audit/patient", "Who looked at a patient"), ("/admin/audit/keeping", "Keeping"))


def tabs(current: str) -> list[dict[str, object]]:
    """Return the pages beside this one."""
    return [{"href": href, "label": label, "current": href == current} for href, label in TABS]


def note(scope: Scope, place: str, asked: Mapping[str, str], shown: int) -> None:
    """Put on record that somebody looked into the journal; what a patient was called stays a digest."""
    digest = digest_of(scope, place, asked) if asked else ""
    scope.emit(JournalShown(organisation_id=scope.organisation_id, place=place, filters=sorted(asked), asked=digest, shown=shown))


def signer() -> Signer:
    """Return the key of the house that signs checkpoints and exports."""
    return cast("Signer", current_app.extensions["readingroom.checkpoints"])
