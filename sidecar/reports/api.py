"""The JSON door to reports: list, open, save, sign, look."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint

from sidecar.accounts.asking import signature
from sidecar.audit.reads import note_list
from sidecar.gate import api
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.reports import desk, queries, rules, service
from sidecar.reports.answers import (
    AddendumShown,
    CheckShown,
    DraftBody,
    OpenBody,
    ReportAnswer,
    ReportLine,
    ReportsAnswer,
    ReportsAsked,
    SignBody,
    SignedAnswer,
    StaleAnswer,
    VersionAnswer,
    WholeAnswer,
)
from sidecar.reports.errors import StaleDraft
from sidecar.reports.model import Meaning, ReportStatus
from sidecar.reports.tables import Report, ReportVersion
from sidecar.studies import queries as studies

bp = Blueprint("reports_api", __name__)
READ, WRITE, SIGN = Permission.REPORT_READ, Permission.REPORT_WRITE, Permission.REPORT_SIGN


@api.route(bp, "/api/reports", needs=READ, query=ReportsAsked, answer=ReportsAnswer)
def list_reports(scope: Scope, query: ReportsAsked) -> ReportsAnswer:
    """List the reports you may see: signed ones, and drafts where you write."""
    rows, following = queries.page(scope, query, status=query.status, study_id=query.study_id, author_id=query.author_id)
    note_list(scope, "api/reports", query.model_dump(mode="json", exclude={"limit"}), len(rows))
    return ReportsAnswer(reports=[_line(each) for each in rows], next=following)


@api.route(
    bp, "/api/reports", needs=WRITE, methods=("POST",), body=OpenBody, answer=ReportAnswer, idempotent=True, refusals=(404,),
    sight=lambda scope, body: studies.get(scope, body.study_id),
)  # fmt: skip
def open_report(scope: Scope, body: OpenBody) -> ReportAnswer:
    """Open the report of a study for writing."""
    return _report(scope, service.open_report(scope, body.study_id))


@api.route(bp, "/api/reports/<uuid:report_id>", needs=READ, answer=WholeAnswer, etag=True)
def show_report(scope: Scope, report_id: UUID) -> WholeAnswer:
    """Show a report: the draft to its own writers, the signed versions to both parties. It is on record."""
    answer = whole_report(scope, report_id)
    if answer.versions:
        service.read_version(scope, report_id, form="json")
    else:
        service.note_draft(scope, queries.get(scope, report_id), form="json")
    return answer


def whole_report(scope: Scope, report_id: UUID) -> WholeAnswer:
    """Return a report as it is now, for a condition: nothing is read to anybody."""
    report = queries.get(scope, report_id)
    versions = queries.versions(scope, report_id)
    being_written = queries.open_addendum(scope, report_id)
    return WholeAnswer(
        **dict(_report(scope, report)),
        addenda=_addenda(versions[0].content) if versions else [],
        open_addendum=being_written.id if being_written else None,
        versions=[version_answer(each) for each in versions],
    )


@api.route(
    bp,
    "/api/reports/<uuid:report_id>/draft",
    needs=WRITE,
    methods=("PUT",),
    body=DraftBody,
    answer=ReportAnswer,
    revised=whole_report,
)
def save_draft(scope: Scope, report_id: UUID, body: DraftBody, revision: int | None) -> ReportAnswer | api.Otherwise:
    """Store the text; when another window was faster, the answer brings the newer text along."""
    seen = body.revision if revision is None else revision
    try:
        return _report(scope, service.save_draft(scope, report_id, sections=body.sections, revision=seen))
    except StaleDraft as stale:
        service.note_draft(scope, queries.get(scope, report_id), form="json")
        return api.Otherwise(stale.status if revision is None else 412, _newer(stale))


@api.route(
    bp,
    "/api/reports/<uuid:report_id>/sign",
    needs=SIGN,
    methods=("POST",),
    body=SignBody,
    answer=SignedAnswer,
    refusals=(409,),
)
def sign_report(scope: Scope, report_id: UUID, body: SignBody) -> SignedAnswer:
    """Sign it. A report is signed once: asked again, it is a conflict."""
    proof = signature(scope, body.model_dump(), of=str(report_id))
    version = service.sign(scope, report_id, proof=proof, meaning=body.meaning, revision=body.revision)
    return SignedAnswer(**dict(version_answer(version)), next=f"/reports/{version.report_id}")


@api.route(
    bp,
    "/api/reports/<uuid:report_id>/finalize",
    needs=SIGN,
    methods=("PUT",),
    body=SignBody,
    answer=WholeAnswer,
    etag=whole_report,
)
def finalize_report(scope: Scope, report_id: UUID, body: SignBody) -> WholeAnswer:
    """Sign it, if it is as you read it."""
    sign_report(scope, report_id, body)
    return whole_report(scope, report_id)


def _line(report: Report) -> ReportLine:
    return ReportLine(
        id=report.id,
        study_id=report.study_id,
        organization_id=report.organisation_id,
        status=ReportStatus(report.status),
        author=report.author_name,
        revision=report.revision,
        created_at=report.created_at,
        saved_at=report.updated_at,
    )


def _report(scope: Scope, report: Report) -> ReportAnswer:
    study = studies.find(scope, report.study_id)  # its writer keeps a signed report when the study is out of their sight
    checks = desk.checks_of(study, report) if study else []
    return ReportAnswer.model_validate(
        {
            "id": report.id,
            "study_id": report.study_id,
            "status": report.status,
            "author": report.author_name,
            "sections": report.sections,
            "revision": report.revision,
            "saved_at": report.updated_at,
            "checks": [CheckShown.model_validate(check) for check in checks],
        }
    )


def version_answer(version: ReportVersion) -> VersionAnswer:
    """Return a signed version as JSON."""
    return VersionAnswer(
        report_id=version.report_id,
        version=version.version,
        standing=rules.standing(version.content),
        content=version.content,
        content_hash=version.content_hash,
        signer=version.signer_name,
        signed_at=version.signed_at,
        meaning=Meaning(version.meaning),
        href=f"/reports/{version.report_id}",
        pdf=f"/reports/{version.report_id}/report.pdf?version={version.version}",
    )


def _addenda(content: Mapping[str, Any]) -> list[AddendumShown]:
    return [
        AddendumShown(
            purpose=each["purpose"],
            text=each["text"],
            signer=each["signature"]["signer_name"],
            signed_at=each["signature"]["signed_at"],
            meaning=each["signature"]["meaning"],
            version=version,
        )
        for version, each in enumerate(content.get("addenda", ()), start=2)
    ]


def _newer(stale: StaleDraft) -> StaleAnswer:
    return StaleAnswer.model_validate(
        {
            "message": stale.message,
            "sections": stale.sections,
            "revision": stale.revision,
            "saved_by": stale.saved_by,
            "saved_at": stale.saved_at,
        }
    )
