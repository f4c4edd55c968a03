"""QIDO-RS and the metadata part of WADO-RS under one root per reading context. Foreign, expired and unknown are one answer."""

import gzip
from collections.abc import Sequence
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from sidecar.dicomweb.answers import Answers
from sidecar.dicomweb.attributes import Level, Row
from sidecar.dicomweb.query import Query, read_query
from sidecar.dicomweb.retrieve import joined, packed_metadata
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied, Invalid, Missing
from sidecar.kernel.settings import Settings
from sidecar.studies import queries
from sidecar.studies.contexts import look_in
from sidecar.studies.tables import Instance, Series, Study

bp = Blueprint("dicomweb", __name__, url_prefix="/dicom-web/<context>")

DICOM_JSON = "application/dicom+json"
ANSWERABLE = (DICOM_JSON, "application/json")
NO_STORE = "Objects cannot be stored from the viewer. Take the measurements over into the report."
SERIES_RULE = "/studies/<study>/series/<series>"


@route(bp, "/studies", needs=Permission.STUDY_READ)
def search_studies(scope: Scope, context: str) -> ResponseReturnValue:
    """Search the context's studies (PS3.18 §10.6), whatever else the client could see elsewhere."""
    return _found(context, Level.STUDY, [Row(study) for study in look_in(scope, context).studies])


@route(bp, "/studies/<study>/series", needs=Permission.STUDY_READ)
def search_series(scope: Scope, context: str, study: str) -> ResponseReturnValue:
    """Search the series of one study of the context."""
    within = look_in(scope, context).study(study)
    return _found(context, Level.SERIES, [Row(within, each) for each in queries.series_of(scope, within)])


@route(bp, f"{SERIES_RULE}/instances", needs=Permission.STUDY_READ)
def search_instances(scope: Scope, context: str, study: str, series: str) -> ResponseReturnValue:
    """Search the instances of one series, in the order of Instance Number (0020,0013)."""
    within, of = _series(scope, context, study, series)
    instances = scope.session.scalars(
        select(Instance)
        .where(Instance.organisation_id == of.organisation_id, Instance.series_id == of.id)
        .order_by(Instance.instance_number.nulls_last(), Instance.sop_instance_uid)
    )
    return _found(context, Level.INSTANCE, [Row(within, of, each) for each in instances])


@route(bp, f"{SERIES_RULE}/metadata", needs=Permission.STUDY_READ)
def series_metadata(scope: Scope, context: str, study: str, series: str) -> ResponseReturnValue:
    """Return the full metadata of a series (PS3.18 §10.4.1.1.2), as compressed as it lies in the cache if the client can."""
    within, of = _series(scope, context, study, series)
    packed = packed_metadata(scope, within, of)
    if request.accept_encodings.quality("gzip") > 0:
        return _answer(packed, {"Content-Encoding": "gzip"})
    return _answer(gzip.decompress(packed))


@route(bp, "/studies/<study>/metadata", needs=Permission.STUDY_READ)
def study_metadata(scope: Scope, context: str, study: str) -> ResponseReturnValue:
    """Return the full metadata of all series of a study."""
    within = look_in(scope, context).study(study)
    series = queries.series_of(scope, within)
    parts = [(each.series_instance_uid, packed_metadata(scope, within, each)) for each in series]
    response = _answer(b"")
    response.response = joined(parts)
    del response.headers["Content-Length"]
    return response


@route(bp, "/studies", needs=Permission.STUDY_READ, methods=("POST",), csrf=False)
def store(scope: Scope, context: str) -> ResponseReturnValue:
    """Refuse to store (PS3.18 §10.5): measurements belong into the report; the archive is written by its senders."""
    look_in(scope, context)
    raise Denied(NO_STORE)


@route(bp, "/studies/<study>", needs=Permission.STUDY_READ, methods=("POST",), csrf=False)
def store_in_study(scope: Scope, context: str, study: str) -> ResponseReturnValue:
    """Refuse to store, in the same words."""
    look_in(scope, context).study(study)
    raise Denied(NO_STORE)


@route(bp, "/<path:rest>", needs=Permission.STUDY_READ)
def nothing_here(scope: Scope, context: str, rest: str) -> ResponseReturnValue:  # noqa: ARG001
    """Answer for every other resource, and for pixels that nginx was told to refuse: as for an id that does not exist."""
    raise Missing


def _series(scope: Scope, context: str, study: str, series: str) -> tuple[Study, Series]:
    within = look_in(scope, context).study(study)
    found = scope.one(
        select(Series).where(
            Series.organisation_id == within.organisation_id,
            Series.study_id == within.id,
            Series.series_instance_uid == series,
        )
    )
    return within, found


def _found(context: str, level: Level, rows: Sequence[Row]) -> Response:
    query: Query = read_query(request.query_string, level)
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    answers = Answers(query, level, f"{settings.public_url}/dicom-web/{context}")
    response = _answer(answers.write(query.page([row for row in rows if query.admits(row)])))
    for warning in query.warnings:
        response.headers.add("Warning", f'299 readingroom "{warning}"')
    return response


def _answer(body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return DICOM JSON; raise Invalid when the client accepts none."""
    if request.accept_mimetypes and request.accept_mimetypes.best_match(ANSWERABLE) is None:
        raise Invalid(f"Only {DICOM_JSON} is offered here.")
    response = Response(body, mimetype=DICOM_JSON, headers=headers)
    response.headers["Vary"] = "Accept-Encoding"
    return response
