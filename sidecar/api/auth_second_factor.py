"""JSON: ``/api/auth/2fa``: the second factor when signing in, again before what is dear, and changing it."""

from typing import Annotated
from uuid import UUID

from flask import Blueprint
from pydantic import Field

from sidecar.accounts import events, programs, second_factor, sessions, tokens
from sidecar.accounts.asking import redis, seal
from sidecar.accounts.service import get_user
from sidecar.accounts.stepup import need_fresh
from sidecar.api.auth import Code, Secret, Tokens, told
from sidecar.gate import api, limits
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Asked, Told
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Unauthenticated

bp = Blueprint("api_auth_second_factor", __name__)
MINE = Permission.SIGNED_IN
STEP_UP = (401, 403)


class Answered(Asked):
    """The challenge that a right password gave, and a code."""

    challenge: Secret
    code: Code


class Confirmation(Asked):
    """A code."""

    code: Code


class Factors(Told):
    """How the second factor stands."""

    authenticator: bool
    backup_codes_left: int


class NewAuthenticator(Told):
    """A new authenticator's secret, shown this once; it counts when a code of it was sent back."""

    secret: str
    uri: Annotated[str, Field(description="The otpauth:// link an authenticator reads.")]


class AuthenticatorProof(Asked):
    """The secret that was offered, and a code of it."""

    secret: Annotated[str, Field(min_length=16, max_length=64)]
    code: Code


class BackupCodes(Told):
    """Ten codes, shown this once; all earlier ones are void."""

    codes: list[str]


@api.route(
    bp, "/api/auth/2fa/verify", needs=Permission.PUBLIC, methods=("POST",), body=Answered, answer=Tokens, csrf=False,
    refusals=(401, 429, 503),
)  # fmt: skip
def auth_2fa_verify(scope: Scope, body: Answered) -> Tokens:
    """Answer a challenge with a code and get tokens."""
    del scope
    return told(programs.prove_code(programs.challenged(body.challenge), code=body.code))


@api.route(bp, "/api/auth/2fa", needs=MINE, answer=Factors)
def auth_2fa(scope: Scope) -> Factors:
    """Show how the second factor stands."""
    user = get_user(scope, scope.user_id)
    return Factors(authenticator=user.totp_sealed is not None, backup_codes_left=second_factor.codes_left(scope, user.id))


@api.route(bp, "/api/auth/2fa/confirm", needs=MINE, methods=("POST",), body=Confirmation, answer=Told, refusals=(401, 429, 503))
def auth_2fa_confirm(scope: Scope, body: Confirmation) -> Told:
    """Prove the second factor again: for five minutes what asks for it anew is open (code step-up)."""
    limits.count_account(str(scope.user_id))
    user = get_user(scope, scope.user_id)
    if not second_factor.verify(scope, seal(), user, code=body.code):
        raise Unauthenticated(programs.WRONG_CODE)
    scope.emit(events.Confirmed(organisation_id=user.organisation_id, user_id=user.id, factor="code"))
    if sessions.current_visit() is not None:
        sessions.confirm()
    elif not tokens.prove(scope, UUID(hex=scope.actor.session)):
        raise Unauthenticated("This sign-in has ended. Sign in again.")
    return Told()


@api.route(
    bp,
    "/api/auth/2fa/totp",
    needs=MINE,
    methods=("POST",),
    answer=NewAuthenticator,
    status=201,
    idempotent=True,
    refusals=STEP_UP,
    proof=need_fresh,
)
def auth_2fa_begin(scope: Scope) -> NewAuthenticator:
    """Offer a new authenticator's secret; nothing is kept until a code of it comes back."""
    secret, uri = second_factor.begin_totp(scope, seal())
    return NewAuthenticator(secret=secret, uri=uri)


@api.route(bp, "/api/auth/2fa/totp/enable", needs=MINE, methods=("POST",), body=AuthenticatorProof, answer=Told, refusals=STEP_UP)
def auth_2fa_enable(scope: Scope, body: AuthenticatorProof) -> Told:
    """Let the new authenticator take the place of the old one. Every other sign-in of yours ends."""
    second_factor.enable_totp(scope, seal(), redis(), secret=body.secret, code=body.code)
    return Told()


@api.route(
    bp, "/api/auth/2fa/backup-codes", needs=MINE, methods=("POST",), answer=BackupCodes, status=201, idempotent=True,
    refusals=STEP_UP, proof=need_fresh,
)  # fmt: skip
def auth_2fa_codes(scope: Scope) -> BackupCodes:
    """Make ten new backup codes."""
    return BackupCodes(codes=second_factor.backup_codes(scope))
