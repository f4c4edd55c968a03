"""The users of an organisation: list, invite, disable. Administrators see their own; the platform's see all."""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from sidecar.accounts import rules, service
from sidecar.adapters.redis import wake_worker
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import GRANTS, Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Missing
from sidecar.organisations import queries

bp = Blueprint("users", __name__)

MANAGE = Permission.USER_MANAGE
ROLE_WORDS = {
    Role.ADMIN: "Administrator: users, senders, audit",
    Role.MANAGER: "Manager: assigns studies, sets priorities",
    Role.RADIOLOGIST: "Radiologist: reads, reports, signs",
    Role.TECHNICIAN: "Technician: senders, priorities",
    Role.VIEWER: "Viewer: studies and reports, nothing else",
}


class InvitationForm(BaseModel):
    """Who is invited, as what."""

    model_config = ConfigDict(extra="ignore")
    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(rules.email_address)]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    role: Role


def _organisation_id(scope: Scope) -> UUID:
    """Return whose users the page is about: ``?organisation=`` for the platform, else one's own."""
    named = request.values.get("organisation", "")
    if not named:
        return scope.organisation_id
    try:
        wanted = UUID(named)
    except ValueError:
        raise Missing from None
    if wanted != scope.organisation_id and scope.actor.kind is not OrganisationKind.PLATFORM:
        raise Missing
    return wanted


def _roles(kind: str) -> list[tuple[str, str]]:
    return [(role.value, words) for role, words in ROLE_WORDS.items() if (OrganisationKind(kind), role) in GRANTS]


def _page(scope: Scope, filled: Filled[InvitationForm], *, link: str = "", invited: str = "") -> str:
    owner = queries.organisation(scope, _organisation_id(scope)).organisation
    return render_template(
        "admin_users.html",
        organisation=owner,
        users=service.list_users(scope, owner.id),
        roles=_roles(owner.kind),
        own_id=scope.actor.user_id,
        elsewhere=owner.id != scope.actor.organisation_id,
        values={"email": "", "name": "", "role": "", **filled.values},
        errors=filled.errors,
        link=link,
        invited=invited,
    )


@route(bp, "/admin/users", needs=MANAGE)
def users(scope: Scope) -> ResponseReturnValue:
    """List the users and show the invitation form."""
    return _page(scope, Filled(None, {}))


@route(bp, "/admin/users", needs=MANAGE, methods=("POST",))
def invite(scope: Scope) -> ResponseReturnValue:
    """Invite somebody and show the single-use link, this once."""
    filled = read(InvitationForm, request.form)
    if filled.value is None:
        return _page(scope, filled), 400
    form = filled.value
    owner = queries.organisation(scope, _organisation_id(scope)).organisation
    if (OrganisationKind(owner.kind), form.role) not in GRANTS:
        return _page(scope, filled.refused("role", "Choose one from the list.")), 400
    try:
        with tentatively(scope):
            user, token = service.invite_user(scope, organisation_id=owner.id, email=form.email, name=form.name, role=form.role)
    except Conflict as problem:
        return _page(scope, filled.refused("email", problem.message)), problem.status
    origin = current_app.extensions["readingroom.settings"].public_url
    return _page(scope, Filled(None, {}), link=f"{origin}/invitation/{token}", invited=user.name)


@route(bp, "/admin/users/<uuid:user_id>/disable", needs=MANAGE, methods=("POST",))
def disable(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Shut an account; the next page offers to open it again."""
    user = service.disable_user(scope, user_id)
    scope.after_commit(lambda: wake_worker(current_app.extensions["readingroom.redis"]))
    _tell(f"{user.name} can no longer sign in.", undo=f"/admin/users/{user_id}/enable", organisation=user.organisation_id)
    return redirect(f"/admin/users?organisation={user.organisation_id}")


@route(bp, "/admin/users/<uuid:user_id>/enable", needs=MANAGE, methods=("POST",))
def enable(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Open an account again."""
    user = service.enable_user(scope, user_id)
    _tell(f"{user.name} can sign in again.")
    return redirect(f"/admin/users?organisation={user.organisation_id}")


def _tell(text: str, *, undo: str = "", **fields: object) -> None:
    flash({"text": text, "undo": undo, "fields": {name: str(value) for name, value in fields.items()}}, "ok")  # type: ignore[arg-type]
