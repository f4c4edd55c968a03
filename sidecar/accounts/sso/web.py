"""``/sso/<organisation>``: to the organisation's provider and back. What comes back counts once, in the session that asked."""

import hmac
import secrets
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, make_response, redirect, request, session
from flask.typing import ResponseReturnValue

from sidecar.accounts import events, sessions, visits
from sidecar.accounts.asking import next_page, redis, seal
from sidecar.accounts.programs import NO_FACTOR
from sidecar.accounts.sso import service
from sidecar.accounts.sso.events import SsoRefused
from sidecar.accounts.tables import User
from sidecar.adapters.oidc import Identity, OidcProvider, Question, Unproved
from sidecar.adapters.outbound import OwnGround
from sidecar.gate import limits
from sidecar.gate.actor import Actor
from sidecar.gate.http import request_id, route, scopes
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Busy, Denied, Missing

bp = Blueprint("sso", __name__, url_prefix="/sso")

WAITS = 600
"""Seconds from the way out to the way back."""
REMEMBERED = 365 * 24 * 3600
AGAIN = "Your organisation's sign-in was not completed. Begin again."
NOBODY_HERE = "Your organisation knows you, but you have no account here. Ask an administrator to invite you."


@route(bp, "/<uuid:organisation_id>", needs=Permission.PUBLIC)
def sso(_scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Send somebody to their organisation's provider."""
    question = Question(*(secrets.token_urlsafe(32) for _ in range(3)))
    try:
        url = _provider(organisation_id).sign_in_url(question)
    except Unproved as error:
        raise Busy(
            "Your organisation's sign-in page does not answer as it should. Try again, or tell your administrator."
        ) from error
    session["sso"] = [str(organisation_id), question.state, question.nonce, question.verifier, time.time(), next_page()]
    return redirect(url)


@route(bp, "/<uuid:organisation_id>/callback", needs=Permission.PUBLIC)
def sso_callback(_scope: Scope, organisation_id: UUID) -> ResponseReturnValue:
    """Take what the provider sent back; then the second factor, unless the provider's counts."""
    limits.count_attempt()
    question, after = _asked(organisation_id)
    identity = _identify(organisation_id, question)
    with _within(organisation_id) as asking:
        provider, user = service.provider_of(asking), service.admit(asking, seal(), identity)
        trusted = provider is not None and service.counts_as_second_factor(provider, identity)
        if user is not None and trusted:
            asking.emit(events.SignedIn(organisation_id=user.organisation_id, user_id=user.id))
    if user is None:
        raise Denied(NOBODY_HERE)
    if trusted:
        _begin(user, identity)
        return _remember(organisation_id, after)
    if user.totp_sealed is None:
        raise Denied(NO_FACTOR)
    sessions.half_open(user, next_page=after)
    return _remember(organisation_id, "/login/code")


def _remember(organisation_id: UUID, where: str) -> Response:
    """Lead on, and let this browser's sign-in page offer the organisation from now on.

    Not before its provider led to an account: else a link of ours would put a stranger's provider on anybody's sign-in page.
    """
    response = make_response(redirect(where))
    response.set_cookie(
        "sso", str(organisation_id), max_age=REMEMBERED, path="/login", httponly=True, samesite="Lax", secure=request.is_secure
    )
    return response


def _begin(user: User, identity: Identity) -> None:
    """Open the session. Its second factor is as fresh as the provider's, which may be from this morning, never from tomorrow."""
    sessions.begin(user)
    proved = identity.proved_at or datetime.fromtimestamp(0, UTC)
    visits.note_fresh(redis(), session["visit"], now=min(proved, scopes().clock()))


def _asked(organisation_id: UUID) -> tuple[Question, str]:
    """Return what this session asked the provider, once; Denied when it asked nothing, another, or too long ago."""
    kept: list[Any] | None = session.pop("sso", None)
    if kept is None or kept[0] != str(organisation_id) or time.time() - float(kept[4]) > WAITS:
        raise Denied(AGAIN)
    if not hmac.compare_digest(kept[1].encode(), request.args.get("state", "").encode()):
        raise Denied(AGAIN)
    return Question(*kept[1:4]), kept[5]


def _identify(organisation_id: UUID, question: Question) -> Identity:
    try:
        return _provider(organisation_id).identify(question, request.args, now=scopes().clock())
    except Unproved as error:
        with _within(organisation_id) as asking:
            asking.emit_refusal(SsoRefused(organisation_id=organisation_id, reason=str(error)))
        raise Denied(AGAIN) from error


def _provider(organisation_id: UUID) -> OidcProvider:
    """Return the organisation's provider, asked who it is; an organisation without one, and no organisation, are Missing."""
    settings = current_app.extensions["readingroom.settings"]
    with _within(organisation_id) as asking:
        if service.provider_of(asking) is None:
            raise Missing
        client = service.client_of(asking, seal(), public_url=settings.public_url)
    return OidcProvider(client, OwnGround.of(settings))


def _within(organisation_id: UUID) -> AbstractContextManager[Scope]:
    walls = Actor(None, organisation_id, None, None)
    return scopes().open(walls, request_id=request_id(), address=request.remote_addr or "")
