"""Downloads: the page decides and writes down; the carrier brings the bytes from the cell that has them."""

from typing import cast
from uuid import UUID

from flask import Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.accounts.carrying import hand_over
from sidecar.adapters.cell_tokens import CellTokens
from sidecar.archive import service
from sidecar.archive.forms import DownloadForm
from sidecar.archive.model import Form
from sidecar.archive.web.blueprint import bp, of_study
from sidecar.gate.api import describe
from sidecar.gate.forms import read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh_person
from sidecar.kernel.errors import Invalid
from sidecar.kernel.settings import Settings
from sidecar.studies import queries as studies
from sidecar.studies.cells import cell_of


@route(bp, "/studies/<uuid:study_id>/download", needs=Permission.STUDY_DOWNLOAD)
def download_page(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Offer the study as ZIP or with DICOMDIR, and each of its series."""
    study = studies.get(scope, study_id)
    return render_template("archive_download.html", **of_study(scope, study, "download"), series=studies.series_of(scope, study))


@route(bp, "/studies/<uuid:study_id>/archive.zip", needs=Permission.STUDY_DOWNLOAD)
def take_zip(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Send the study as a ZIP of its files in readable folders."""
    return _carry(scope, service.download(scope, study_id, form=Form.ZIP))


@route(bp, "/studies/<uuid:study_id>/media.zip", needs=Permission.STUDY_DOWNLOAD)
def take_media(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Send the study as a file set with DICOMDIR (PS3.10 chapter 8), to be unpacked onto a medium."""
    return _carry(scope, service.download(scope, study_id, form=Form.MEDIA))


@route(bp, "/studies/<uuid:study_id>/series/<uuid:series_id>/archive.zip", needs=Permission.STUDY_DOWNLOAD)
def take_series(scope: Scope, study_id: UUID, series_id: UUID) -> ResponseReturnValue:
    """Send one series as a ZIP."""
    return _carry(scope, service.download(scope, study_id, form=Form.ZIP, series_id=series_id))


@route(bp, "/api/studies/<uuid:study_id>/download", needs=Permission.STUDY_DOWNLOAD)
@describe(needs=Permission.STUDY_DOWNLOAD, summary="Take a study along.", query=DownloadForm, media="application/zip")
def take(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Send a study: ``?form=zip|media``, ``&series_id=`` for one series."""
    wanted = read(DownloadForm, request.args).value
    if wanted is None:
        raise Invalid("Ask for form=zip or form=media; series_id names one series.")
    return _carry(scope, service.download(scope, study_id, form=wanted.form, series_id=wanted.series_id))


def _carry(scope: Scope, parcel: service.Parcel) -> Response:
    """Tell the carrier what to fetch and with what, and nginx where to ask for it."""
    need_fresh_person(scope)
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    tokens = cast("CellTokens", current_app.extensions["readingroom.cell_tokens"])
    cell = cell_of(scope, parcel.organisation_id, host=settings.cell_host)
    response = Response(status=200, mimetype="application/zip")
    token = tokens.service(cell=cell.cell_id, organisation=cell.organisation_id, now=scope.now)
    from_cell = hand_over(scope, url=f"http://{cell.netloc}{parcel.path}", token=token, studies=[parcel.study_id])
    response.headers["X-Accel-Redirect"] = from_cell
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = f'attachment; filename="{parcel.file_name}"'
    return response
