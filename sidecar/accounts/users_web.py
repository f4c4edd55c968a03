"""The users of an organisation: list, invite, disable. Administrators see their own; the platform's see all."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from flask import Blueprint, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from sidecar.accounts import (
    addresses,
    asking,
    codes,
    guests,
    letters,
    members,
    policy,
    registration,
    roles,
    rules,
    seconds,
    service,
)
from sidecar.accounts.stepup import need_fresh
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied, Invalid, Missing
from sidecar.mail.service import trouble
from sidecar.organisations import queries
from sidecar.ui.outcome import tell

bp = Blueprint("users", __name__)

MANAGE = Permission.USER_MANAGE
ROLE_WORDS = {
    Role.ADMIN: "Administrator: users, senders, audit",
    Role.MANAGER: "Manager: assigns studies, sets priorities",
    Role.RADIOLOGIST: "Radiologist: reads, reports, signs",
    Role.TECHNICIAN: "Technician: senders, priorities",
    Role.VIEWER: "Viewer: studies and reports shared with them, nothing else",
}


class InvitationForm(BaseModel):
    """Who is invited, as what."""

    model_config = ConfigDict(extra="ignore")
    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(rules.email_address)]
    name: rules.PersonName
    role: Role


def whose(scope: Scope) -> UUID:
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


def people_page(organisation_id: UUID) -> str:
    """Return the address of an organisation's people."""
    return f"/admin/users?organisation={organisation_id}"


def role_words(kind: str, only: Sequence[Role] = tuple(Role)) -> list[tuple[str, str]]:
    """Return the roles to choose from, with what each may do."""
    return [(role.value, words) for role, words in ROLE_WORDS.items() if role in only and policy.exists(role, kind)]


def page(scope: Scope, filled: Filled[InvitationForm], *, owner_id: UUID | None = None, link: str = "", invited: str = "") -> str:
    """Draw the list, with what waits for a decision and the invitation form."""
    owner = queries.organisation(scope, owner_id or whose(scope)).organisation
    people, newcomers = service.list_users(scope, owner.id), registration.waiting(scope, owner.id)
    changes = roles.waiting(scope, owner.id)
    return render_template(
        "admin_users.html",
        organisation=owner,
        users=people,
        names={each.id: each.name for each in people},
        registrations=newcomers,
        addresses=addresses.by_id(scope, asking.seal(), [*people, *newcomers]),
        changes=changes,
        dependent={each.id: seconds.dependence(scope, each) for each in changes},
        code=codes.code_of(scope, owner.id),
        trouble=trouble(scope, owner.id),
        mails=guests.office().mails,
        roles=role_words(owner.kind, policy.may_give(scope.actor, owner.kind)),
        own_id=scope.actor.user_id,
        elsewhere=owner.id != scope.actor.organisation_id,
        values={"email": "", "name": "", "role": "", **filled.values},
        errors=filled.errors,
        link=link,
        invited=invited,
    )


@route(bp, "/admin/users", needs=Permission.USER_APPROVE)
def users(scope: Scope) -> ResponseReturnValue:
    """List the users and show the invitation form."""
    return page(scope, Filled(None, {}))


@route(bp, "/admin/users", needs=MANAGE, methods=("POST",))
def invite(scope: Scope) -> ResponseReturnValue:
    """Invite somebody: by mail, or where none leaves this house by a link shown this once."""
    filled = read(InvitationForm, request.form)
    if filled.value is None:
        return page(scope, filled), 400
    form = filled.value
    owner = queries.organisation(scope, whose(scope)).organisation
    need_fresh(scope)  # a role for somebody new is a role: a stolen session gives none
    try:
        policy.need_may_give(scope.actor, form.role, kind=owner.kind)
        with tentatively(scope):
            user, token = service.invite_user(
                scope, asking.seal(), organisation_id=owner.id, email=form.email, name=form.name, role=form.role
            )
    except (Invalid, Denied) as problem:
        return page(scope, filled.refused("role", problem.message)), problem.status
    except Conflict as problem:
        return page(scope, filled.refused("email", problem.message)), problem.status
    path = f"/invitation/{token}"
    office = guests.office()
    if office.mails:
        office.write_to(scope, user, letters.invitation(user.name, owner.name), path=path)
        tell(f"An invitation is on its way to {form.email}.")
        return redirect(people_page(owner.id))
    origin = current_app.extensions["readingroom.settings"].public_url
    return page(scope, Filled(None, {}), link=f"{origin}{path}", invited=user.name)


@route(bp, "/admin/users/<uuid:user_id>/disable", needs=MANAGE, methods=("POST",))
def disable(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Shut an account; the next page offers to open it again."""
    user = members.disable(scope, guests.office(), user_id)
    tell(f"{user.name} can no longer sign in.", undo=f"/admin/users/{user_id}/enable", organisation=user.organisation_id)
    return redirect(people_page(user.organisation_id))


@route(bp, "/admin/users/<uuid:user_id>/enable", needs=MANAGE, methods=("POST",))
def enable(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Open an account again."""
    user = members.enable(scope, user_id)
    tell(f"{user.name} can sign in again.")
    return redirect(people_page(user.organisation_id))
