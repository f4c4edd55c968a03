"""Frames, bulk data and renderings that nginx does not get from a cell by itself.

What may be large (bulk data, several frames at once, the frames of large images) is carried: a slow client then holds neither
the cell nor the disk of others for longer than the carrier lets it. What nginx asks for a second time, because it was refused or
the cell does not have it, is answered in the words of an unknown id, or read from the file where two patients share its UIDs.
"""

import re
import uuid
from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from sidecar.accounts.carrying import hand_over
from sidecar.adapters.cell_client import CellAddress, Cells
from sidecar.dicomweb import twins
from sidecar.dicomweb.media import takes_parts
from sidecar.dicomweb.pixels import LARGE, LEVELS, token_to_look
from sidecar.dicomweb.roots import open_root
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Busy, Invalid, Missing, NotAcceptable
from sidecar.kernel.settings import Settings
from sidecar.studies.cells import cell_of
from sidecar.studies.tables import Instance, Study

bp = Blueprint("frames", __name__, url_prefix="/dicom-web/<root>/studies/<study>/series/<series>/instances/<instance>")

MOST_FRAMES = 100
LARGEST, LONGEST_SIDE = 2048, 4096
"""Pixels of a picture's side that is drawn here, and that a cell draws."""
JPEG = "image/jpeg"
FORMS = ("application/octet-stream", *sorted(set(twins.MEDIA_TYPES.values())))
OFFERED = f"Frames are multipart/related of {', '.join(FORMS)}, in a transfer syntax that the archive can write."
WINDOW = re.compile(r"-?[0-9.]{1,20},[0-9.]{1,20},(?:linear|linear-exact|sigmoid)")
FILES = BoundedSemaphore(2)
"""A file is held whole while frames are cut out of it: no more than these at a time in one process."""
PATIENCE = 2.0
"""Seconds to wait for another's file: who waits holds a thread of the application."""


@route(bp, "/frames/<numbers>", needs=Permission.STUDY_READ)
def frames(scope: Scope, numbers: str, **place: str) -> ResponseReturnValue:
    """Have large frames (PS3.18 §10.4.1.1.6) carried; return those of an instance that its cell knows by Orthanc's id only."""
    cells, cell, within, found = _found(scope, **place)
    large = (found.rows or 0) * (found.columns or 0) > LARGE
    if (large or "," in numbers) and not _asked_again():
        return _carried(scope, within, cell, f"frames/{','.join(map(str, _numbers(numbers)))}", place)
    wanted = _numbers(numbers)
    if not all(1 <= each <= (found.number_of_frames or 1) for each in wanted):
        raise Missing
    if not any(takes_parts(each) for each in FORMS):
        raise NotAcceptable(OFFERED)
    if not FILES.acquire(timeout=PATIENCE):
        raise Busy("Too many images are taken apart at this moment. Try again in a few seconds.")
    try:
        kind, bodies = twins.frames(cells.file(cell, found.orthanc_id), wanted)
    finally:
        FILES.release()
    syntax = kind.partition("transfer-syntax=")[2].strip('"')
    # Viewers ask for octets of any transfer syntax where they take compressed frames of every kind.
    if not any(takes_parts(each, syntax) for each in (kind.partition(";")[0], FORMS[0])):
        raise NotAcceptable(OFFERED)
    boundary = uuid.uuid4().hex
    media = kind.partition(";")[0]
    content_type = f'multipart/related; type="{media}"; boundary={boundary}'
    return Response(twins.related(kind, bodies, boundary), content_type=content_type)


@route(bp, "/bulk/<path:where>", needs=Permission.STUDY_READ)
def bulk_data(scope: Scope, where: str, **place: str) -> ResponseReturnValue:
    """Have bulk data (PS3.18 §10.4.1.1.5) carried. ``where``: tags, with item numbers between."""
    _cells, cell, within, _instance = _found(scope, **place)
    if _asked_again() or not re.fullmatch("[0-9A-Fa-f/]{1,200}", where):
        raise Missing
    return _carried(scope, within, cell, f"bulk/{where}", place)


@route(bp, "/rendered", needs=Permission.STUDY_READ)
def rendered(scope: Scope, **place: str) -> ResponseReturnValue:
    """Return a picture of such an instance, or say what the cell did not understand (PS3.18 §8.3.5)."""
    cells, cell, _within, found = _found(scope, **place)
    _check_drawing()
    if request.accept_mimetypes and not request.accept_mimetypes.quality(JPEG):
        raise NotAcceptable("Pictures are image/jpeg or image/png.")
    asked = request.args.get("viewport", "").partition(",")[0]
    size = min(int(asked or LARGEST), LARGEST)
    return Response(cells.rendered(cell, found.orthanc_id, size=size), mimetype=JPEG)


def _check_drawing() -> None:
    """Raise Invalid for what no picture can be drawn by."""
    viewport, window, quality = (request.args.get(each, "") for each in ("viewport", "window", "quality"))
    sides = [int(each) if re.fullmatch("[0-9]{1,4}", each) else 0 for each in viewport.split(",")[:2]]
    if viewport and not (len(sides) == 2 and min(sides) > 0 and max(sides) <= LONGEST_SIDE):  # noqa: PLR2004
        raise Invalid(f"viewport is width,height in pixels, 1 to {LONGEST_SIDE} each, and then the part of the image to show.")
    if window and not WINDOW.fullmatch(window):
        raise Invalid("window is centre,width,function; the function is linear, linear-exact or sigmoid.")
    if quality and not (re.fullmatch("[0-9]{1,3}", quality) and 1 <= int(quality) <= 100):  # noqa: PLR2004
        raise Invalid("quality is a number from 1 to 100.")


def _found(scope: Scope, *, root: str, study: str, series: str, instance: str) -> tuple[Cells, CellAddress, Study, Instance]:
    opened = open_root(scope, root)
    within, of = opened.series(scope, study, series)
    found = opened.instance(scope, of, instance)
    opened.note(scope, within)
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    cells = cast("Cells", current_app.extensions["readingroom.cells"])
    return cells, cell_of(scope, within.organisation_id, host=settings.cell_host), within, found


def _asked_again() -> bool:
    """Say whether nginx asks because what it was sent for is not there. No client can say that: its headers stay outside."""
    return "X-Single-Missed" in request.headers


def _carried(scope: Scope, within: Study, cell: CellAddress, what: str, place: Mapping[str, str]) -> Response:
    path = "/".join(f"{level}/{place[name]}" for level, name in LEVELS)
    token = token_to_look(scope, place["root"], within, cell)
    url = f"http://{cell.netloc}/dicom-web/{path}/{what}"
    carried = hand_over(scope, url=url, token=token, studies=[within.id], single=True)
    headers = {"X-Accel-Redirect": carried, "Cache-Control": "private, no-store"}
    return Response(headers=headers, mimetype="application/octet-stream")


def _numbers(text: str) -> list[int]:
    numbers = text.split(",")
    if len(numbers) > MOST_FRAMES or not all(each.isascii() and each.isdecimal() and len(each) < 7 for each in numbers):  # noqa: PLR2004
        raise Missing
    return [int(each) for each in numbers]
