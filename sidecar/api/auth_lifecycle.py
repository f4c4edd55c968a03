"""JSON: ``/api/auth``: what somebody may ask for who cannot sign in yet. Answers do not tell which addresses have an account."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from sidecar.accounts import guests
from sidecar.gate import api
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Asked, Told
from sidecar.gate.scope import Scope

bp = Blueprint("api_auth_lifecycle", __name__)

Email = Annotated[str, Field(min_length=3, max_length=254)]
Password = Annotated[str, Field(min_length=1, max_length=1024)]
Link = Annotated[str, Field(min_length=1, max_length=200, description="The last part of the address in the mail.")]
PUBLIC = Permission.PUBLIC
REFUSALS = (429, 503)


class Registration(Asked):
    """Who asks for an account; ``code`` is the organisation's."""

    code: Annotated[str, Field(min_length=1, max_length=100)]
    email: Email
    name: Annotated[str, Field(min_length=1, max_length=120)]
    password: Password


class Forgotten(Asked):
    """Whose password is forgotten."""

    email: Email


class NewPassword(Asked):
    """The new password, with what came by mail."""

    token: Link
    password: Password


class Verification(Asked):
    """What came by mail."""

    token: Link


class Verified(Told):
    """What the link was for: ``registration`` or ``email``."""

    purpose: str


@api.route(
    bp, "/api/auth/register", needs=PUBLIC, methods=("POST",), body=Registration, answer=Told, status=202, csrf=False,
    refusals=REFUSALS,
)  # fmt: skip
def auth_register(scope: Scope, body: Registration) -> Told:
    """Ask for an account: a mail leads on, and then somebody of the organisation lets you in."""
    del scope
    guests.register(code=body.code, email=body.email, name=body.name, password=body.password)
    return Told()


@api.route(
    bp, "/api/auth/forgot", needs=PUBLIC, methods=("POST",), body=Forgotten, answer=Told, status=202, csrf=False,
    refusals=REFUSALS,
)  # fmt: skip
def auth_forgot(scope: Scope, body: Forgotten) -> Told:
    """Ask for a link to choose a new password. It is sent if there is such an account."""
    del scope
    guests.forgot(email=body.email)
    return Told()


@api.route(
    bp, "/api/auth/reset", needs=PUBLIC, methods=("POST",), body=NewPassword, answer=Told, csrf=False, refusals=(404, *REFUSALS)
)
def auth_reset(scope: Scope, body: NewPassword) -> Told:
    """Choose a new password by the link of the mail. It signs nobody in; every session of the account ends."""
    del scope
    guests.reset_password(token=body.token, password=body.password)
    return Told()


@api.route(
    bp, "/api/auth/verify", needs=PUBLIC, methods=("POST",), body=Verification, answer=Verified, csrf=False,
    refusals=(404, *REFUSALS),
)  # fmt: skip
def auth_verify(scope: Scope, body: Verification) -> Verified:
    """Show by the link of the mail that the address is yours."""
    del scope
    return Verified(purpose=guests.verify(body.token).value)
