"""What an organisation's administrator decides about ways in: limits and own networks, single sign-on, everybody's API keys."""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from sidecar.accounts import keys
from sidecar.accounts.asking import seal
from sidecar.accounts.keys_web import shut_in_cells
from sidecar.accounts.sso import service as sso
from sidecar.accounts.stepup import need_fresh
from sidecar.adapters.oidc import OidcProvider, Unproved
from sidecar.adapters.outbound import OwnGround
from sidecar.gate.catalogue import MEANING
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.organisations import limits
from sidecar.ui.outcome import tell

bp = Blueprint("security", __name__)
MANAGE = Permission.SECURITY_MANAGE
OrNothing = BeforeValidator(lambda text: text or None)
"""Nothing written: as the house has it."""
Text = StringConstraints(strip_whitespace=True, min_length=1, max_length=500)


class LimitsForm(BaseModel):
    """Budgets and networks, one network a line."""

    model_config = ConfigDict(extra="ignore")
    signed_in: Annotated[Annotated[int, Field(ge=limits.SIGNED_IN[0], le=limits.SIGNED_IN[1])] | None, OrNothing] = None
    uploads: Annotated[Annotated[int, Field(ge=limits.UPLOADS[0], le=limits.UPLOADS[1])] | None, OrNothing] = None
    networks: Annotated[str, Field(max_length=2000)] = ""
    network_authentication: Annotated[int, Field(ge=limits.NETWORK_AUTHENTICATION[0], le=limits.NETWORK_AUTHENTICATION[1])]
    network_anonymous: Annotated[int, Field(ge=limits.NETWORK_ANONYMOUS[0], le=limits.NETWORK_ANONYMOUS[1])]


class SsoForm(BaseModel):
    """An OpenID Connect provider; an empty secret keeps the one that is there."""

    model_config = ConfigDict(extra="ignore")
    issuer: Annotated[str, Text]
    client_id: Annotated[str, Text]
    client_secret: Annotated[str, Field(max_length=1000)] = ""
    required: bool = False
    trusted_proofs: Annotated[str, Field(max_length=500)] = ""


@route(bp, "/admin/security", needs=MANAGE)
def security(scope: Scope) -> ResponseReturnValue:
    """Show how the organisation's people and programs get in."""
    return _page(scope)


@route(bp, "/admin/security/limits", needs=MANAGE, methods=("POST",))
def security_limits(scope: Scope) -> ResponseReturnValue:
    """Set budgets and own networks."""
    filled = read(LimitsForm, request.form)
    if filled.value is None:
        return _page(scope, limits_form=filled), 400
    form = filled.value
    try:
        with tentatively(scope):
            limits.set_limits(
                scope, signed_in=form.signed_in, uploads=form.uploads, networks=form.networks.split(),
                network_authentication=form.network_authentication, network_anonymous=form.network_anonymous,
            )  # fmt: skip
    except Invalid as problem:
        return _page(scope, limits_form=filled.refused("networks", problem.message)), 400
    scope.after_commit(current_app.extensions["readingroom.limits"][1].forget)
    return _done("The limits hold within a quarter of a minute.")


@route(bp, "/admin/security/sso", needs=MANAGE, methods=("POST",))
def security_sso(scope: Scope) -> ResponseReturnValue:
    """Set the provider, once it has answered."""
    need_fresh(scope)
    filled = read(SsoForm, request.form)
    if filled.value is None:
        return _page(scope, sso_form=filled), 400
    form = filled.value
    try:
        with tentatively(scope):
            sso.set_provider(
                scope, seal(), issuer=form.issuer, client_id=form.client_id, client_secret=form.client_secret,
                required=form.required, trusted_proofs=form.trusted_proofs.split(),
            )  # fmt: skip
            _ask_provider(scope)
    except Invalid as problem:
        scope.session.expire_all()
        return _page(scope, sso_form=filled.refused("issuer", problem.message)), 400
    return _done("Single sign-on is set. Try it in another browser before you sign out here.")


def _ask_provider(scope: Scope) -> None:
    """Let the provider as set now answer once; raise Invalid when it does not, or calls itself otherwise."""
    settings = current_app.extensions["readingroom.settings"]
    scope.session.flush()
    try:
        OidcProvider(sso.client_of(scope, seal(), public_url=settings.public_url), OwnGround.of(settings))
    except Unproved as error:
        raise Invalid(f"Not kept: {error}.") from error


@route(bp, "/admin/security/sso/<uuid:organisation_id>/remove", needs=MANAGE, methods=("POST",))
def security_sso_remove(scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Go back to passwords."""
    need_fresh(scope)
    sso.remove_provider(scope, organisation_id)
    return _done("Everybody signs in with the password again.")


@route(bp, "/admin/security/keys/<uuid:key_id>/revoke", needs=MANAGE, methods=("POST",))
def security_revoke_key(scope: Scope, key_id: UUID) -> ResponseReturnValue:
    """Take somebody's key back."""
    key = keys.revoke_any(scope, key_id)
    shut_in_cells(scope, key)
    return _done(f"The key “{key.name}” opens nothing any more.")


def _page(scope: Scope, *, limits_form: Filled[LimitsForm] | None = None, sso_form: Filled[SsoForm] | None = None) -> str:
    settings, provider = limits.settings_of(scope), sso.provider_of(scope)
    public_url = current_app.extensions["readingroom.settings"].public_url
    now = {
        "signed_in": settings.signed_in or "", "uploads": settings.uploads or "", "networks": "\n".join(settings.networks),
        "network_authentication": settings.network_authentication, "network_anonymous": settings.network_anonymous,
    }  # fmt: skip
    known = {
        "issuer": provider.issuer if provider else "", "client_id": provider.client_id if provider else "",
        "required": provider is not None and provider.required,
        "trusted_proofs": " ".join(provider.trusted_proofs) if provider else "",
    }  # fmt: skip
    return render_template(
        "admin_security.html",
        house=current_app.extensions["readingroom.settings"].budgets,
        limits={**now, **(limits_form.values if limits_form else {})},
        limit_errors=limits_form.errors if limits_form else {},
        provider=provider,
        others=[each for each in sso.all_providers(scope) if each[0].organisation_id != scope.organisation_id],
        sso={**known, **(sso_form.values if sso_form else {})},
        sso_errors=sso_form.errors if sso_form else {},
        callback=sso.callback_url(public_url, scope.organisation_id),
        entrance=f"{public_url}/sso/{scope.organisation_id}",
        keys=keys.all_keys(scope),
        meaning={each.value: words for each, words in MEANING.items()},
    )


def _done(text: str) -> ResponseReturnValue:
    tell(text)
    return redirect("/admin/security")
