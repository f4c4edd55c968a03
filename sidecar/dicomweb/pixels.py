"""The question nginx asks before frames, renderings, thumbnails and bulk data go straight from a cell to the browser."""

from datetime import timedelta
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from sidecar.adapters.cell_tokens import CellTokens
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied, Missing
from sidecar.kernel.settings import Settings
from sidecar.studies.cells import cell_of
from sidecar.studies.contexts import look_in
from sidecar.studies.tables import Series

bp = Blueprint("pixels", __name__, url_prefix="/edge")

TOKEN_LIFE = timedelta(seconds=120)


@route(bp, "/pixels", needs=Permission.STUDY_READ)
def may_see_pixels(scope: Scope) -> ResponseReturnValue:
    """Answer 204 with the cell's address and a token for this one study, or 401, or 403 for whatever else.

    nginx knows these three answers only (ngx_http_auth_request_module) and turns both refusals into the application's own
    words for an unknown id. It remembers the answer for seconds by cookie, context, study and series, so the token names that
    one study of the context: the least that serves, and a header of constant size however many priors there are.
    The series is asked for here because the cell cannot tell two studies with the same StudyInstanceUID apart.
    """
    try:
        study = look_in(scope, request.args.get("context", "")).study(request.args.get("study", ""))
        of_study = (Series.organisation_id == study.organisation_id, Series.study_id == study.id)
        scope.one(select(Series.id).where(*of_study, Series.series_instance_uid == request.args.get("series", "")))
        settings = cast("Settings", current_app.extensions["readingroom.settings"])
        cell = cell_of(scope, study.organisation_id, host=settings.cell_host)
    except Missing as missing:
        raise Denied(missing.message) from missing
    tokens = cast("CellTokens", current_app.extensions["readingroom.cell_tokens"])
    token = tokens.mint(
        cell=cell.cell_id,
        subject=str(scope.user_id),
        organisation=scope.organisation_id,
        role=str(scope.actor.role),
        session=scope.actor.session,
        now=scope.now,
        life=TOKEN_LIFE,
        studies=[study.study_instance_uid],
    )
    return Response(status=204, headers={"X-Cell-Address": cell.netloc, "X-Cell-Token": token})
