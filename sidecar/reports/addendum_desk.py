"""What pages offer about addenda: whether one may be written, by whom one is being written, and how it will be printed."""

from typing import Any

from sidecar.accounts.signing import has_passkey, needs_both
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict
from sidecar.reports import addenda, policy, queries, rules, service
from sidecar.reports.model import ADDENDUM_MEANING_WORDS, PURPOSE_WORDS
from sidecar.reports.tables import Report
from sidecar.studies import queries as studies

NONE: dict[str, Any] = {"report_id": "", "offered": False, "hindrance": "", "mine": None, "writer": "", "held": False}
"""For a page of somebody who does not add to this report."""


def offer(scope: Scope, report: Report) -> dict[str, Any]:
    """Return what the page of a signed report says about adding to it. ``hindrance``: why it cannot be done now, or ""."""
    if not policy.writes_addenda_to(scope.actor, report):
        return NONE
    hindrance = addenda.hindrance(scope, report)
    found = queries.open_addendum(scope, report.id)
    mine = found is not None and found.author_id == scope.actor.user_id and not hindrance
    return {
        "report_id": report.id,
        "offered": True,
        "hindrance": hindrance,
        "mine": found if mine else None,
        "writer": found.author_name if found and not mine else "",
        "held": found is not None and addenda.held_by_other(scope, found),
        "purposes": [(purpose.value, words) for purpose, words in PURPOSE_WORDS.items()],
        "meanings": [(meaning.value, words) for meaning, words in ADDENDUM_MEANING_WORDS.items()],
    }


def review(scope: Scope, report: Report) -> dict[str, Any]:
    """Return the context of ``_review.html``: the report with the actor's addendum as it will be printed, and the checks."""
    addendum = queries.open_addendum(scope, report.id)
    if addendum is None or addendum.author_id != scope.user_id or addenda.hindrance(scope, report):
        raise Conflict("There is no addendum of yours to review.")
    service.note_draft(scope, report, form="review")
    before = queries.version(scope, report.id).content
    said = addenda.said_of(addendum, studies.get(scope, report.study_id))
    signed: Any = before.get("addenda", [])
    return {
        "content": {**before, "addenda": [*signed, said]},
        "content_hash": "",
        "watermark": "ADDENDUM NOT SIGNED",
        "checks": rules.addendum_checks(text=addendum.text, status=addendum.status),
        "needs_both": needs_both(scope),
        "has_passkey": has_passkey(scope),
    }
