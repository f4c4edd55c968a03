"""The reading desk: everything one page needs to read one study, gathered once, with what this reader may do here."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import select

from sidecar.accounts.signing import has_passkey, needs_both
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict
from sidecar.orders import show as orders
from sidecar.organisations.tables import Organisation
from sidecar.reports import addendum_desk, identification, pdf, policy, queries, rules, service
from sidecar.reports.model import MEANING_WORDS, SECTIONS, Check, ReportStatus, Section
from sidecar.reports.tables import Report, ReportVersion
from sidecar.studies import contexts, requests
from sidecar.studies import queries as studies
from sidecar.studies.tables import ReadingContext, Study

ROWS = {Section.FINDINGS: 9, Section.IMPRESSION: 5}
OTHER_ROWS = 2


@dataclass(frozen=True, slots=True)
class Desk:
    """One study opened by one person. ``hindrance`` says why they may look but not write, "" when they may."""

    study: Study
    context: ReadingContext
    report: Report | None
    hindrance: str


def sit_down(scope: Scope, study_id: UUID) -> Desk:
    """Open the images and, where the actor may write, the report with its lock; Missing for a stranger."""
    context = contexts.open_context(scope, study_id)
    study = studies.get(scope, study_id)
    report = queries.of_study(scope, study_id)
    hindrance = ""
    if policy.may_write(scope.actor, study, report):
        try:
            report = service.open_report(scope, study_id)
        except Conflict as conflict:
            hindrance = conflict.message
    if report is not None and report.status == ReportStatus.DRAFT and report.author_id != scope.actor.user_id:
        service.note_draft(scope, report, form="draft")
    return Desk(study, context, report, hindrance)


def page(scope: Scope, desk: Desk) -> dict[str, Any]:
    """Return the context of ``reading.html``."""
    study, report = desk.study, desk.report
    mine = report is not None and report.author_id == scope.actor.user_id and report.status == ReportStatus.DRAFT
    versions = queries.versions(scope, report.id) if report else []
    final = report is not None and report.status == ReportStatus.FINAL
    order = orders.beside(scope, requests.facts(study))
    return {
        "study": study,
        "site": site_name(scope, study),
        "request": {"question": order["question"] if order else "", "history": ""},
        "order": order,
        "viewer_url": viewer_url(desk.context, study),
        "explorer_url": f"/explorer/{desk.context.id}",
        "priors": _priors(scope, desk),
        "report": _report(study, report),
        "editable": mine and not desk.hindrance and policy.may_write(scope.actor, study, report),
        "locked_by": _reader_now(scope, study) if desk.hindrance else "",
        "hindrance": desk.hindrance,
        "may_sign": may_ever(scope.actor, Permission.REPORT_SIGN),
        "reader": {"name": scope.actor.name},
        "versions": version_list(versions),
        "signed": printed(service.read_version(scope, report.id, form="screen")) if report and final else None,
        "addendum": addendum_desk.offer(scope, report) if report and final else addendum_desk.NONE,
        "grown": grown_since(study, versions),
        "meanings": [(meaning.value, words) for meaning, words in MEANING_WORDS.items()],
        "text_macros": [],
        "back": "/worklist" if may_ever(scope.actor, Permission.STUDY_CLAIM) else "/hospital",
    }


def review(scope: Scope, study_id: UUID) -> dict[str, Any]:
    """Return the context of ``_review.html``: the saved draft as it will be printed, and the checks."""
    study = studies.get(scope, study_id)
    report = queries.of_study(scope, study_id)
    if report is None or not policy.may_write(scope.actor, study, report):
        raise Conflict("There is no draft to review.")
    service.note_draft(scope, report, form="review")
    snapshot = identification.snapshot(scope, report, study, version=1)
    return {
        "content": {**snapshot, "sections": report.sections},
        "content_hash": "",
        "watermark": "NOT SIGNED",
        "checks": checks_of(study, report),
        "needs_both": needs_both(scope),
        "has_passkey": has_passkey(scope),
    }


def printed(version: ReportVersion, newest: int | None = None) -> dict[str, Any]:
    """Return the context of ``_report_body.html`` for a signed version; an older one than ``newest`` says so."""
    superseded = newest is not None and version.version < newest
    return {
        "content": version.content,
        "content_hash": version.content_hash,
        "watermark": "SUPERSEDED" if superseded else "",
    }


def checks_of(study: Study, report: Report) -> list[Check]:
    """Return the questions asked before signing, answered as of now."""
    return rules.checks(
        arrival=study.arrival, instance_count=study.instance_count, sections=report.sections, status=report.status
    )


def viewer_url(context: ReadingContext, study: Study) -> str:
    """Return the viewer's address for a study of a reading context: its UID and the context's id only."""
    return "/ohif/viewer?" + urlencode({"StudyInstanceUIDs": study.study_instance_uid, "ctx": context.id})


def version_list(versions: list[ReportVersion]) -> list[dict[str, Any]]:
    """Return signed versions as menus show them, the newest first."""
    return [
        {
            "number": each.version,
            "signed_at": each.signed_at,
            "signer_name": each.signer_name,
            "meaning": rules.meaning_words(each.content),
            "href": f"/reports/{each.report_id}?version={each.version}",
            "pdf": f"/reports/{each.report_id}/report.pdf?version={each.version}",
        }
        for each in versions
    ]


def grown_since(study: Study, versions: list[ReportVersion]) -> int:
    """Return how many images came after the newest signature: the reader never saw them."""
    if not versions:
        return 0
    return max(0, study.instance_count - rules.images_seen(versions[0].content))


def site_name(scope: Scope, study: Study) -> str:
    """Return the name of the provider the study comes from."""
    name = scope.session.scalar(select(Organisation.name).where(Organisation.id == study.organisation_id))
    return name or ""


def _reader_now(scope: Scope, study: Study) -> str:
    """Return the name of whoever else has the study open at this moment."""
    alive = study.lock_until is not None and study.lock_until > scope.now and study.lock_user_id != scope.actor.user_id
    return study.lock_user_name if alive else ""


def _report(study: Study, report: Report | None) -> dict[str, Any]:
    if report is None:
        return {"id": "", "revision": 0, "status": study.status, "sections": [], "saved_at": None}
    return {
        "id": report.id,
        "revision": report.revision,
        "status": report.status,
        "saved_at": report.updated_at if report.revision else None,
        "sections": [
            {
                "key": section.value,
                "label": section.capitalize(),
                "text": report.sections[section],
                "rows": ROWS.get(section, OTHER_ROWS),
            }
            for section in SECTIONS
        ],
    }


def _priors(scope: Scope, desk: Desk) -> list[dict[str, Any]]:
    others = [each for each in contexts.context_studies(scope, desk.context) if each.id != desk.study.id]
    signed = queries.signed_of(scope, [each.id for each in others])
    return [
        {
            "id": each.id,
            "when": pdf.day(each.study_date),
            "modality": "/".join(each.modalities_in_study),
            "description": each.study_description or "No description",
            "site": site_name(scope, each),
            "study_instance_uid": each.study_instance_uid,
            "report_href": f"/reports/{signed[each.id].id}" if each.id in signed else "",
        }
        for each in others
    ]
