"""The questions nginx asks before frames, renderings, bulk data and whole objects go straight from a cell to the caller."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import BigInteger, exists, select

from sidecar.accounts.carrying import hand_over
from sidecar.adapters.carriages import INTERNAL
from sidecar.adapters.cell_client import CellAddress
from sidecar.adapters.cell_tokens import CellTokens, Visitor
from sidecar.archive import service as archive
from sidecar.archive.policy import may_download
from sidecar.dicomweb.media import DICOM, takes_one_file, takes_parts
from sidecar.dicomweb.roots import OWN, Root, open_root
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import StepUp, need_fresh_person
from sidecar.kernel.errors import Denied, Missing
from sidecar.kernel.settings import Settings
from sidecar.studies import access, queries
from sidecar.studies.cells import cell_of, visitor
from sidecar.studies.tables import Instance, Series, Study

bp = Blueprint("pixels", __name__, url_prefix="/edge")

TOKEN_LIFE = timedelta(seconds=120)
LARGE = 32_000_000
"""Pixels of a frame that nginx does not bring itself: it would keep all of it for who is slow, and nobody looks at its watch."""
LEVELS = (("studies", "study"), ("series", "series"), ("instances", "instance"))
"""The parts of a path (PS3.18, table 10.4.1-1) and what nginx calls their UIDs."""


@route(bp, "/pixels", needs=Permission.STUDY_READ)
def may_see_pixels(scope: Scope) -> ResponseReturnValue:
    """Answer 204 with the cell's address and a token for this one study, or 401, or 403 for whatever else.

    nginx knows these three answers only (ngx_http_auth_request_module) and turns both refusals into the application's own
    words for an unknown id. It remembers the answer for seconds by cookie, root, study and series, so the token names that
    one study: the least that serves, and a header of constant size however many priors there are.
    The series is asked for here because the cell cannot tell two studies with the same StudyInstanceUID apart.
    Where its frames are large nginx asks the application in any case, which has them carried (``frames``).
    """
    (study, *_), cell = _decide(scope, request.args.get("context", ""), _one_series)
    if request.args.get("what") == "frame" and _has_large_frames(scope, study):
        return Response(status=403)
    token = token_to_look(scope, request.args.get("context", ""), study, cell)
    return Response(status=204, headers={"X-Cell-Address": cell.netloc, "X-Cell-Token": token})


def token_to_look(scope: Scope, root: str, study: Study, cell: CellAddress) -> str:
    """Return what opens one study in its cell for looking at it, for the acting person."""
    return _tokens().mint(
        cell=cell.cell_id,
        subject=str(scope.user_id),
        organisation=scope.organisation_id,
        role=str(scope.actor.role),
        session=scope.actor.session,
        now=scope.now,
        life=access.in_sight(scope, [study], at_most=TOKEN_LIFE),
        studies=[study.study_instance_uid],
        visitor=_visitor(scope, root),
    )


def _has_large_frames(scope: Scope, study: Study) -> bool:
    """Say whether any image of the series asked for is large."""
    large = exists().where(
        Series.organisation_id == study.organisation_id, Series.study_id == study.id,
        Series.series_instance_uid == _asked("series"),
        Instance.organisation_id == Series.organisation_id, Instance.series_id == Series.id,
        Instance.rows.cast(BigInteger) * Instance.columns > LARGE,
    )  # fmt: skip
    return bool(scope.session.scalar(select(large)))


@route(bp, "/objects", needs=Permission.STUDY_READ)
def may_have_objects(scope: Scope) -> ResponseReturnValue:
    """Answer the same about a whole study, series or instance (PS3.18 §10.4.1.1.1), asked anew each time, for the carrier.

    More than an instance is taking a study along, by whatever door: decided, proved and put on record as every download.
    A cell hands out whole objects to the sidecar only, so the token is the sidecar's own, and stays with the carrier.
    The cell then looks by UIDs alone, so an instance is looked for here: another patient's may bear all the UIDs above it.
    """
    studies, cell = _decide(scope, request.args.get("root", ""), _objects)
    alone = _asked("instance") and takes_one_file()
    if not (alone or takes_parts(DICOM)):
        raise Denied("Not in a form that is offered.")  # the words are dicomweb.web's
    if not _asked("instance"):
        try:
            need_fresh_person(scope)
        except StepUp:
            return Response(status=401)  # nginx then asks for the words, of dicomweb.web
        for study in studies:
            archive.take_objects(scope, study, _series(scope, study))
    asking = _visitor(scope, request.args.get("root", ""))
    token = _tokens().service(cell=cell.cell_id, organisation=cell.organisation_id, now=scope.now, visitor=asking)
    named = "".join(f"/{level}/{_asked(name)}" for level, name in LEVELS if _asked(name))
    path = f"/instances/{_orthanc_id(scope, studies[0])}/file" if alone else f"/dicom-web{named}"
    url, carried = f"http://{cell.netloc}{path}", [each.id for each in studies]
    name = hand_over(scope, url=url, token=token, studies=carried).removeprefix(INTERNAL)
    return Response(status=204, headers={"X-Carried": f"/{name}"})


def _one_series(scope: Scope, root: Root) -> list[Study]:
    return [root.series(scope, _asked("study"), _asked("series"))[0]]


def _objects(scope: Scope, root: Root) -> list[Study]:
    """Return the studies asked for. A viewer needs an object without pixels whole; more is for who may take the study along."""
    if _asked("series"):
        study, series = root.series(scope, _asked("study"), _asked("series"))
        studies = [study]
        if _asked("instance"):
            root.instance(scope, series, _asked("instance"))
    else:
        studies = list(root.named(scope, _asked("study")))
    if not _asked("instance") and not all(may_download(scope.actor, each) for each in studies):
        raise Missing
    return studies


def _orthanc_id(scope: Scope, study: Study) -> str:
    """Return what the cell calls the instance asked for."""
    series = _series(scope, study)
    mine = (Instance.organisation_id == study.organisation_id, Instance.series_id == (series and series.id))
    found: Instance = scope.one(select(Instance).where(*mine, Instance.sop_instance_uid == _asked("instance")))
    return found.orthanc_id


def _series(scope: Scope, study: Study) -> Series | None:
    """Return the series asked for, None for the whole study."""
    uid = _asked("series")
    return next((each for each in queries.series_of(scope, study) if each.series_instance_uid == uid), None) if uid else None


def _asked(name: str) -> str:
    return request.args.get(name, "")


def _decide(scope: Scope, name: str, named: Callable[[Scope, Root], list[Study]]) -> tuple[list[Study], CellAddress]:
    """Return the studies and their cell; raise Denied for whatever the caller does not have."""
    try:
        root = open_root(scope, name)
        studies = named(scope, root)
        settings = cast("Settings", current_app.extensions["readingroom.settings"])
        cell = cell_of(scope, studies[0].organisation_id, host=settings.cell_host)
    except Missing as missing:
        raise Denied(missing.message) from missing
    for study in studies:
        root.note(scope, study)
    return studies, cell


def _visitor(scope: Scope, root: str) -> Visitor:
    """Return who asks, for the record of the cell's gate."""
    return visitor(scope, "own-archive" if root == OWN else "reading")


def _tokens() -> CellTokens:
    return cast("CellTokens", current_app.extensions["readingroom.cell_tokens"])
