"""Contracts: both parties see theirs, the platform makes and ends them."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.gate.actor import OrganisationKind
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh_person
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.organisations import queries, service
from sidecar.organisations.forms import MODALITIES, ContractForm, EndForm, TermsForm
from sidecar.organisations.model import FINISHING_HOURS, READING_HOURS, Priors
from sidecar.organisations.web.blueprint import bp
from sidecar.ui.outcome import tell

MANAGE = Permission.ORGANISATION_MANAGE
PRIORS = [
    (Priors.NONE.value, "None"),
    (Priors.READ.value, "Those the group was given to read"),
    (Priors.ALL.value, "All of the patient's at this hospital"),
]


@route(bp, "/admin/contracts", needs=Permission.CONTRACT_READ)
def contracts(scope: Scope) -> ResponseReturnValue:
    """List the contracts this organisation is a party of; the platform sees all."""
    return render_template("admin_contracts.html", contracts=queries.contracts(scope), priors=PRIORS, today=scope.now.date())


@route(bp, "/admin/contracts/<uuid:contract_id>/terms", needs=MANAGE, methods=("POST",))
def set_terms(scope: Scope, contract_id: UUID) -> ResponseReturnValue:
    """Change how long after sign-off the readers see a study, which older ones, and how long they may finish."""
    contract = queries.contract(scope, contract_id)
    filled = read(TermsForm, request.form)
    if filled.value is None:
        raise Invalid("Write from 1 to 8760 hours, from 0 to 720 to finish, and choose the older studies from the list.")
    need_fresh_person(scope)
    earlier = {name: str(getattr(contract, name)) for name in TermsForm.model_fields}
    service.set_terms(scope, contract_id, **filled.value.model_dump())
    tell("The terms hold for what is signed and routed from now on.", undo=f"/admin/contracts/{contract_id}/terms", **earlier)
    return redirect("/admin/contracts")


def _form(scope: Scope, filled: Filled[ContractForm]) -> str:
    start: dict[str, Any] = {
        "provider_id": request.args.get("provider", ""),
        "reading_id": request.args.get("reader", ""),
        "modalities": [],
        "stat": 60,
        "urgent": 240,
        "routine": 1440,
        "reading_hours": READING_HOURS,
        "priors": Priors.READ.value,
        "finishing_hours": FINISHING_HOURS,
        "starts_on": scope.now.date().isoformat(),
    }
    return render_template(
        "admin_contract_form.html",
        values={**start, **filled.values},
        errors=filled.errors,
        providers=queries.choices(scope, OrganisationKind.PROVIDER),
        readers=queries.choices(scope, OrganisationKind.READING_GROUP),
        modalities=MODALITIES,
        priors=PRIORS,
    )


@route(bp, "/admin/contracts/new", needs=MANAGE)
def new_contract(scope: Scope) -> ResponseReturnValue:
    """Show the form."""
    return _form(scope, Filled(None, {}))


@route(bp, "/admin/contracts", needs=MANAGE, methods=("POST",))
def add_contract(scope: Scope) -> ResponseReturnValue:
    """Make a contract."""
    filled = read(ContractForm, {**request.form.to_dict(), "modalities": request.form.getlist("modalities")})
    if filled.value is None:
        return _form(scope, filled), 400
    form = filled.value
    need_fresh_person(scope)  # it gives every new patient of a hospital to a group
    try:
        with tentatively(scope):
            service.create_contract(
                scope,
                provider_id=form.provider_id,
                reading_id=form.reading_id,
                modalities=form.modalities or None,
                turnaround_minutes=form.turnaround_minutes,
                starts_on=form.starts_on,
                reading_hours=form.reading_hours,
                priors=form.priors,
                finishing_hours=form.finishing_hours,
            )
    except Conflict as problem:
        return _form(scope, filled.refused("reading_id", problem.message)), problem.status
    tell("The contract was made. New studies are routed by it from its first day.")
    return redirect("/admin/contracts")


@route(bp, "/admin/contracts/<uuid:contract_id>/end", needs=MANAGE, methods=("POST",))
def end_contract(scope: Scope, contract_id: UUID) -> ResponseReturnValue:
    """Set or take back the last day."""
    filled = read(EndForm, request.form)
    if filled.value is None:
        raise Invalid(filled.errors["ends_on"])
    earlier = queries.contract(scope, contract_id).ends_on
    need_fresh_person(scope)
    contract = service.end_contract(scope, contract_id, ends_on=filled.value.ends_on)
    told = f"The contract ends on {contract.ends_on}." if contract.ends_on else "The contract has no last day."
    tell(told, undo=f"/admin/contracts/{contract_id}/end", ends_on=earlier.isoformat() if earlier else "")
    return redirect("/admin/contracts")
