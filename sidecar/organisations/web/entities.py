"""AE titles of the own hospital: who may ask what and from where, who was refused, and the sheet for the PACS administrator."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.organisations import queries, rules, service, words
from sidecar.organisations.errors import Taken, Unfit
from sidecar.organisations.forms import CharacterSetForm, EntityForm, NetworkForm, RefusedForm
from sidecar.organisations.model import SENDS, Outcome
from sidecar.organisations.tables import ApplicationEntity
from sidecar.organisations.web.blueprint import bp, settings
from sidecar.ui.outcome import tell

READ, MANAGE = Permission.SENDER_READ, Permission.SENDER_MANAGE
LIST = "/admin/ae-titles"
NOTHING = {"aet": "", "description": "", "networks": "", "services": [each.value for each in SENDS], "host": "", "port": ""}


REGISTRABLE = frozenset({Outcome.UNKNOWN_AET, Outcome.WRONG_ADDRESS})
"""Refusals that registering title and address answers."""


def page_of(entity: ApplicationEntity) -> str:
    """Return the address of an AE title's page."""
    return f"{LIST}/{entity.id}"


@route(bp, LIST, needs=READ)
def ae_titles(scope: Scope) -> ResponseReturnValue:
    """Show the registered AE titles and the refused callers."""
    return render_template(
        "admin_ae_titles.html",
        cell=queries.own_cell(scope),
        host=settings().dicom_host,
        views=queries.entity_views(scope),
        refusals=queries.refusals(scope),
        registrable=REGISTRABLE,
        words=words,
    )


@route(bp, f"{LIST}/character-set", needs=MANAGE, methods=("POST",))
def character_set(scope: Scope) -> ResponseReturnValue:
    """Choose how texts are read that name no character set."""
    form = read(CharacterSetForm, request.form)
    if form.value is None:
        raise Invalid(" ".join(form.errors.values()))
    chosen = form.value.character_set
    before = service.choose_character_set(scope, chosen)
    said = words.CHARACTER_SETS[chosen]
    tell(
        f"Texts without a character set are read as {said} from now on.", undo=f"{LIST}/character-set", character_set=before.value
    )
    return redirect(LIST)


@route(bp, f"{LIST}/new", needs=MANAGE)
def new_ae_title(_scope: Scope) -> ResponseReturnValue:
    """Show the form for another AE title."""
    known = {name: request.args[name] for name in ("aet", "networks") if name in request.args}
    return _new(Filled(None, known))


def _new(filled: Filled[EntityForm]) -> str:
    values = {**NOTHING, **filled.values}
    return render_template("admin_ae_title_new.html", values=values, errors=filled.errors, services=words.SERVICES)


@route(bp, LIST, needs=MANAGE, methods=("POST",))
def add_ae_title(scope: Scope) -> ResponseReturnValue:
    """Register an AE title."""
    filled = _filled()
    if filled.value is None:
        return _new(filled), 400
    try:
        with tentatively(scope):
            rules.require_elsewhere(filled.value.host, installation=settings().dicom_host)
            entity = service.add_entity(scope, **filled.value.model_dump())
    except (Taken, Unfit) as problem:
        return _new(filled.refused(problem.field, problem.message)), problem.status
    tell(f"{entity.aet} is registered.", undo=f"{page_of(entity)}/remove")
    return redirect(page_of(entity))


def _filled() -> Filled[EntityForm]:
    """Read the form; its services come as boxes ticked, or as one text from an undo."""
    services = " ".join(request.form.getlist("services")).split()
    return read(EntityForm, {**request.form.to_dict(), "services": services})


@route(bp, f"{LIST}/<uuid:entity_id>", needs=READ)
def ae_title(scope: Scope, entity_id: UUID) -> ResponseReturnValue:
    """Show one AE title: its entry, its certificates, its last associations."""
    return _page(scope, entity_id, Filled(None, {}))


def _page(scope: Scope, entity_id: UUID, filled: Filled[EntityForm]) -> str:
    view = queries.entity_view(scope, entity_id)
    return render_template(
        "admin_ae_title.html",
        view=view,
        values={**_fields(view.entity, lines="\n"), **filled.values},
        errors=filled.errors,
        services=words.SERVICES,
        certificates=queries.certificate_views(scope, aet=view.entity.aet),
        associations=queries.associations(scope, aet=view.entity.aet, limit=20),
        cell=queries.own_cell(scope),
        words=words,
    )


def _fields(entity: ApplicationEntity, *, lines: str = " ") -> dict[str, Any]:
    return {
        "aet": entity.aet,
        "description": entity.description,
        "networks": lines.join(entity.networks),
        "services": entity.services,
        "host": entity.host,
        "port": str(entity.port or ""),
    }


def _to_undo(fields: Mapping[str, Any]) -> dict[str, str]:
    return {**fields, "services": " ".join(fields["services"])}


@route(bp, f"{LIST}/<uuid:entity_id>", needs=MANAGE, methods=("POST",))
def change_ae_title(scope: Scope, entity_id: UUID) -> ResponseReturnValue:
    """Save one AE title; the next page offers to take it back."""
    before = _fields(queries.entity(scope, entity_id))
    filled = _filled()
    if filled.value is None:
        return _page(scope, entity_id, filled), 400
    try:
        with tentatively(scope):
            rules.require_elsewhere(filled.value.host, installation=settings().dicom_host)
            entity = service.change_entity(scope, entity_id, **filled.value.model_dump())
    except (Taken, Unfit) as problem:
        return _page(scope, entity_id, filled.refused(problem.field, problem.message)), problem.status
    tell(f"{entity.aet} was saved.", undo=page_of(entity), **_to_undo(before))
    return redirect(page_of(entity))


@route(bp, f"{LIST}/<uuid:entity_id>/remove", needs=MANAGE, methods=("POST",))
def remove_ae_title(scope: Scope, entity_id: UUID) -> ResponseReturnValue:
    """Remove an AE title; the next page offers to take it back."""
    gone = service.remove_entity(scope, entity_id)
    tell(f"{gone.aet} was removed; it is refused from now on.", undo=LIST, **_to_undo(_fields(gone)))
    return redirect(LIST)


@route(bp, f"{LIST}/<uuid:entity_id>/narrow", needs=MANAGE, methods=("POST",))
def narrow_ae_title(scope: Scope, entity_id: UUID) -> ResponseReturnValue:
    """Take back one network of an AE title."""
    filled = read(NetworkForm, request.form)
    if filled.value is None:
        raise Invalid("Say which network is meant.")
    entity = service.narrow_entity(scope, entity_id, network=filled.value.network)
    tell(f"{entity.aet} is refused from {filled.value.network} from now on.")
    return redirect(LIST)


def _refused() -> RefusedForm:
    filled = read(RefusedForm, request.form)
    if filled.value is None:
        raise Invalid("Say which refused caller is meant.")
    return filled.value


@route(bp, f"{LIST}/register", needs=MANAGE, methods=("POST",))
def register_refused(scope: Scope) -> ResponseReturnValue:
    """Let a refused caller send with one press, from exactly where it called."""
    form = _refused()
    known = {each.aet for each in queries.entities(scope)}
    entity = service.add_sender(scope, aet=form.aet, network=form.address)
    back = {"undo": f"{page_of(entity)}/remove"}
    if entity.aet in known:
        back = {"undo": f"{page_of(entity)}/narrow", "network": form.address}
    tell(f"{entity.aet} may send from {form.address} now. Ask for the images to be sent again.", **back)
    return redirect(LIST)


@route(bp, f"{LIST}/dismiss", needs=MANAGE, methods=("POST",))
def dismiss_refusal(scope: Scope) -> ResponseReturnValue:
    """Forget a refused caller until it calls again."""
    form = _refused()
    service.dismiss_refusal(scope, aet=form.aet, address=form.address)
    tell(f"{form.aet or 'The caller'} from {form.address} is off the list. It is shown again if it calls again.")
    return redirect(LIST)


@route(bp, f"{LIST}/associations", needs=READ)
def associations(scope: Scope) -> ResponseReturnValue:
    """Show the last associations, all or by their outcome."""
    outcome = request.args.get("outcome", "")
    accepted = {"accepted": True, "refused": False}.get(outcome)
    rows = queries.associations(scope, accepted=accepted, aet=request.args.get("aet", ""))
    unknown = {(each.aet, each.address) for each in queries.refusals(scope) if each.aet and each.reason in REGISTRABLE}
    return render_template(
        "admin_associations.html",
        rows=rows,
        outcome=outcome,
        aet=request.args.get("aet", ""),
        open=unknown if may_ever(scope.actor, MANAGE) else set(),
        words=words,
    )


@route(bp, "/admin/connection", needs=READ)
def connection(scope: Scope) -> ResponseReturnValue:
    """Show the own hospital's connection sheet."""
    return render_template(
        "admin_connection.html",
        view=queries.organisation(scope, queries.own_cell(scope).organisation_id),
        host=settings().dicom_host,
        entities=queries.entities(scope),
        back={"href": LIST, "label": "AE titles"},
        words=words,
    )
