"""Cells: how all of them are, and starting, stopping, restarting one."""

import shutil
from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.gate.forms import read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.organisations import queries, service
from sidecar.organisations.forms import WantedForm
from sidecar.organisations.model import Wanted
from sidecar.organisations.web.blueprint import bp, settings
from sidecar.ui.outcome import tell

TOLD = {Wanted.RUNNING: "is starting", Wanted.STOPPED: "is stopping; senders are refused", Wanted.RESTARTING: "is restarting"}


def _rows(scope: Scope) -> list[queries.OrganisationView]:
    return [view for view in queries.organisations(scope) if view.cell]


@route(bp, "/admin/cells", needs=Permission.CELL_MANAGE)
def cells(scope: Scope) -> ResponseReturnValue:
    """List every hospital's archive; the rows alone for the page that is already open."""
    if "HX-Request" in request.headers:
        return render_template("_admin_cells.html", views=_rows(scope))
    return render_template("admin_cells.html", views=_rows(scope), disk=_disk())


def _disk() -> shutil._ntuple_diskusage | None:
    """Return the disk the cells lie on, or None where this process does not see it (cells on other machines)."""
    place = settings().cells_dir
    return shutil.disk_usage(place) if place.is_dir() else None


@route(bp, "/admin/cells/<uuid:organisation_id>", needs=Permission.CELL_MANAGE, methods=("POST",))
def want_cell(scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Start, stop or restart an archive."""
    filled = read(WantedForm, request.form)
    if filled.value is None:
        raise Invalid("Choose start, stop or restart.")
    wanted = filled.value.wanted
    service.want_cell(scope, organisation_id, wanted=wanted)
    name = queries.organisation(scope, organisation_id).organisation.name
    page = f"/admin/cells/{organisation_id}"
    undo = {"undo": page, "wanted": Wanted.RUNNING.value} if wanted is Wanted.STOPPED else {}
    tell(f"The archive of {name} {TOLD[wanted]}.", **undo)
    return redirect("/admin/cells" if request.form.get("back") == "cells" else f"/admin/organisations/{organisation_id}")
