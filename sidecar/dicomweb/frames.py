"""Frames and renderings that nginx did not get from a cell: refused ones, in the words of an unknown id, and those of twins."""

import uuid
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from sidecar.adapters.cell_client import CellAddress, Cells
from sidecar.dicomweb import twins
from sidecar.dicomweb.roots import open_root
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.kernel.settings import Settings
from sidecar.studies.cells import cell_of
from sidecar.studies.tables import Instance

bp = Blueprint("frames", __name__, url_prefix="/dicom-web/<root>/studies/<study>/series/<series>/instances/<instance>")

MOST_FRAMES = 100
LARGEST = 2048
JPEG = "image/jpeg"


@route(bp, "/frames/<numbers>", needs=Permission.STUDY_READ)
def frames(scope: Scope, numbers: str, **place: str) -> ResponseReturnValue:
    """Return frames (PS3.18 §10.4.1.1.6) of an instance that its cell knows by Orthanc's id only."""
    cells, cell, found = _found(scope, **place)
    kind, bodies = twins.frames(cells.file(cell, found.orthanc_id), _numbers(numbers))
    boundary = uuid.uuid4().hex
    media = kind.partition(";")[0]
    content_type = f'multipart/related; type="{media}"; boundary={boundary}'
    return Response(twins.related(kind, bodies, boundary), content_type=content_type)


@route(bp, "/rendered", needs=Permission.STUDY_READ)
def rendered(scope: Scope, **place: str) -> ResponseReturnValue:
    """Return a picture of such an instance."""
    cells, cell, found = _found(scope, **place)
    asked = request.args.get("viewport", "").partition(",")[0]
    size = min(int(asked), LARGEST) if asked.isascii() and asked.isdecimal() and len(asked) <= len(str(LARGEST)) else LARGEST
    return Response(cells.rendered(cell, found.orthanc_id, size=max(1, size)), mimetype=JPEG)


def _found(scope: Scope, *, root: str, study: str, series: str, instance: str) -> tuple[Cells, CellAddress, Instance]:
    opened = open_root(scope, root)
    within, of = opened.series(scope, study, series)
    found = opened.instance(scope, of, instance)
    opened.note(scope, within)
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    cells = cast("Cells", current_app.extensions["readingroom.cells"])
    return cells, cell_of(scope, within.organisation_id, host=settings.cell_host), found


def _numbers(text: str) -> list[int]:
    numbers = text.split(",")
    if len(numbers) > MOST_FRAMES or not all(each.isascii() and each.isdecimal() and len(each) < 7 for each in numbers):  # noqa: PLR2004
        raise Missing
    return [int(each) for each in numbers]
