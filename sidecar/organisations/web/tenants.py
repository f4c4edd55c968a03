"""Organisations: list, detail, new hospital, new reading group, edit, connection sheet."""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from sidecar.audit import queries as audit
from sidecar.audit.model import Question
from sidecar.gate.actor import OrganisationKind
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Missing
from sidecar.organisations import queries, service, words
from sidecar.organisations.errors import Taken
from sidecar.organisations.forms import HospitalForm, OrganisationForm
from sidecar.organisations.model import Places
from sidecar.organisations.web.blueprint import bp, settings
from sidecar.ui.outcome import tell

MANAGE = Permission.ORGANISATION_MANAGE
HISTORY_ROWS = 10
ZONES = [*sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/"))), "UTC"]


@route(bp, "/admin/organisations", needs=MANAGE)
def organisations(scope: Scope) -> ResponseReturnValue:
    """List all tenants with their cell's condition."""
    return render_template("admin_organisations.html", organisations=queries.organisations(scope))


def _form(kind: str, filled: Filled[Any], *, editing: UUID | None = None) -> str:
    return render_template(
        "admin_organisation_form.html",
        kind=kind,
        values={"name": "", "zone": settings().zone.key, "letterhead": "", "aet": "", **filled.values},
        errors=filled.errors,
        zones=ZONES,
        editing=editing,
    )


@route(bp, "/admin/hospitals/new", needs=MANAGE)
def new_hospital(_scope: Scope) -> ResponseReturnValue:
    """Show the form for a hospital."""
    return _form("provider", Filled(None, {}))


@route(bp, "/admin/hospitals", needs=MANAGE, methods=("POST",))
def add_hospital(scope: Scope) -> ResponseReturnValue:
    """Create a hospital with its cell and go to its page, where the cell is seen coming up."""
    filled = read(HospitalForm, request.form)
    if filled.value is None:
        return _form("provider", filled), 400
    form = filled.value
    try:
        with tentatively(scope):
            cell = service.add_hospital(scope, **form.model_dump(), places=Places.of(settings()))
    except Taken as problem:
        return _form("provider", filled.refused(problem.field, problem.message)), problem.status
    except Conflict as problem:
        return _form("provider", filled.refused("", problem.message)), problem.status
    tell(f"{form.name} was added. Its archive is starting.")
    return redirect(f"/admin/organisations/{cell.organisation_id}")


@route(bp, "/admin/reading-groups/new", needs=MANAGE)
def new_reading_group(_scope: Scope) -> ResponseReturnValue:
    """Show the form for a reading group."""
    return _form("reading_group", Filled(None, {}))


@route(bp, "/admin/reading-groups", needs=MANAGE, methods=("POST",))
def add_reading_group(scope: Scope) -> ResponseReturnValue:
    """Create a reading group and go to its page."""
    filled = read(OrganisationForm, request.form)
    if filled.value is None:
        return _form("reading_group", filled), 400
    try:
        with tentatively(scope):
            made = service.create_organisation(scope, kind=OrganisationKind.READING_GROUP, **filled.value.model_dump())
    except Taken as problem:
        return _form("reading_group", filled.refused(problem.field, problem.message)), problem.status
    tell(f"{made.name} was added. Invite its first administrator, then make a contract with a hospital.")
    return redirect(f"/admin/organisations/{made.id}")


@route(bp, "/admin/organisations/<uuid:organisation_id>", needs=MANAGE)
def organisation(scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Show one tenant: its cell, its contracts, what to do next."""
    return render_template(
        "admin_organisation.html",
        view=queries.organisation(scope, organisation_id),
        contracts=queries.contracts(scope, party=organisation_id),
        host=settings().dicom_host,
        history=audit.entries(scope, audit.page(scope, Question(inside=organisation_id), limit=HISTORY_ROWS)),
    )


@route(bp, "/admin/organisations/<uuid:organisation_id>/cell", needs=MANAGE)
def organisation_cell(scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Show the cell's condition alone: the page asks for it again and again."""
    view = _with_cell(scope, organisation_id)
    return render_template("_admin_cell.html", view=view, host=settings().dicom_host)


@route(bp, "/admin/organisations/<uuid:organisation_id>/connection", needs=MANAGE)
def organisation_connection(scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Show the sheet for the hospital's PACS administrator."""
    view = _with_cell(scope, organisation_id)
    back = {"href": f"/admin/organisations/{organisation_id}", "label": view.organisation.name}
    return render_template("admin_connection.html", view=view, host=settings().dicom_host, entities=None, words=words, back=back)


@route(bp, "/admin/organisations/<uuid:organisation_id>/edit", needs=MANAGE)
def edit_organisation(scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Show the form with what is known."""
    found = queries.organisation(scope, organisation_id).organisation
    known = {"name": found.name, "zone": found.zone, "letterhead": found.letterhead}
    return _form(found.kind, Filled(None, known), editing=organisation_id)


@route(bp, "/admin/organisations/<uuid:organisation_id>/edit", needs=MANAGE, methods=("POST",))
def change_organisation(scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Save name, zone and letterhead."""
    kind = queries.organisation(scope, organisation_id).organisation.kind
    filled = read(OrganisationForm, request.form)
    if filled.value is None:
        return _form(kind, filled, editing=organisation_id), 400
    try:
        with tentatively(scope):
            service.change_organisation(scope, organisation_id, **filled.value.model_dump())
    except Taken as problem:
        return _form(kind, filled.refused(problem.field, problem.message), editing=organisation_id), problem.status
    return _saved(organisation_id)


def _saved(organisation_id: UUID) -> Response:
    tell("Saved.")
    return redirect(f"/admin/organisations/{organisation_id}")


def _with_cell(scope: Scope, organisation_id: UUID) -> queries.OrganisationView:
    view = queries.organisation(scope, organisation_id)
    if view.cell is None:
        raise Missing
    return view
