"""The pages of reports: the reading desk, a signed report on screen and on paper, the hospital's own view."""

from collections.abc import Mapping
from dataclasses import asdict
from uuid import UUID

from flask import Blueprint, Response, current_app, g, jsonify, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from sidecar.accounts.sessions import session_watch
from sidecar.assignment import service as assignment
from sidecar.audit.reads import note_list
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh
from sidecar.kernel.errors import Invalid, Missing
from sidecar.reports import addendum_desk, desk, documents, hospital, inspection, queries, service
from sidecar.reports.model import SECTIONS
from sidecar.reports.tables import Report
from sidecar.studies import contexts
from sidecar.studies import queries as studies
from sidecar.studies.deletion import seeing_deleted
from sidecar.studies.routing import left_since
from sidecar.worklist import stream
from sidecar.worklist.forms import LONGEST_SEARCH, read_cursor

LONGEST_MODALITY = 16
"""Characters of a code string (PS3.5 §6.2, CS)."""
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


@route(bp, "/reading/<uuid:study_id>/lock", needs=Permission.REPORT_WRITE, methods=("POST",))
def keep_lock(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """A sign of life of an open reading page: the lock is renewed, or 409 tells who has it. → {revision} of the draft."""
    service.refuse_kept(scope, Report.study_id == study_id)
    assignment.lock(scope, study_id)
    report = queries.of_study(scope, study_id)
    return jsonify(revision=report.revision if report else 0)


@route(bp, "/reading/<uuid:study_id>/lock", needs=Permission.REPORT_WRITE, methods=("DELETE",))
def give_lock_back(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """The reading page was left."""
    assignment.unlock(scope, study_id)
    return "", 204


@route(bp, "/hospital", needs=Permission.STUDY_LIST)
def hospital_studies(scope: Scope) -> ResponseReturnValue:
    """The provider's own studies, live."""
    g.live = True
    filters = _filters(request.args)
    shown = hospital.page(scope, filters)
    note_list(scope, "studies", asdict(filters), shown["shown"])
    return render_template("hospital_studies.html", **shown)


@route(bp, "/hospital/rows", needs=Permission.STUDY_LIST, methods=("POST",))
def hospital_rows(scope: Scope) -> ResponseReturnValue:
    """The list drawn anew for other filters. POST: a search may hold a patient's name, and addresses end up in logs."""
    filters = _filters(request.form)
    shown = hospital.listing(scope, filters)
    note_list(scope, "studies", asdict(filters), shown["shown"])
    return render_template("_hospital_list.html", **shown)


@route(bp, "/hospital/changes", needs=Permission.STUDY_LIST, methods=("GET", "POST"))
def hospital_changes(scope: Scope) -> ResponseReturnValue:
    """The rows touched since ``since``; the next cursor in a header."""
    filters = _filters(request.values)
    changed, cursor = hospital.changes(scope, filters, since=read_cursor(request.values))
    note_list(scope, "studies", asdict(filters), len(changed), refresh=True)
    gone = render_template("_gone_rows.html", gone=left_since(scope, read_cursor(request.values)))
    answer = Response(render_template("_hospital_rows.html", rows=changed) + gone, mimetype="text/html")
    answer.headers["X-Worklist-Cursor"] = str(cursor)
    return answer


@route(bp, "/hospital/counts", needs=Permission.STUDY_LIST)
def hospital_counts(scope: Scope) -> ResponseReturnValue:
    """The tabs anew, after rows changed."""
    return render_template("_hospital_counts.html", counts=hospital.counts(scope, _filters(request.args)))


@route(bp, "/hospital/events", needs=Permission.STUDY_LIST)
def hospital_events(scope: Scope) -> ResponseReturnValue:
    """The line that says "look again". The transaction of this request ends before the first event is sent."""
    feed = current_app.extensions["readingroom.changes"]
    lines = stream.changes(feed, scope.organisation_id, still_signed_in=session_watch())
    answer = Response(stream_with_context(lines), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


@route(bp, "/reports/<uuid:report_id>", needs=Permission.REPORT_READ)
def show(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """A signed report on screen, the newest version or the one asked for; to its writer also a draft that nobody can finish."""
    unfinished = queries.kept(scope, Report.id == report_id)
    if unfinished is not None:
        service.note_draft(scope, unfinished, form="draft")
        return render_template("report_kept.html", report=unfinished, sections=[each.value for each in SECTIONS])
    version = service.read_version(scope, report_id, _number(), form="screen")
    report = queries.get(scope, report_id)
    versions = queries.versions(scope, report_id)
    with seeing_deleted(scope):  # a signed report outlives its images, and its readers' access to them
        study = studies.find(scope, report.study_id)
    reader = may_ever(scope.actor, Permission.STUDY_CLAIM)
    return render_template(
        "report_print.html",
        **desk.printed(version, versions[0].version),
        pdf=f"/reports/{report_id}/report.pdf?version={version.version}",
        back={"href": "/worklist", "label": "Worklist"} if reader else {"href": "/hospital", "label": "Studies"},
        versions=[{**each, "current": each["number"] == version.version} for each in desk.version_list(versions)],
        grown=desk.grown_since(study, versions) if study else 0,
        addendum=addendum_desk.offer(scope, report),
        readers=len(versions) > 1
        and report.organisation_id == scope.organisation_id
        and may_ever(scope.actor, Permission.SHARE_MANAGE),
    )


@route(bp, "/reports/<uuid:report_id>/report.pdf", needs=Permission.REPORT_READ)
def paper(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """The PDF made at signing, byte for byte."""
    version = service.read_version(scope, report_id, _number(), form="pdf")
    sheet = documents.paper(scope, current_app.extensions["readingroom.seal"], version)
    answer = Response(sheet, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="report-{report_id}-v{version.version}.pdf"'
    return answer


@route(bp, "/reports/<uuid:report_id>/inspection", needs=Permission.REPORT_COPY, methods=("POST",))
def inspect(scope: Scope, report_id: UUID) -> ResponseReturnValue:
    """The copy for an inspector: every version, signature and line of the audit trail, in one ZIP."""
    queries.get(scope, report_id)
    need_fresh(scope)
    copy = inspection.make(scope, current_app.extensions["readingroom.seal"], report_id)
    answer = Response(copy, mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="report-{report_id}-inspection.zip"'
    return answer


def _filters(fields: Mapping[str, str]) -> hospital.Filters:
    """Return what is looked for; Invalid when a filter means nothing."""
    state, modality, words = (fields.get(name, "").replace("\x00", "") for name in ("state", "modality", "q"))
    if state not in hospital.STATES or len(modality) > LONGEST_MODALITY or len(words) > LONGEST_SEARCH:
        raise Invalid("The list does not understand these filters.")
    return hospital.Filters(state, modality, words)


def _number() -> int | None:
    """Return the version asked for in ?version=, None for the newest; Missing when it is no number."""
    asked = request.args.get("version", "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and 0 < len(asked) < 6):  # noqa: PLR2004
        raise Missing
    return int(asked)
