"""Acts on people of an organisation: approve newcomers, change roles by two people, delete, hand a link over.

Managers approve and decide; what changes somebody alone is the administrators'. The platform does both, everywhere.
"""

from uuid import UUID

from flask import Blueprint, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict

from sidecar.accounts import addresses, asking, codes, guests, members, registration, reset, roles, seconds
from sidecar.accounts.member_tables import RoleChange
from sidecar.accounts.stepup import need_fresh
from sidecar.accounts.users_web import MANAGE, page, people_page, role_words, whose
from sidecar.gate.actor import Role
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.organisations import queries
from sidecar.ui.outcome import tell

bp = Blueprint("members", __name__)

APPROVE = Permission.USER_APPROVE
NOBODY_ELSE = "Nobody here can be that person for you; ask the platform's administrator, who can."


class RoleForm(BaseModel):
    """One role, and nothing else that a form might bring along."""

    model_config = ConfigDict(extra="ignore")
    role: Role


@route(bp, "/admin/users/registrations/<uuid:registration_id>/approve", needs=APPROVE, methods=("POST",))
def approve(scope: Scope, registration_id: UUID) -> ResponseReturnValue:
    """Let somebody in with a role; where no mail leaves this house, show the link to hand over."""
    form = _role()
    need_fresh(scope)
    user, token = registration.approve(scope, guests.office(), registration_id, role=form.role)
    if guests.office().mails:
        tell(f"{user.name} is in, and has mail: an authenticator is still missing.")
        return redirect(people_page(user.organisation_id))
    return page(scope, Filled(None, {}), owner_id=user.organisation_id, link=f"{_origin()}/invitation/{token}", invited=user.name)


@route(bp, "/admin/users/registrations/<uuid:registration_id>/decline", needs=APPROVE, methods=("POST",))
def decline(scope: Scope, registration_id: UUID) -> ResponseReturnValue:
    """Send somebody away."""
    owner = whose(scope)
    name = registration.decline(scope, guests.office(), registration_id)
    tell(f"{name} gets no account.")
    return redirect(people_page(owner))


@route(bp, "/admin/users/role-changes/<uuid:change_id>", needs=APPROVE, methods=("POST",))
def decide_role(scope: Scope, change_id: UUID) -> ResponseReturnValue:
    """Decide, as the second person, on a change of role."""
    change = roles.decide(scope, guests.office(), change_id, accept=request.form.get("decision") == "accept")
    name = members.present(scope, change.user_id).name
    tell(f"{name} is {change.role_after} now." if change.accepted else f"{name} stays {change.role_before}.")
    return redirect(people_page(change.organisation_id))


@route(bp, "/admin/users/<uuid:user_id>", needs=MANAGE)
def member(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Show one person and what can be done."""
    return _person(scope, user_id)


@route(bp, "/admin/users/<uuid:user_id>/role", needs=MANAGE, methods=("POST",))
def ask_role(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Ask for another role; a second person decides, unless the platform asks."""
    form = _role()
    try:
        with tentatively(scope):
            change = roles.ask(scope, guests.office(), user_id, role=form.role)
    except Conflict as problem:
        return _person(scope, user_id, error=problem.message), problem.status
    tell(_asked(scope, change))
    return redirect(people_page(change.organisation_id))


@route(bp, "/admin/users/<uuid:user_id>/delete", needs=MANAGE, methods=("POST",))
def delete(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Delete an account for good."""
    user = members.delete_user(scope, guests.office(), user_id)
    tell(f"The account of {user.name} is deleted. What they signed stays as it is.")
    return redirect(people_page(user.organisation_id))


@route(bp, "/admin/users/<uuid:user_id>/reset-link", needs=MANAGE, methods=("POST",))
def reset_link(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Show a link to choose a new password, this once, where no mail leaves this house."""
    need_fresh(scope)
    token = reset.hand_over(scope, guests.office(), user_id)
    return _person(scope, user_id, link=f"{_origin()}/reset/{token}")


@route(bp, "/admin/users/code", needs=MANAGE, methods=("POST",))
def new_code(scope: Scope) -> ResponseReturnValue:
    """Make a code to register with, or withdraw it."""
    owner = queries.organisation(scope, whose(scope)).organisation
    if request.form.get("act") == "withdraw":
        codes.withdraw(scope, owner.id)
        tell("Nobody can register any more. Those who wait are still here.")
    else:
        codes.make(scope, owner.id)
        tell("This is the new code; the one before opens nothing any more.")
    return redirect(people_page(owner.id))


def _person(scope: Scope, user_id: UUID, *, link: str = "", error: str = "") -> str:
    person = members.present(scope, user_id)
    owner = queries.organisation(scope, person.organisation_id).organisation
    waiting = [each for each in roles.waiting(scope, owner.id) if each.user_id == user_id]
    return render_template(
        "admin_user.html",
        person=person,
        email=addresses.of(scope, asking.seal(), person),
        organisation=owner,
        roles=role_words(owner.kind),
        own=user_id == scope.actor.user_id,
        people=people_page(owner.id),
        waiting=waiting[0] if waiting else None,
        mails=guests.office().mails,
        link=link,
        error=error,
    )


def _asked(scope: Scope, change: RoleChange) -> str:
    name = members.present(scope, change.user_id).name
    if change.accepted:
        return f"{name} is {change.role_after} now."
    said = f"A second person decides whether {name} becomes {change.role_after}."
    return said if seconds.deciders(scope, change) else f"{said} {NOBODY_ELSE}"


def _role() -> RoleForm:
    filled = read(RoleForm, request.form)
    if filled.value is None:
        raise Invalid("Choose a role from the list.")
    return filled.value


def _origin() -> str:
    return str(current_app.extensions["readingroom.settings"].public_url)
