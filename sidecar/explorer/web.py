"""The way into Orthanc Explorer, the question nginx asks at each of its requests, and the way out to the sidecar's verbs."""

import re
from datetime import timedelta
from typing import cast

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.accounts.carrying import hand_over
from sidecar.adapters.cell_client import CellAddress
from sidecar.adapters.cell_tokens import CellTokens
from sidecar.archive.web.blueprint import VERBS
from sidecar.explorer.events import ExplorerOpened
from sidecar.explorer.roots import OWN, Root, open_root
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission, may_ever, permissions_of
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied, Missing
from sidecar.kernel.settings import Settings
from sidecar.studies import access
from sidecar.studies.cells import cell_of, visitor

bp = Blueprint("explorer", __name__)

TOKEN_LIFE = timedelta(seconds=120)
PAGE = "app/explorer.html"
WHOLE = re.compile(
    r"instances/[0-9a-f-]{44}/(?:file|pdf|numpy|content/[0-9A-Za-z/-]{1,200}|frames/[0-9]{1,6}/(?:raw|raw[.]gz|numpy))"
    r"|(?:studies|series|instances)/[0-9a-f-]{44}/attachments/[0-9A-Za-z-]{1,64}/data"
)
"""What of Explorer's may be as large as an object: not by nginx straight from the cell (its configuration says the same)."""
ARGUMENTS = re.compile("[A-Za-z0-9_=&.,-]{0,200}")
CONTEXT_VERBS = frozenset({"download"})
"""What a contracted reader may do with a study beside looking at it; the page itself decides."""


@route(bp, "/explorer", needs=Permission.EXPLORER_OPEN)
def explore_own(scope: Scope) -> ResponseReturnValue:
    """Lead to the Explorer of the own archive, or say that there is none yet."""
    try:
        _cell(scope, open_root(scope, OWN))
    except Missing:
        return render_template("explorer_none.html")
    return redirect(f"/explorer/{OWN}/{PAGE}")


@route(bp, "/explorer/<context>", needs=Permission.STUDY_DOWNLOAD)
def explore_context(scope: Scope, context: str) -> ResponseReturnValue:
    """Lead to the Explorer of a reading context, at the study that was opened."""
    root = open_root(scope, context)
    here = "" if not root.studies else f"#study?uuid={root.studies[0].orthanc_id}"
    return redirect(f"/explorer/{context}/{PAGE}{here}")


@route(bp, "/edge/explorer", needs=Permission.STUDY_DOWNLOAD)
def may_explore(scope: Scope) -> ResponseReturnValue:
    """Answer 204 with the cell's address and a token for it, or 401, or 403 for whatever else.

    nginx remembers the answer for seconds by cookie and root. The token is that of own staff, whose role the cell judges, or
    lists the context's studies. ``page``: the page itself is asked for, so this is an opening, and goes on record.
    """
    try:
        root = open_root(scope, request.args.get("root", ""))
        cell = _cell(scope, root)
    except Missing as missing:
        raise Denied(missing.message) from missing
    if request.args.get("page"):
        scope.emit(_opened(root))
    return Response(status=204, headers={"X-Cell-Address": cell.netloc, "X-Cell-Token": _token(scope, root, cell)})


def _token(scope: Scope, root: Root, cell: CellAddress) -> str:
    tokens = cast("CellTokens", current_app.extensions["readingroom.cell_tokens"])
    return tokens.mint(
        cell=cell.cell_id,
        subject=str(scope.user_id),
        organisation=scope.organisation_id,
        role=str(scope.actor.role),
        session=scope.actor.session,
        now=scope.now,
        life=access.in_sight(scope, root.studies or (), at_most=TOKEN_LIFE),
        studies=root.uids,
        visitor=visitor(scope, "explorer"),
    )


@route(bp, "/archive/by-orthanc-id/<context>/verbs", needs=Permission.STUDY_DOWNLOAD)
def verbs(scope: Scope, context: str) -> ResponseReturnValue:
    """What Explorer links in place of its own buttons: what the caller's role may do with a study here."""
    root, held = open_root(scope, context), permissions_of(scope.actor)
    may = [(verb, label) for verb, label, needs in VERBS if needs in held and (root.context is None or verb in CONTEXT_VERBS)]
    return jsonify(verbs=[{"verb": verb, "label": label} for verb, label in may])


@route(bp, "/archive/by-orthanc-id/<context>/<orthanc_id>/<verb>", needs=Permission.STUDY_DOWNLOAD)
def by_orthanc_id(scope: Scope, context: str, orthanc_id: str, verb: str) -> ResponseReturnValue:
    """Lead from a study in Explorer, which knows only the cell's own ids, to the page of a verb."""
    study = open_root(scope, context).study(scope, orthanc_id)
    if verb not in {name for name, _label, _needs in VERBS}:
        raise Missing
    return redirect(f"/studies/{study.id}/{verb}")


@route(bp, "/explorer/<context>/<path:rest>", needs=Permission.SIGNED_IN)
def whole(scope: Scope, context: str, rest: str) -> ResponseReturnValue:
    """Have whole files and raw pixels carried, as the cell decides by the caller's role.

    For whatever else, and what was refused or not found there, answer as for an id that does not exist: nginx asks again then,
    and says so by a header that no client can send past it.
    """
    asked = request.query_string.decode("latin-1")
    if not (WHOLE.fullmatch(rest) and ARGUMENTS.fullmatch(asked)) or "X-Single-Missed" in request.headers:
        raise Missing
    if not may_ever(scope.actor, Permission.STUDY_DOWNLOAD):
        raise Missing
    root = open_root(scope, context)
    cell = _cell(scope, root)
    carried = hand_over(
        scope, url=f"http://{cell.netloc}/{rest}{'?' if asked else ''}{asked}", token=_token(scope, root, cell),
        studies=[each.id for each in root.studies or ()], single=True,
    )  # fmt: skip
    headers = {"X-Accel-Redirect": carried, "Cache-Control": "private, no-store"}
    return Response(headers=headers, mimetype="application/octet-stream")


@route(bp, "/explorer/<context>/<path:rest>", needs=Permission.SIGNED_IN, methods=("POST",), csrf=False)
def nothing_to_ask(scope: Scope, context: str, rest: str) -> ResponseReturnValue:  # noqa: ARG001
    """Answer for a refused search, in the same words."""
    raise Missing


def _cell(scope: Scope, root: Root) -> CellAddress:
    settings = cast("Settings", current_app.extensions["readingroom.settings"])
    return cell_of(scope, root.organisation_id, host=settings.cell_host)


def _opened(root: Root) -> ExplorerOpened:
    if root.context is None:
        return ExplorerOpened(organisation_id=root.organisation_id, reach="own")
    return ExplorerOpened(
        organisation_id=root.organisation_id, study_id=root.context.study_id, context_id=root.context.id, reach="context"
    )
