"""JSON: ``/api/users``: the people of an organisation. Administrators see their own; the platform's name another."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, current_app
from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import select

from sidecar.accounts import addresses, asking, guests, letters, members, policy, roles, rules, service
from sidecar.accounts.tables import User
from sidecar.gate import api
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.paging import After, cut, newest_first
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Asked, Paging, Shown, Told
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh_person
from sidecar.kernel.errors import Missing
from sidecar.organisations import queries as organisations

bp = Blueprint("api_users", __name__)
MANAGE = Permission.USER_MANAGE
Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=6, max_length=254),
    AfterValidator(rules.email_address),
    Field(json_schema_extra={"format": "email"}),
]


class State(StrEnum):
    """How far an account is: nobody came yet, in use, shut."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


STATES: dict[State, Any] = {
    State.INVITED: User.disabled_at.is_(None) & User.password_hash.is_(None),
    State.ACTIVE: User.disabled_at.is_(None) & User.password_hash.is_not(None),
    State.DISABLED: User.disabled_at.is_not(None),
}


class UserShown(Shown):
    """A person. ``waiting_role``: a change of role that a second person must still accept."""

    id: UUID
    organization_id: UUID
    email: str
    name: str
    role: Role
    state: State
    second_factor: Annotated[bool, Field(description="Whether an authenticator is set up.")]
    waiting_role: Role | None
    created_at: datetime


class UserAnswer(Told):
    """One person."""

    user: UserShown


class InvitedAnswer(UserAnswer):
    """Who was invited. ``invitation`` is the single-use link to hand over where no mail leaves the house, else null."""

    invitation: str | None


class UsersAnswer(Told):
    """A page of people, the newest accounts first; ``next`` is the cursor of the following one."""

    users: list[UserShown]
    next: str | None


class UsersAsked(Paging):
    """Which people."""

    organization_id: Annotated[UUID | None, Field(description="For the platform: whose.")] = None
    role: Role | None = None
    state: State | None = None


class NewUser(Asked):
    """Who is invited, as what, and for the platform: where."""

    email: Address
    name: rules.PersonName
    role: Role
    organization_id: UUID | None = None


class UserChange(Asked):
    """What an administrator may change. A role waits for a second person, unless the platform asks."""

    role: Role
    disabled: bool


def _owner(scope: Scope, named: UUID | None) -> UUID:
    if named not in {None, scope.actor.organisation_id} and scope.actor.kind is not OrganisationKind.PLATFORM:
        raise Missing
    return organisations.organisation(scope, named or scope.organisation_id).organisation.id


def _shown(scope: Scope, user: User, waiting: dict[UUID, str]) -> UserShown:
    state = State.DISABLED if user.disabled_at else State.ACTIVE if user.password_hash else State.INVITED
    return UserShown(
        id=user.id,
        organization_id=user.organisation_id,
        email=addresses.of(scope, asking.seal(), user),
        name=user.name,
        role=Role(user.role),
        state=state,
        second_factor=user.totp_sealed is not None,
        waiting_role=Role(waiting[user.id]) if user.id in waiting else None,
        created_at=user.created_at,
    )


def _waiting(scope: Scope, organisation_id: UUID) -> dict[UUID, str]:
    return {change.user_id: change.role_after for change in roles.waiting(scope, organisation_id)}


@api.route(bp, "/api/users", needs=MANAGE, query=UsersAsked, answer=UsersAnswer, refusals=(404,))
def list_users(scope: Scope, query: UsersAsked) -> UsersAnswer:
    """List the people of an organisation."""
    owner = _owner(scope, query.organization_id)
    people = select(User).where(User.organisation_id == owner, User.deleted_at.is_(None))
    people = people.where(User.role == query.role) if query.role else people
    people = people.where(STATES[query.state]) if query.state else people
    found = scope.session.scalars(newest_first(people, query, User.created_at, User.id)).all()
    rows, following = cut(query, found, lambda each: After(each.created_at, each.id))
    waiting = _waiting(scope, owner)
    return UsersAnswer(users=[_shown(scope, each, waiting) for each in rows], next=following)


@api.route(
    bp,
    "/api/users",
    needs=MANAGE,
    methods=("POST",),
    body=NewUser,
    answer=InvitedAnswer,
    status=201,
    idempotent=True,
    refusals=(401, 404, 409),
    proof=need_fresh_person,
)
def invite_user(scope: Scope, body: NewUser) -> InvitedAnswer:
    """Invite somebody: by mail, or by a link in the answer where no mail leaves the house."""
    owner = organisations.organisation(scope, _owner(scope, body.organization_id)).organisation
    policy.need_may_give(scope.actor, body.role, kind=owner.kind)
    user, token = service.invite_user(
        scope, asking.seal(), organisation_id=owner.id, email=body.email, name=body.name, role=body.role
    )
    office, path = guests.office(), f"/invitation/{token}"
    if office.mails:
        office.write_to(scope, user, letters.invitation(user.name, owner.name), path=path)
    link = None if office.mails else current_app.extensions["readingroom.settings"].public_url + path
    return InvitedAnswer(user=_shown(scope, user, {}), invitation=link)


@api.route(bp, "/api/users/<uuid:user_id>", needs=MANAGE, answer=UserAnswer, etag=True)
def show_user(scope: Scope, user_id: UUID) -> UserAnswer:
    """Show one."""
    user = members.present(scope, user_id)
    return UserAnswer(user=_shown(scope, user, _waiting(scope, user.organisation_id)))


@api.route(
    bp,
    "/api/users/<uuid:user_id>",
    needs=MANAGE,
    methods=("PUT",),
    body=UserChange,
    answer=UserAnswer,
    etag=show_user,
)
def change_user(scope: Scope, user_id: UUID, body: UserChange) -> UserAnswer:
    """Change role and shut or open the account; whoever loses a role or the account is out at every door."""
    user = members.present(scope, user_id)
    if body.disabled and user.disabled_at is None:
        members.disable(scope, guests.office(), user_id)
    if not body.disabled and user.disabled_at is not None:
        members.enable(scope, user_id)
    if body.role != user.role:
        roles.ask(scope, guests.office(), user_id, role=body.role)
    return show_user(scope, user_id)


@api.route(bp, "/api/users/<uuid:user_id>", needs=MANAGE, methods=("DELETE",), answer=Told, etag=show_user)
def delete_user(scope: Scope, user_id: UUID) -> Told:
    """Take an account away for good; what the person did keeps their name and id."""
    members.delete_user(scope, guests.office(), user_id)
    return Told()
