"""What stands beside the list for the study under the cursor."""

from typing import Any

from sqlalchemy import select

from sidecar.assignment import policy
from sidecar.gate.fields import seen
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.kernel.journal import JournalRow
from sidecar.organisations.tables import Organisation
from sidecar.studies import contexts
from sidecar.studies import queries as studies
from sidecar.studies.model import Status
from sidecar.studies.tables import Study

PRIORS = 6
THUMBNAILS = 6
EVENTS = 12
WORDS = {
    "studies.study.completed": "All images are here",
    "studies.study.grew": "More images came",
    "studies.study.routed": "Sent to the readers",
    "studies.study.prioritised": "Priority changed",
    "assignment.study.claimed": "Claimed",
    "assignment.study.assigned": "Assigned",
    "assignment.study.released": "Given back",
    "assignment.study.taken-back": "Taken back from its readers",
    "assignment.study.offered-again": "Offered to its readers again",
    "assignment.reading.started": "Reading began",
    "assignment.reading.paused": "Reading paused",
    "reports.report.signed": "Signed",
    "reports.addendum.signed": "Addendum signed",
}
"""What the history says of the kinds of events; others are the auditor's."""


def context(scope: Scope, study: Study) -> dict[str, Any]:
    """Return the context of ``_preview.html``."""
    site = scope.session.scalar(select(Organisation.name).where(Organisation.id == study.organisation_id))
    return {
        "study": seen(scope.actor, study),
        "site": site or "",
        "href": f"/reading/{study.id}" if may_ever(scope.actor, Permission.STUDY_READ) else "",
        "thumbs": _thumbnails(scope, study),
        "priors": [_prior(prior) for prior in studies.priors(scope, study, limit=PRIORS)],
        "events": _history(scope, study),
        "why": _why(scope, study),
    }


def _thumbnails(scope: Scope, study: Study) -> list[dict[str, str]]:
    """Return the first series' thumbnails. Whoever looks has opened the study, if only so far: that goes on record."""
    context = contexts.open_context(scope, study.id, preview=True)
    series = studies.series_of(scope, study)[:THUMBNAILS]
    root = f"/dicom-web/{context.id}/studies/{study.study_instance_uid}/series"
    return [
        {
            "src": f"{root}/{each.series_instance_uid}/thumbnail",
            "alt": f"{each.modality} {each.series_description}, its middle image",
            "caption": each.series_description or each.modality,
        }
        for each in series
    ]


def _prior(prior: Study) -> dict[str, Any]:
    day = prior.study_date
    return {
        "when": f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 and day.isdecimal() else "no date",  # noqa: PLR2004 - DA
        "modality": " ".join(prior.modalities_in_study),
        "description": prior.study_description or "No description",
        "report": prior.status == Status.FINAL,
    }


def _history(scope: Scope, study: Study) -> list[dict[str, Any]]:
    """Return what the viewer may know of the study's life, latest first: the wall shows readers their own part of it."""
    rows = scope.session.execute(
        select(JournalRow.at, JournalRow.kind)
        .where(
            JournalRow.organisation_id == study.organisation_id,
            JournalRow.study_id == study.id,
            JournalRow.kind.in_(WORDS),
        )
        .order_by(JournalRow.sequence.desc())
        .limit(EVENTS)
    )
    told = [{"at": at, "text": WORDS[kind]} for at, kind in rows]
    return [*told, {"at": study.arrived_at, "text": "First image arrived"}]


def _why(scope: Scope, study: Study) -> str:
    if not policy.is_read_by(scope.actor, study):
        return "Your organisation sent it; another one reads it."
    if study.reading_organisation_id is None:
        return "Your organisation sent it, and no contract gives it to a reading group."
    return "Your organisation reads it under contract."
