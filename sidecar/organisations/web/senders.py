"""Senders of the own hospital: who may send, who was refused, and the sheet for the PACS administrator."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.organisations import queries, service
from sidecar.organisations.errors import Taken
from sidecar.organisations.forms import RefusedForm, SenderForm
from sidecar.organisations.web.blueprint import bp, settings, tell

READ, MANAGE = Permission.SENDER_READ, Permission.SENDER_MANAGE


def _page(scope: Scope, filled: Filled[SenderForm]) -> str:
    return render_template(
        "admin_senders.html",
        cell=queries.own_cell(scope),
        host=settings().dicom_host,
        senders=queries.senders(scope),
        refusals=queries.refusals(scope),
        values={"aet": "", "network": "", "description": "", **filled.values},
        errors=filled.errors,
    )


@route(bp, "/admin/senders", needs=READ)
def senders(scope: Scope) -> ResponseReturnValue:
    """Show the registered senders and the refused callers."""
    known: dict[str, Any] = {name: request.args[name] for name in ("aet", "network") if name in request.args}
    return _page(scope, Filled(None, known))


@route(bp, "/admin/senders", needs=MANAGE, methods=("POST",))
def add_sender(scope: Scope) -> ResponseReturnValue:
    """Register a sender."""
    filled = read(SenderForm, request.form)
    if filled.value is None:
        return _page(scope, filled), 400
    try:
        with tentatively(scope):
            sender = service.add_sender(scope, **filled.value.model_dump())
    except Taken as problem:
        return _page(scope, filled.refused(problem.field, problem.message)), problem.status
    tell(f"{sender.aet} may send from {sender.network} now.")
    return redirect("/admin/senders")


@route(bp, "/admin/senders/<uuid:sender_id>", needs=MANAGE)
def edit_sender(scope: Scope, sender_id: UUID) -> ResponseReturnValue:
    """Show one sender's form."""
    sender = queries.sender(scope, sender_id)
    known = {"aet": sender.aet, "network": sender.network, "description": sender.description}
    return render_template("admin_sender_form.html", sender_id=sender_id, values=known, errors={})


@route(bp, "/admin/senders/<uuid:sender_id>", needs=MANAGE, methods=("POST",))
def change_sender(scope: Scope, sender_id: UUID) -> ResponseReturnValue:
    """Save one sender."""
    queries.sender(scope, sender_id)
    filled = read(SenderForm, request.form)
    if filled.value is None:
        return render_template("admin_sender_form.html", sender_id=sender_id, values=filled.values, errors=filled.errors), 400
    try:
        with tentatively(scope):
            sender = service.change_sender(scope, sender_id, **filled.value.model_dump())
    except Taken as problem:
        errors = {problem.field: problem.message}
        page = render_template("admin_sender_form.html", sender_id=sender_id, values=filled.values, errors=errors)
        return page, problem.status
    tell(f"{sender.aet} may send from {sender.network} now.")
    return redirect("/admin/senders")


@route(bp, "/admin/senders/<uuid:sender_id>/remove", needs=MANAGE, methods=("POST",))
def remove_sender(scope: Scope, sender_id: UUID) -> ResponseReturnValue:
    """Remove a sender; the next page offers to take it back."""
    gone = service.remove_sender(scope, sender_id)
    tell(
        f"{gone.aet} from {gone.network} was removed; its images are refused from now on.",
        undo="/admin/senders",
        aet=gone.aet,
        network=gone.network,
        description=gone.description,
    )
    return redirect("/admin/senders")


def _refused() -> RefusedForm:
    filled = read(RefusedForm, request.form)
    if filled.value is None:
        raise Invalid("Say which refused sender is meant.")
    return filled.value


@route(bp, "/admin/senders/register", needs=MANAGE, methods=("POST",))
def register_refused(scope: Scope) -> ResponseReturnValue:
    """Register a refused caller with one press, from exactly where it called."""
    form = _refused()
    sender = service.register_refused(scope, aet=form.aet, address=form.address)
    tell(
        f"{sender.aet} may send from {sender.network} now. Ask for the images to be sent again.",
        undo=f"/admin/senders/{sender.id}/remove",
    )
    return redirect("/admin/senders")


@route(bp, "/admin/senders/dismiss", needs=MANAGE, methods=("POST",))
def dismiss_refusal(scope: Scope) -> ResponseReturnValue:
    """Forget a refused caller until it calls again."""
    form = _refused()
    service.dismiss_refusal(scope, aet=form.aet, address=form.address)
    tell(f"{form.aet} from {form.address} is off the list. It is shown again if it calls again.")
    return redirect("/admin/senders")


@route(bp, "/admin/connection", needs=READ)
def connection(scope: Scope) -> ResponseReturnValue:
    """Show the own hospital's connection sheet."""
    view = queries.organisation(scope, queries.own_cell(scope).organisation_id)
    back = {"href": "/admin/senders", "label": "Senders"}
    return render_template(
        "admin_connection.html", view=view, host=settings().dicom_host, senders=queries.senders(scope), back=back
    )
