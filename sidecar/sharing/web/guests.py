"""What somebody with a link sees: the door where token and code are given, then the report and the images of one study.

The door's page is the same for every link, and the token comes in a form's body: no address, log or Referer ever holds it.
"""

from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from flask import Response, current_app, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from sidecar.adapters.cell_client import Cells
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import NOBODY, Actor
from sidecar.gate.forms import read
from sidecar.gate.http import current_actor, open_scope, request_id, route, scopes
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Gone, Invalid, Missing, Problem
from sidecar.kernel.settings import Settings
from sidecar.reports import desk, documents
from sidecar.reports import queries as reports
from sidecar.reports.tables import ReportVersion
from sidecar.sharing import links, pictures
from sidecar.sharing.events import LinkUsed
from sidecar.sharing.forms import OpenForm
from sidecar.sharing.model import Guest, What
from sidecar.sharing.rules import token_hash
from sidecar.sharing.tables import ShareLink
from sidecar.sharing.web.blueprint import bp
from sidecar.studies import queries as studies
from sidecar.studies.cells import cell_of
from sidecar.studies.tables import Study

KEY = "guest"
STAY = timedelta(minutes=30)
"""From opening a link until it has to be opened again, which counts another view."""
SIZE = 1024
"""Pixels of the square a picture fits into."""


@route(bp, "/shared", needs=Permission.PUBLIC)
def shared(_scope: Scope) -> ResponseReturnValue:
    """The door. The page's script puts the token from the link's fragment into the form; it may be pasted as well."""
    return render_template("shared_door.html", token="", needs_code=False, error="")


@route(bp, "/shared", needs=Permission.PUBLIC, methods=("POST",))
def open_shared(_scope: Scope) -> ResponseReturnValue:
    """Let in who holds a token, and its code where it has one: 404 for what was never a link, 410 for one that is over."""
    form = read(OpenForm, request.form).value
    if form is None:
        raise Invalid("Paste the whole link.")
    token = form.token.rpartition("#")[2]
    walls = scopes().open(NOBODY, login=token_hash(token), request_id=request_id(), address=request.remote_addr or "")
    with walls as asking:
        opening = links.open_link(asking, token=token, code=form.code, asking=current_actor())
        until = asking.now + STAY
    if opening.needs_code:
        error = "This code is not right. Ask whoever sent you the link." if opening.wrong_code else ""
        return render_template("shared_door.html", token=token, needs_code=True, error=error), 401
    if opening.guest is None:
        raise Gone(links.OVER)
    if not current_actor().known:  # whoever is signed in stays so; others get a session that nobody knew before
        session["entering"] = True
        current_app.session_interface.regenerate(session)  # type: ignore[attr-defined]
    session[KEY] = [str(opening.guest.organisation_id), str(opening.guest.link_id), until.isoformat()]
    return redirect("/shared/study")


@route(bp, "/shared/leave", needs=Permission.PUBLIC, methods=("POST",))
def leave_shared(_scope: Scope) -> ResponseReturnValue:
    """Forget the link in this browser."""
    session.pop(KEY, None)
    return redirect("/shared")


@route(bp, "/shared/study", needs=Permission.PUBLIC)
def shared_study(_scope: Scope) -> ResponseReturnValue:
    """Show what the link was made for."""
    with open_scope(_guest()) as scope:
        link, study = _opened(scope)
        version = _version(scope, study)
        if version is not None:
            _note(scope, link, "the report", version=version.version)
        return render_template(
            "shared_study.html",
            link=link,
            recipient=links.recipient_of(scope, _seal(), link),
            study=study,
            stacks=pictures.stacks(scope, study) if link.what == What.STUDY else [],
            **(desk.printed(version) if version else {"content": None, "content_hash": "", "watermark": ""}),
        )


@route(bp, "/shared/report.pdf", needs=Permission.PUBLIC)
def shared_report(_scope: Scope) -> ResponseReturnValue:
    """Give the signed PDF, byte for byte."""
    with open_scope(_guest()) as scope:
        link, study = _opened(scope)
        version = _version(scope, study)
        if version is None:
            raise Missing
        _note(scope, link, "the report as PDF", version=version.version)
        answer = Response(documents.paper(scope, _seal(), version), mimetype="application/pdf")
        answer.headers["Content-Disposition"] = 'inline; filename="report.pdf"'
        return answer


@route(bp, "/shared/series/<uuid:series_id>/<int:number>.jpg", needs=Permission.PUBLIC)
def shared_picture(_scope: Scope, series_id: UUID, number: int) -> ResponseReturnValue:
    """Give one image as a picture; the first that is asked for of a series is put on record as looking at the series."""
    with open_scope(_guest()) as scope:
        link, study = _opened(scope)
        if link.what != What.STUDY or not 1 <= number < 100_000:  # noqa: PLR2004
            raise Missing
        found = pictures.picture(scope, study, series_id, number)
        if not links.looked_at(scope, link, series_id, since=_until() - STAY):
            _note(scope, link, "images of a series", series_id=series_id)
        settings = cast("Settings", current_app.extensions["readingroom.settings"])
        cell = cell_of(scope, study.organisation_id, host=settings.cell_host)
        cells = cast("Cells", current_app.extensions["readingroom.cells"])
        return Response(cells.rendered(cell, found.orthanc_id, size=SIZE), mimetype="image/jpeg")


def _until() -> datetime:
    """Return until when the link is open in this browser."""
    return datetime.fromisoformat(session[KEY][2])


def _guest() -> Actor:
    held = session.get(KEY)
    if not held or datetime.fromisoformat(held[2]) <= scopes().clock():
        raise NoLink
    return links.as_actor(Guest(UUID(held[0]), UUID(held[1])))


class NoLink(Problem):
    """No link is open in this browser, or it was for too long."""

    code = "no-link"
    status = 403

    def __init__(self) -> None:
        super().__init__("Open the link you were given once more.")


def _opened(scope: Scope) -> tuple[ShareLink, Study]:
    link = links.held(scope)
    return link, studies.get(scope, link.study_id)


def _version(scope: Scope, study: Study) -> ReportVersion | None:
    """Return the newest signed version of the study's report, None while it has none."""
    report = reports.of_study(scope, study.id)
    return reports.version(scope, report.id) if report else None


def _note(scope: Scope, link: ShareLink, what: str, *, series_id: UUID | None = None, version: int = 0) -> None:
    place = {"organisation_id": link.organisation_id, "study_id": link.study_id, "link_id": link.id}
    scope.emit(LinkUsed(**place, what=what, series_id=series_id, version=version))


def _seal() -> Seal:
    return cast("Seal", current_app.extensions["readingroom.seal"])
