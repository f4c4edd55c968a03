"""The pages of reports: the reading desk, a signed report on screen and on paper, the hospital's own view."""

from uuid import UUID

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.assignment import service as assignment
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.reports import desk, queries, service
from sidecar.studies import contexts
from sidecar.studies import queries as studies

bp = Blueprint("reports", __name__)


@route(bp, "/reading/<uuid:study_id>", needs=Permission.STUDY_READ)
def reading(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Images left, report right."""
    return render_template("reading.html", **desk.page(scope, desk.sit_down(scope, study_id)))


@route(bp, "/reading/<uuid:study_id>/images", needs=Permission.STUDY_READ)
def images(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """The images alone, for a window on another monitor."""
    context = contexts.open_context(scope, study_id)
    study = studies.get(scope, study_id)
    return render_template("images.html", study=study, viewer_url=desk.viewer_url(context, study))


@route(bp, "/reading/<uuid:study_id>/review", needs=Permission.REPORT_WRITE)
def review(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """The draft as it will be printed, with the checks: the sign dialog's fragment."""
    return render_template("_review.html", **desk.review(scope, study_id))


@route(bp, "/reading/<uuid:study_id>/lock", needs=Permission.REPORT_WRITE, methods=("DELETE",))
def give_lock_back(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """The reading page was left."""
    assignment.unlock(scope, study_id)
    return "", 204


@route(bp, "/reports/<uuid:report_id>", needs=Permission.REPORT_READ)
def show(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """A signed report on screen, the newest version or the one asked for."""
    version = service.read_version(scope, report_id, _number(), form="screen")
    report = queries.get(scope, report_id)
    versions = queries.versions(scope, report_id)
    study = studies.get(scope, report.study_id)
    reader = may_ever(scope.actor, Permission.STUDY_CLAIM)
    return render_template(
        "report_print.html",
        **desk.printed(version, versions[0].version),
        pdf=f"/reports/{report_id}/report.pdf?version={version.version}",
        back={"href": "/worklist", "label": "Worklist"} if reader else {"href": "/hospital", "label": "Studies"},
        versions=[{**each, "current": each["number"] == version.version} for each in desk.version_list(versions)],
        grown=desk.grown_since(study, versions),
    )


@route(bp, "/reports/<uuid:report_id>/report.pdf", needs=Permission.REPORT_READ)
def paper(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """The PDF made at signing, byte for byte."""
    version = service.read_version(scope, report_id, _number(), form="pdf")
    answer = Response(version.pdf, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="report-{report_id}-v{version.version}.pdf"'
    return answer


def _number() -> int | None:
    """Return the version asked for in ?version=, None for the newest; Missing when it is no number."""
    asked = request.args.get("version", "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and 0 < len(asked) < 6):  # noqa: PLR2004
        raise Missing
    return int(asked)
