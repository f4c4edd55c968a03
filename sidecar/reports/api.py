"""The JSON door to reports: open, save, sign, look."""

from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.reports import desk, queries, service
from sidecar.reports.errors import StaleDraft
from sidecar.reports.tables import Report, ReportVersion
from sidecar.studies import queries as studies

bp = Blueprint("reports_api", __name__)


@route(bp, "/api/reports", needs=Permission.REPORT_WRITE, methods=("POST",))
def open_report(scope: Scope) -> ResponseReturnValue:
    """Open the report of a study for writing: {study_id} → the report."""
    report = service.open_report(scope, _uuid(_body(), "study_id"))
    return jsonify(_report(scope, report))


@route(bp, "/api/reports/<uuid:report_id>", needs=Permission.REPORT_READ)
def show_report(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """Return a report: the draft to its own writers, the signed versions to both parties. Reading a signed one is on record."""
    report = queries.get(scope, report_id)
    versions = [_version(each) for each in queries.versions(scope, report_id)]
    if versions:
        service.read_version(scope, report_id, form="json")
    return jsonify({**_report(scope, report), "versions": versions})


@route(bp, "/api/reports/<uuid:report_id>/draft", needs=Permission.REPORT_WRITE, methods=("PUT",))
def save_draft(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """Store {sections, revision} → {revision, saved_at, checks}; 409 with the newer text when another window was faster."""
    body = _body()
    try:
        report = service.save_draft(scope, report_id, sections=body.get("sections"), revision=_integer(body, "revision"))
    except StaleDraft as stale:
        return jsonify(_newer(stale)), stale.status
    return jsonify(_report(scope, report))


@route(bp, "/api/reports/<uuid:report_id>/sign", needs=Permission.REPORT_SIGN, methods=("POST",))
def sign_report(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """Sign with {password, code, meaning, revision} → the signed version."""
    body = _body()
    proof = service.Proof(_text(body, "password"), _text(body, "code"), current_app.extensions["readingroom.seal"])
    version = service.sign(
        scope, report_id, proof=proof, meaning=body.get("meaning", "author"), revision=_integer(body, "revision")
    )
    return jsonify({**_version(version), "next": f"/reports/{version.report_id}"})


def _report(scope: Scope, report: Report) -> dict[str, Any]:
    checks = desk.checks_of(studies.get(scope, report.study_id), report)
    return {
        "id": str(report.id),
        "study_id": str(report.study_id),
        "status": report.status,
        "author": report.author_name,
        "sections": report.sections,
        "revision": report.revision,
        "saved_at": report.updated_at.isoformat(timespec="milliseconds"),
        "checks": [{"name": check.name, "passed": check.passed, "text": check.text} for check in checks],
    }


def _version(version: ReportVersion) -> dict[str, Any]:
    return {
        "report_id": str(version.report_id),
        "version": version.version,
        "content": version.content,
        "content_hash": version.content_hash,
        "signer": version.signer_name,
        "signed_at": version.signed_at.isoformat(timespec="milliseconds"),
        "meaning": version.meaning,
        "href": f"/reports/{version.report_id}",
        "pdf": f"/reports/{version.report_id}/report.pdf?version={version.version}",
    }


def _newer(stale: StaleDraft) -> dict[str, Any]:
    return {
        "status": "error",
        "message": stale.message,
        "code": "stale",
        "sections": stale.sections,
        "revision": stale.revision,
        "saved_by": stale.saved_by,
        "saved_at": stale.saved_at.isoformat(timespec="milliseconds"),
    }


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Invalid("The request needs a JSON object.")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    if not isinstance(body.get(name), str):
        raise Invalid(f"{name} must be text")
    return str(body[name])


def _integer(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Invalid(f"{name} must be a whole number")
    return value


def _uuid(body: dict[str, Any], name: str) -> UUID:
    try:
        return UUID(_text(body, name))
    except ValueError as error:
        raise Invalid(f"{name} must be an id") from error
