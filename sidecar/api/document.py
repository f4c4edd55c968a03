"""The document of the API: ``/api/openapi.json`` for programs, ``/api/docs`` for people. Written from the routes as they are."""

import json
from functools import cache
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, render_template
from flask.typing import ResponseReturnValue

from sidecar.api import reading
from sidecar.gate.api import describe
from sidecar.gate.http import route
from sidecar.gate.openapi import document
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope

bp = Blueprint("api_document", __name__)


@cache
def written(app: Flask) -> dict[str, Any]:
    """Return the document of this application, written once: routes do not change while it runs."""
    return document(app, server=app.extensions["readingroom.settings"].public_url)


@route(bp, "/api/openapi.json", needs=Permission.PUBLIC)
@describe(needs=Permission.PUBLIC, summary="This document, as OpenAPI 3.1.", refusals=(429,))
def openapi(_scope: Scope) -> ResponseReturnValue:
    """Give the document to a program. It names routes and fields, nothing of anybody."""
    return Response(json.dumps(_own()), mimetype="application/json")


@route(bp, "/api/docs", needs=Permission.PUBLIC)
@describe(needs=Permission.PUBLIC, summary="This document, for people.", media="text/html", refusals=(429,))
def docs(_scope: Scope) -> ResponseReturnValue:
    """Show the document as a page of our own: no script or style comes from elsewhere."""
    return render_template("api_docs.html", **reading.page(_own()))


def _own() -> dict[str, Any]:
    return written(cast("Flask", current_app._get_current_object()))  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's proxy
