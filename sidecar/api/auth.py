"""JSON: ``/api/auth``: a program signs in for a person, stays signed in, signs out.

Password first, then the second factor: a right password alone gives a ``challenge``, which opens nothing but the question for
the code (``/api/auth/2fa/verify``). Only the two together give an access token (10 min) and a refresh token (used once).
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from flask import Blueprint
from pydantic import Field

from sidecar.accounts import opaque, programs, tokens
from sidecar.accounts.programs import SignedInProgram
from sidecar.accounts.tokens import Outcome
from sidecar.adapters.access_tokens import LIFE
from sidecar.gate import api
from sidecar.gate.http import current_actor
from sidecar.gate.permissions import Permission, permissions_of
from sidecar.gate.requests import Asked, Told
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Unauthenticated
from sidecar.organisations import queries as organisations

bp = Blueprint("api_auth", __name__)

SPENT = "This refresh token opens nothing any more. Sign in again."
RACED = "Another request has just exchanged this token: go on with the tokens it was given."

Secret = Annotated[str, Field(min_length=1, max_length=1024)]
Code = Annotated[str, Field(max_length=40, description="Of the authenticator, or one of the printed backup codes.")]


class SignIn(Asked):
    """Who signs in. With ``code`` both factors are given at once."""

    email: Annotated[str, Field(min_length=3, max_length=254)]
    password: Secret
    code: Code = ""


class Tokens(Told):
    """What a program goes on with. ``challenge`` stands instead of tokens when the second factor is still to come."""

    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme (RFC 6750)
    access_token: str | None = None
    expires_in: Annotated[int, Field(description="Seconds the access token, or the challenge, is good for.")]
    refresh_token: str | None = None
    challenge: str | None = None


class Refresh(Asked):
    """The refresh token, once."""

    refresh_token: Secret


class Me(Told):
    """Who asks, and what they may do here."""

    id: UUID | None
    name: str
    role: str
    organization_id: UUID
    organization: str
    organization_kind: str
    permissions: list[str]
    proved_at: Annotated[datetime | None, Field(description="When the second factor was proved; null for an API key.")]


def told(program: SignedInProgram) -> Tokens:
    """Return a program's tokens as an answer."""
    return Tokens(access_token=program.access, refresh_token=program.refresh.text, expires_in=int(LIFE.total_seconds()))


@api.route(
    bp, "/api/auth/login", needs=Permission.PUBLIC, methods=("POST",), body=SignIn, answer=Tokens, csrf=False,
    refusals=(401, 403, 429, 503),
)  # fmt: skip
def auth_login(scope: Scope, body: SignIn) -> Tokens:
    """Sign in with e-mail address and password, and then the second factor."""
    del scope  # each step opens the walls it needs
    proved = programs.prove_password(email=body.email, password=body.password)
    if body.code:
        return told(programs.prove_code(proved, code=body.code))
    challenge, seconds = programs.challenge(proved)
    return Tokens(challenge=challenge, expires_in=seconds)


@api.route(
    bp, "/api/auth/refresh", needs=Permission.PUBLIC, methods=("POST",), body=Refresh, answer=Tokens, csrf=False,
    refusals=(401, 409, 429, 503),
)  # fmt: skip
def auth_refresh(scope: Scope, body: Refresh) -> Tokens:
    """Exchange a refresh token for the next one and a new access token. It works once; a second use ends the sign-in."""
    presented = opaque.read(tokens.PREFIX, body.refresh_token)
    if presented is None:
        raise Unauthenticated(SPENT)
    outcome, program = programs.refresh(presented, arrived_at=scope.now)
    if outcome is Outcome.RACED:
        raise Conflict(RACED)
    if program is None:
        raise Unauthenticated(SPENT)
    return told(program)


@api.route(bp, "/api/auth/logout", needs=Permission.SIGNED_IN, methods=("POST",), answer=Told)
def auth_logout(scope: Scope) -> Told:
    """Sign out: this program's tokens, or this browser's session, open nothing any more."""
    programs.sign_out(scope)
    return Told()


@api.route(bp, "/api/auth/me", needs=Permission.PUBLIC, answer=Me, refusals=(401,))
def auth_me(scope: Scope) -> Me:
    """Show who asks: a person signed in, or the key of one."""
    actor = current_actor()
    if actor.role is None or actor.kind is None:
        raise Unauthenticated("Please sign in.")
    house = organisations.organisation(scope, scope.organisation_id).organisation
    return Me(
        id=actor.user_id, name=actor.name, role=actor.role.value, organization_id=house.id, organization=house.name,
        organization_kind=actor.kind.value, permissions=sorted(permissions_of(actor)), proved_at=actor.fresh_at,
    )  # fmt: skip
