"""The HTTP door: a route cannot exist without saying what it needs; one request is one Scope."""

import functools
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast

import structlog
from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue

from sidecar.gate.actor import NOBODY, Actor
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope, Scopes
from sidecar.kernel.errors import Denied, Unauthenticated

View = Callable[..., ResponseReturnValue]
UNDECLARED_ENDPOINTS = frozenset({"static"})
"""Endpoints Flask itself adds. Everything else must have come through ``route``."""


def scopes() -> Scopes:
    """Return this application's transactions."""
    return cast("Scopes", current_app.extensions["readingroom.scopes"])


def current_actor() -> Actor:
    """Return who is asking, as established once per request from the server-side session."""
    actor: Actor = g.get("actor", NOBODY)
    return actor


def request_id() -> str:
    """Return this request's id, made here: a client's own is not trusted into logs."""
    if "request_id" not in g:
        g.request_id = uuid.uuid4().hex
    return cast("str", g.request_id)


def route(
    blueprint: Blueprint, rule: str, *, needs: Permission, methods: tuple[str, ...] = ("GET",), csrf: bool = True
) -> Callable[[View], View]:
    """Declare a route: ``view(scope, **path values)`` runs in one transaction, committed when it returns.

    ``needs`` is what the role must ever hold (403 otherwise); whether this very thing is the caller's is the service's
    question. Routes of machines that prove themselves otherwise are PUBLIC here, with ``csrf=False``.
    """

    def declare(view: View) -> View:
        @functools.wraps(view)
        def door(**values: Any) -> ResponseReturnValue:
            with open_scope(_admit(needs)) as scope:
                return view(scope, **values)

        _declare(blueprint, rule, view, door, needs=needs, methods=methods, csrf=csrf)
        return view

    return declare


def streaming_route(blueprint: Blueprint, rule: str, *, needs: Permission, methods: tuple[str, ...]) -> Callable[[View], View]:
    """Declare a route whose body may take an hour: ``view(actor, **path values)`` opens short scopes of its own.

    Its bodies carry no CSRF token; the view itself must refuse another site's page.
    """

    def declare(view: View) -> View:
        @functools.wraps(view)
        def door(**values: Any) -> ResponseReturnValue:
            return view(_admit(needs), **values)

        _declare(blueprint, rule, view, door, needs=needs, methods=methods, csrf=False)
        return view

    return declare


def open_scope(actor: Actor) -> AbstractContextManager[Scope]:
    """Open a transaction of this request."""
    return scopes().open(actor, request_id=request_id(), address=request.remote_addr or "")


def _admit(needs: Permission) -> Actor:
    actor = current_actor()
    if not may_ever(actor, needs):
        raise Denied("Your role may not do this.") if actor.known else Unauthenticated("Please sign in.")
    return actor


def _declare(  # noqa: PLR0913 - what a declaration says
    blueprint: Blueprint, rule: str, view: View, door: View, *, needs: Permission, methods: tuple[str, ...], csrf: bool
) -> None:
    door.needs = needs  # type: ignore[attr-defined]
    door.csrf = csrf  # type: ignore[attr-defined]
    blueprint.add_url_rule(rule, endpoint=view.__name__, view_func=door, methods=list(methods))


def refuse_undeclared(app: Flask) -> None:
    """Walk the URL map at start-up and stop if any route has not said what it needs."""
    undeclared = [
        str(rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in UNDECLARED_ENDPOINTS and not hasattr(app.view_functions[rule.endpoint], "needs")
    ]
    if undeclared:
        raise RuntimeError(f"routes without needs=: {', '.join(sorted(undeclared))}")


def log_request(response: Response) -> Response:
    """Write one line per request: route pattern, never the path with its ids' neighbours or query."""
    rule = request.url_rule.rule if request.url_rule else "(no route)"
    structlog.get_logger("http").info(
        "request",
        method=request.method,
        route=rule,
        status=response.status_code,
        request_id=request_id(),
        user=str(current_actor().user_id or ""),
    )
    response.headers.setdefault("X-Request-Id", request_id())
    return response
