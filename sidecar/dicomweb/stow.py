"""STOW-RS (PS3.18 §10.5): into the caller's own archive; never through a reading context."""

import json
import sys
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from sidecar.adapters.cell_client import Cells
from sidecar.dicomweb.events import InstancesUploaded
from sidecar.dicomweb.media import DICOM_JSON, DICOM_XML, wants_xml
from sidecar.dicomweb.multipart import Parts, boundary_of
from sidecar.dicomweb.native import native
from sidecar.dicomweb.places import place_of
from sidecar.dicomweb.roots import open_root
from sidecar.dicomweb.storing import DICOM, Result, take
from sidecar.gate.actor import Actor
from sidecar.gate.http import open_scope, route, streaming_route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Busy, Denied, Invalid, Missing
from sidecar.kernel.settings import Settings
from sidecar.studies.cells import cell_of

bp = Blueprint("stow", __name__, url_prefix="/dicom-web")

ANY_SIZE = sys.maxsize
"""Flask takes None for the limit of forms."""
NO_STORE = "Objects cannot be stored from the viewer. Take the measurements over into the report."


@streaming_route(bp, "/own/studies", needs=Permission.STUDY_STORE, methods=("POST",))
def store(actor: Actor) -> ResponseReturnValue:
    """Store instances of any studies."""
    return _store(actor)


@streaming_route(bp, "/own/studies/<study>", needs=Permission.STUDY_STORE, methods=("POST",))
def store_in_study(actor: Actor, study: str) -> ResponseReturnValue:
    """Store instances of this one study; others are refused one by one."""
    return _store(actor, study)


@route(bp, "/<root>/studies", needs=Permission.STUDY_READ, methods=("POST",), csrf=False)
def refuse(scope: Scope, root: str) -> ResponseReturnValue:
    """Refuse to store: measurements belong into the report; the archive is written by its senders and its own people."""
    open_root(scope, root)
    raise Denied(NO_STORE)


@route(bp, "/<root>/studies/<study>", needs=Permission.STUDY_READ, methods=("POST",), csrf=False)
def refuse_in_study(scope: Scope, root: str, study: str) -> ResponseReturnValue:
    """Refuse to store, in the same words."""
    open_root(scope, root).named(scope, study)
    raise Denied(NO_STORE)


def _store(actor: Actor, study_uid: str = "") -> ResponseReturnValue:
    """Read the body as it comes. No transaction is open meanwhile: it may take an hour."""
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    cells = cast("Cells", current_app.extensions["readingroom.cells"])
    _own_page_or_program(settings)
    xml = _answers_in_xml()
    boundary = boundary_of(request.content_type or "", holds=DICOM)
    with open_scope(actor) as scope:
        if actor.organisation_id is None:
            raise Missing
        cell = cell_of(scope, actor.organisation_id, host=settings.cell_host)
    if not cells.has_room(cell):
        raise Busy("The archive's disk has no room for more images just now. Nothing was stored; try again later.")
    request.max_content_length = ANY_SIZE
    with place_of(cell.organisation_id):
        result = take(Parts(request.stream.read, boundary), cells, cell, study_uid=study_uid)
    with open_scope(actor) as scope:
        told = InstancesUploaded(
            organisation_id=cell.organisation_id, stored=len(result.stored), refused=result.failures, whole=not result.broken
        )
        scope.emit(told)
    return _answer(result, f"{settings.public_url}/dicom-web/own", xml=xml)


def _answer(result: Result, root: str, *, xml: bool) -> Response:
    if result.silent and not result.stored:
        raise Busy("The archive is not answering. Nothing was stored; try again in a moment.")
    if result.broken and not result.stored and not result.failures:
        raise Invalid(result.broken)
    module = result.module(root)
    body = native(module) if xml else json.dumps(module, separators=(",", ":")).encode()
    response = Response(body, status=result.status, content_type=DICOM_XML if xml else DICOM_JSON)
    if result.broken:
        response.headers["Warning"] = f'299 readingroom "{result.broken} What is listed as stored is stored."'
    return response


def _answers_in_xml() -> bool:
    """Say in which form to answer: one dataset, so XML needs no parts around it."""
    return request.headers.get("Accept", "").strip().lower() == DICOM_XML or wants_xml()


def _own_page_or_program(settings: Settings) -> None:
    """Raise Denied if another site's page sent this. Its content type makes a browser ask first; this needs no browser's help."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    ours = {urlsplit(settings.public_url).netloc, request.host}
    if site not in {"same-origin", "none"} or (origin is not None and urlsplit(origin).netloc not in ours):
        raise Denied("Another site's page may not store anything here.")
