"""QIDO-RS and the metadata part of WADO-RS under ``/dicom-web/<root>/``; foreign, expired and unknown are one answer."""

import gzip
import json
from collections.abc import Sequence
from typing import Any, NoReturn, cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from sidecar.archive.policy import may_download
from sidecar.audit.reads import note_list
from sidecar.dicomweb.answers import Answers
from sidecar.dicomweb.attributes import Level
from sidecar.dicomweb.media import DICOM, answer, as_json, as_xml, takes_one_file, takes_parts, wants_xml
from sidecar.dicomweb.query import read_query
from sidecar.dicomweb.retrieve import described, joined, listed, packed_metadata
from sidecar.dicomweb.roots import Root, open_root
from sidecar.dicomweb.search import Part, search
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh_person
from sidecar.kernel.errors import Missing, NotAcceptable
from sidecar.kernel.settings import Settings
from sidecar.studies import queries
from sidecar.studies.tables import Study

bp = Blueprint("dicomweb", __name__, url_prefix="/dicom-web/<root>")

SERIES_RULE = "/studies/<study>/series/<series>"
MORE = "There are additional results that can be requested with the parameter offset."
STUDY, SERIES, INSTANCE = Level


@route(bp, "/studies", needs=Permission.STUDY_READ)
def search_studies(scope: Scope, root: str) -> ResponseReturnValue:
    """Search all studies of the root (PS3.18 §10.6, All Studies), whatever else the client could see elsewhere."""
    opened = open_root(scope, root)
    return _found(scope, opened, opened.part, STUDY)


@route(bp, "/series", needs=Permission.STUDY_READ)
def search_all_series(scope: Scope, root: str) -> ResponseReturnValue:
    """Search the series of all studies (All Series)."""
    opened = open_root(scope, root)
    return _found(scope, opened, opened.part, SERIES, STUDY)


@route(bp, "/instances", needs=Permission.STUDY_READ)
def search_all_instances(scope: Scope, root: str) -> ResponseReturnValue:
    """Search the instances of all studies (All Instances)."""
    opened = open_root(scope, root)
    return _found(scope, opened, opened.part, INSTANCE, STUDY, SERIES)


@route(bp, "/studies/<study>/series", needs=Permission.STUDY_READ)
def search_series(scope: Scope, root: str, study: str) -> ResponseReturnValue:
    """Search the series of one study (Study's Series)."""
    opened = open_root(scope, root)
    return _found(scope, opened, _within_study(scope, opened, study), SERIES)


@route(bp, "/studies/<study>/instances", needs=Permission.STUDY_READ)
def search_study_instances(scope: Scope, root: str, study: str) -> ResponseReturnValue:
    """Search the instances of one study (Study's Instances)."""
    opened = open_root(scope, root)
    return _found(scope, opened, _within_study(scope, opened, study), INSTANCE, SERIES)


@route(bp, f"{SERIES_RULE}/instances", needs=Permission.STUDY_READ)
def search_instances(scope: Scope, root: str, study: str, series: str) -> ResponseReturnValue:
    """Search the instances of one series (Study Series' Instances)."""
    opened = open_root(scope, root)
    within, of = opened.series(scope, study, series)
    return _found(scope, opened, Part(of.organisation_id, studies=[within.id], series=[of.id]), INSTANCE)


@route(bp, f"{SERIES_RULE}/metadata", needs=Permission.STUDY_READ)
def series_metadata(scope: Scope, root: str, study: str, series: str) -> ResponseReturnValue:
    """Return the full metadata of a series (PS3.18 §10.4.1.1.2), as compressed as it lies in the cache if the client can."""
    xml = wants_xml()
    opened = open_root(scope, root)
    within, of = opened.series(scope, study, series)
    opened.note(scope, within)
    packed = packed_metadata(scope, within, of)
    if xml:
        return as_xml(listed([("", packed)]))
    if request.accept_encodings.quality("gzip") > 0:
        return as_json(packed, {"Content-Encoding": "gzip"})
    return as_json(gzip.decompress(packed))


@route(bp, f"{SERIES_RULE}/instances/<instance>/metadata", needs=Permission.STUDY_READ)
def instance_metadata(scope: Scope, root: str, study: str, series: str, instance: str) -> ResponseReturnValue:
    """Return the full metadata of one instance, cut out of its series'."""
    xml = wants_xml()
    opened = open_root(scope, root)
    within, of = opened.series(scope, study, series)
    opened.instance(scope, of, instance)
    opened.note(scope, within)
    found = described(packed_metadata(scope, within, of), instance)
    return as_xml([found]) if xml else as_json(json.dumps([found], ensure_ascii=False).encode())


@route(bp, "/studies/<study>/metadata", needs=Permission.STUDY_READ)
def study_metadata(scope: Scope, root: str, study: str) -> ResponseReturnValue:
    """Return the full metadata of all series of a study."""
    xml = wants_xml()
    opened = open_root(scope, root)
    parts = []
    for within in opened.named(scope, study):
        opened.note(scope, within)
        parts += [(each.series_instance_uid, packed_metadata(scope, within, each)) for each in queries.series_of(scope, within)]
    if xml:
        return as_xml(listed(parts))
    response = as_json(b"")
    response.response = joined(parts)
    del response.headers["Content-Length"]
    return response


@route(bp, "/studies/<study>", needs=Permission.STUDY_READ)
def whole_study(scope: Scope, root: str, study: str) -> ResponseReturnValue:
    """Say why the carrier does not bring a whole study: the second factor is asked for again, or there is none to take."""
    return _not_carried(scope, open_root(scope, root).named(scope, study))


@route(bp, SERIES_RULE, needs=Permission.STUDY_READ)
def whole_series(scope: Scope, root: str, study: str, series: str) -> ResponseReturnValue:
    """Say the same of a whole series."""
    return _not_carried(scope, [open_root(scope, root).series(scope, study, series)[0]])


@route(bp, f"{SERIES_RULE}/instances/<instance>", needs=Permission.STUDY_READ)
def whole_instance(scope: Scope, root: str, study: str, series: str, instance: str) -> ResponseReturnValue:
    """Say the same of one instance, which needs no second factor."""
    opened = open_root(scope, root)
    opened.instance(scope, opened.series(scope, study, series)[1], instance)
    _check_form(alone=True)
    raise Missing


@route(bp, "/<path:rest>", needs=Permission.STUDY_READ)
def nothing_here(scope: Scope, root: str, rest: str) -> ResponseReturnValue:  # noqa: ARG001
    """Answer for every other resource, and for pixels that nginx was told to refuse: as for an id that does not exist."""
    raise Missing


def _not_carried(scope: Scope, studies: Sequence[Study]) -> NoReturn:
    if all(may_download(scope.actor, each) for each in studies):
        need_fresh_person(scope)
        _check_form()
    raise Missing


def _check_form(*, alone: bool = False) -> None:
    """Raise NotAcceptable when the form is why: none that is offered, or a transfer syntax that the cell could not write."""
    if not takes_parts(DICOM) and not (alone and takes_one_file()):
        raise NotAcceptable(f'Objects are multipart/related; type="{DICOM}"' + (f", or {DICOM} for this one." if alone else "."))
    if not takes_parts(DICOM, "as stored"):
        raise NotAcceptable("The archive cannot write this in the transfer syntax asked for. As stored: transfer-syntax=*")


def _within_study(scope: Scope, opened: Root, study: str) -> Part:
    return Part(opened.part.organisation_id, studies=[each.id for each in opened.named(scope, study)])


def _asked(part: Part) -> dict[str, Any]:
    """Return what was searched for, as the caller wrote it, and within which study and series."""
    within = {"within": [str(each) for each in (*(part.studies or ()), *(part.series or ()))]}
    return {**request.args.to_dict(flat=False), **within}


def _found(scope: Scope, opened: Root, part: Part, level: Level, *above: Level) -> Response:
    query = read_query(request.query_string, level, frozenset(above))
    rows, more = search(scope, part, query)
    if opened.studies is None:  # what a reading context shows was put on record when it was opened
        note_list(scope, f"DICOMweb {level.name.lower()} search", _asked(part), len(rows))
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    response = answer(Answers(query, f"{settings.public_url}/dicom-web/{opened.name}").datasets(rows))
    for warning in (*query.warnings, *([MORE] if more else [])):
        response.headers.add("Warning", f'299 readingroom "{warning}"')
    return response
