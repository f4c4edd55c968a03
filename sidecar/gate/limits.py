"""How many requests are let in: declared for nobody, asked of everybody, before anything else is done for them.

- An attempt to prove who one is (every unsafe route that asks for no sign-in) counts for the address it comes from and for the
  account it names, also when it succeeds. Without Redis nobody can be counted, so nobody gets in: 503.
- An upload (storing images) counts for the person and for the address.
- Everything else counts for the person who is signed in, or for the address. Without Redis it is let in: reading goes on.

The client's address is what nginx says; what a client claims about itself ends there.
"""

import hashlib
import json
from collections.abc import Callable
from typing import cast
from uuid import UUID

import structlog
from flask import Flask, Response, current_app, g, request
from redis.exceptions import RedisError

from sidecar.adapters.limiter import Count, Limiter, Window, address_key
from sidecar.gate.http import current_actor
from sidecar.gate.permissions import Permission
from sidecar.kernel.errors import Busy, TooMany
from sidecar.kernel.settings import Budgets

QUARTER, MINUTE = 900, 60
INSIDE = ("/intake/", "/edge/", "/health", "/metrics", "/static/")
"""Doors nobody outside reaches (nginx says 404, or asks them itself): one request of a person may be many of these."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LONG_SECRETS = frozenset({"/api/auth/refresh"})
"""Doors whose secret nobody guesses, and where a whole hospital's programs knock from one address: only refusals count for it."""
SECOND_STEP = ("/login/", "/api/auth/2fa/")
"""Doors of the second factor: counted for themselves, or who gives a password and a code would have made two attempts."""
REFUSED = frozenset({400, 401})
TOLD = ("/api/", "/dicom-web/")
"""Where programs ask: each answer says how many requests are left."""

Rulebook = Callable[[UUID | None, str], Budgets]
"""Returns the budgets of an organisation's people (None: of nobody) who ask from an address."""


def install_limits(app: Flask, limiter: Limiter, rules: Rulebook) -> None:
    """Count every request from now on, and tell programs how many they have left."""
    app.extensions["readingroom.limits"] = (limiter, rules)
    app.before_request(_count)
    app.after_request(_tell)


def count_account(name: str) -> None:
    """Count an attempt for an account, by whatever names it: an e-mail address, a person's or a family's id.

    Raises:
        TooMany: as many as there may be in a quarter of an hour. Busy: Redis does not answer.
    """
    key = hashlib.sha256(name.strip().lower().encode()).hexdigest()[:32]
    _enter_surely(Window("account", _house().authentication, QUARTER), key)


def count_attempt() -> None:
    """Count an attempt for the address: for the doors of sign-in that are asked with GET."""
    _enter_surely(Window("address", _budgets().authentication, QUARTER), _address())


def _count() -> None:
    if request.path.startswith(INSIDE):
        return
    needs = getattr(current_app.view_functions.get(request.endpoint or ""), "needs", None)
    if needs is Permission.PUBLIC and request.method not in SAFE:
        _count_authentication()
        return
    try:
        if needs is Permission.STUDY_STORE and request.method not in SAFE:
            _count_upload()
        _count_general()
    except RedisError as error:
        structlog.get_logger("limits").warning("requests are not counted", error=type(error).__name__)


def _count_authentication() -> None:
    name = "second step" if request.path.startswith(SECOND_STEP) else "address"
    window = Window(name, _budgets().authentication, QUARTER)
    if request.path in LONG_SECRETS:
        _look_surely(window, _address())
        g.counts_if_refused = window
    else:
        _enter_surely(window, _address())
    named = _named_account()
    if named:
        count_account(named)


def _named_account() -> str:
    """Return the e-mail address that a form or a JSON body carries, if any. The API reads JSON whatever a request calls it."""
    if not (request.is_json or request.path.startswith("/api/")):
        return request.form.get("email", "")
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError):
        return ""  # whoever reads it will say so
    named = body.get("email") if isinstance(body, dict) else None
    return named if isinstance(named, str) else ""


def _count_upload() -> None:
    actor, budgets = current_actor(), _budgets()
    window = Window("uploads", budgets.uploads, MINUTE)
    _enter(window, f"{actor.user_id}")
    _enter(window, f"{actor.organisation_id}:{_address()}")


def _count_general() -> None:
    actor, budgets = current_actor(), _budgets()
    if actor.known:
        _enter(Window("signed-in", budgets.signed_in, MINUTE), str(actor.user_id or actor.session))
    else:
        _enter(Window("anonymous", budgets.anonymous, QUARTER), _address())


def _enter(window: Window, key: str) -> None:
    """Count a request; raise TooMany when it is one too many."""
    limiter = _limiter()
    let_in = limiter.hit(window, key)
    if not let_in or request.path.startswith(TOLD):
        _note(limiter.look(window, key), let_in=let_in)


def _enter_surely(window: Window, key: str) -> None:
    try:
        limiter = _limiter()
        let_in = limiter.hit(window, key)
        _note(limiter.look(window, key), let_in=let_in)
    except RedisError as error:
        raise Busy("Nobody can sign in just now: a part of the house is not answering. Try again shortly.") from error


def _look_surely(window: Window, key: str) -> None:
    try:
        seen = _limiter().look(window, key)
    except RedisError as error:
        raise Busy("Nobody can sign in just now: a part of the house is not answering. Try again shortly.") from error
    _note(seen, let_in=seen.let_in)


def _note(count: Count, *, let_in: bool) -> None:
    """Keep the tightest window for the answer's headers; raise TooMany when it is full."""
    tightest = cast("Count | None", g.get("limit_count"))
    if not let_in or tightest is None or count.remaining < tightest.remaining:
        g.limit_count = count
    if not let_in:
        raise TooMany(count.resets_in)


def _tell(response: Response) -> Response:
    """Say on the answer what may still come (draft-ietf-httpapi-ratelimit-headers-06, RFC 6585, 4)."""
    refused_at: Window | None = g.get("counts_if_refused")
    if refused_at is not None and response.status_code in REFUSED:
        _limiter().hit(refused_at, _address())
    count: Count | None = g.get("limit_count")
    if count is not None:
        response.headers["RateLimit-Limit"] = str(count.window.most)
        response.headers["RateLimit-Remaining"] = str(count.remaining)
        response.headers["RateLimit-Reset"] = str(count.resets_in)
        response.headers["RateLimit-Policy"] = f"{count.window.most};w={count.window.seconds}"
    if response.status_code == TooMany.status and count is not None:
        response.headers["Retry-After"] = str(count.resets_in)
    return response


def _limiter() -> Limiter:
    return cast("tuple[Limiter, Rulebook]", current_app.extensions["readingroom.limits"])[0]


def _budgets() -> Budgets:
    rules = cast("tuple[Limiter, Rulebook]", current_app.extensions["readingroom.limits"])[1]
    return rules(current_actor().organisation_id, request.remote_addr or "")


def _house() -> Budgets:
    return cast("Budgets", current_app.extensions["readingroom.settings"].budgets)


def _address() -> str:
    return address_key(request.remote_addr or "")
