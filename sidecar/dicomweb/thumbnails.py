"""Thumbnails of studies and series (PS3.18 §10.4.1.1.5): from Postgres, made when the study was complete; always JPEG."""

from pathlib import Path
from typing import cast

import structlog
from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from sidecar.adapters.cell_client import CellAddress, Cells, Unable
from sidecar.dicomweb.roots import open_root
from sidecar.gate.http import route, scopes
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Broken, Missing, NotAcceptable
from sidecar.kernel.settings import Settings
from sidecar.studies import queries, thumbnails
from sidecar.studies.cells import cell_of
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Series, Study
from sidecar.studies.thumbnails import Wanted

bp = Blueprint("thumbnails", __name__, url_prefix="/dicom-web/<root>")

LOG = structlog.get_logger("thumbnails")
JPEG = "image/jpeg"
SIZE = 256
"""Pixels of the square it fits into."""
NO_IMAGE = Path(__file__).with_name("no_image.jpg").read_bytes()
"""Shown for reports, presentation states and whatever else is no image."""


@route(bp, "/studies/<study>/thumbnail", needs=Permission.STUDY_READ)
def study_thumbnail(scope: Scope, root: str, study: str) -> ResponseReturnValue:
    """Show a study by the first of its series that holds an image."""
    opened = open_root(scope, root)
    within = opened.named(scope, study)[0]
    series = queries.series_of(scope, within)
    if not series:
        raise Missing
    opened.note(scope, within)
    return _answer(next((body for each in series if (body := picture(scope, within, each))), b""))


@route(bp, "/studies/<study>/series/<series>/thumbnail", needs=Permission.STUDY_READ)
def series_thumbnail(scope: Scope, root: str, study: str, series: str) -> ResponseReturnValue:
    """Show a series by the image in its middle."""
    opened = open_root(scope, root)
    within, of = opened.series(scope, study, series)
    opened.note(scope, within)
    return _answer(picture(scope, within, of))


def picture(scope: Scope, study: Study, series: Series) -> bytes:
    """Return the series' JPEG, b"" where nothing is to be seen. Raise Busy when the cell must make it and does not answer."""
    kept = thumbnails.kept(scope, series)
    if kept is not None:
        return kept
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    cells = cast("Cells", current_app.extensions["readingroom.cells"])
    cell = cell_of(scope, study.organisation_id, host=settings.cell_host)
    wanted = thumbnails.wanted_for(scope, series)
    body = made(cells, cell, wanted)
    if study.arrival == Arrival.COMPLETE:
        walls = scopes()
        scope.after_commit(lambda: thumbnails.keep(walls, study.organisation_id, wanted, body))
    return body


def made(cells: Cells, cell: CellAddress, wanted: Wanted) -> bytes:
    """Have the cell make the picture; what it cannot draw (a codec it lacks, broken pixels) is nothing to be seen."""
    if not wanted.orthanc_id:
        return b""
    try:
        return cells.rendered(cell, wanted.orthanc_id, size=SIZE)
    except (Unable, Broken) as problem:
        LOG.warning("no thumbnail", cell=str(cell.cell_id), series=str(wanted.series_id), reason=problem.code)
        return b""


def _answer(body: bytes) -> Response:
    if request.accept_mimetypes and not request.accept_mimetypes.quality(JPEG):
        raise NotAcceptable(f"Thumbnails are {JPEG}.")
    return Response(body or NO_IMAGE, mimetype=JPEG)
