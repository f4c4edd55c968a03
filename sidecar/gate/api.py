"""The JSON door: a route says what it takes and what it answers, and the document is written from that.

    @api.route(bp, "/api/things", needs=…, methods=("POST",), body=NewThing, answer=ThingAnswer, status=201, idempotent=True)
    def add(scope: Scope, body: NewThing) -> ThingAnswer: …

    @api.route(bp, "/api/things/<uuid:thing_id>", needs=…, answer=ThingAnswer, etag=True)
    def show(scope: Scope, thing_id: UUID) -> ThingAnswer: …

    @api.route(bp, "/api/things/<uuid:thing_id>", needs=…, methods=("PUT",), body=…, answer=ThingAnswer, etag=show)
    def change(scope: Scope, thing_id: UUID, body: …) -> ThingAnswer: …

- ``body`` and ``query`` are pydantic models, read strictly and without unknown names; the view gets them by these names.
- ``idempotent``: a create. It needs an Idempotency-Key; the same key and request get the same answer (``gate.idempotency``).
- ``sight``: called with what the view is called with, it raises Missing for what is not the caller's to see any more: an earlier
  answer about it is not given again either.
- ``proof``: what the caller must have proved just now (``gate.stepup``), also to be given an earlier answer once more.
- ``etag=True``: the answer bears an ETag, and If-None-Match may be answered 304. ``etag=<view>``: an update, conditional on
  that view's answer. Without If-Match it is 428, with another's tag 412; both before anything is done (``gate.etags``).
- ``revised=<view>``: an update of something that counts its revisions. If-Match may name one (``"7"``) or, as everywhere, the
  ETag of that view's answer. The view gets ``revision``, the one that is meant (None for ``*``), and its service refuses what
  is stale: it may bring the newer state along.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from sidecar.gate import etags, http, idempotency
from sidecar.gate.idempotency import Once, Reply
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import read_body, read_query
from sidecar.gate.scope import Scope

Declaring = TypeVar("Declaring", bound=Callable[..., Any])
View = Callable[..., Any]
"""Returns the declared answer, or an ``Otherwise``."""
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a route says about itself. ``refusals``: statuses beyond those that follow from the rest, with their words."""

    needs: Permission
    summary: str
    answer: type[BaseModel] | None
    status: int = 200
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    idempotent: bool = False
    etag: bool | View = False
    revised: View | None = None
    media: str = JSON
    refusals: tuple[int, ...] = ()
    proof: Callable[[Scope], None] | None = None
    sight: Callable[..., object] | None = None

    @property
    def conditional(self) -> View | None:
        """The view whose ETag an update must bring along."""
        return self.etag if callable(self.etag) else None


@dataclass(frozen=True, slots=True)
class Otherwise:
    """An answer that is not the declared one, of a view whose transaction stands all the same: a refusal that tells more."""

    status: int
    answer: BaseModel


def route(  # noqa: PLR0913 - what a declaration says
    blueprint: Blueprint,
    rule: str,
    *,
    needs: Permission,
    answer: type[BaseModel],
    methods: tuple[str, ...] = ("GET",),
    status: int = 200,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    idempotent: bool = False,
    etag: bool | View = False,
    revised: View | None = None,
    refusals: tuple[int, ...] = (),
    proof: Callable[[Scope], None] | None = None,
    sight: Callable[..., object] | None = None,
    csrf: bool = True,
) -> Callable[[Declaring], Declaring]:
    """Declare a route of the JSON API: ``view(scope, **path values, body=…, query=…)`` returns an ``answer``."""
    if idempotent and needs is Permission.PUBLIC:
        raise TypeError(f"{rule}: an Idempotency-Key is a person's own, and nobody is signed in here")

    def declare(view: Declaring) -> Declaring:
        summary = (view.__doc__ or "").strip().split("\n")[0]
        declared = Declared(
            needs, summary, answer, status, body, query, idempotent, etag, revised, refusals=refusals, proof=proof, sight=sight
        )

        def door(scope: Scope, **values: Any) -> ResponseReturnValue:
            return _serve(scope, view, declared, values)

        # Exceptions from the form's token go by module and name: without its own module, one route's would be another's.
        door.__module__, door.__name__, door.__doc__ = view.__module__, view.__name__, view.__doc__
        door.api = declared  # type: ignore[attr-defined]
        http.route(blueprint, rule, needs=needs, methods=methods, csrf=csrf)(door)
        return view

    return declare


def describe(  # noqa: PLR0913 - what a declaration says
    *,
    needs: Permission,
    summary: str,
    media: str = JSON,
    status: int = 200,
    query: type[BaseModel] | None = None,
    refusals: tuple[int, ...] = (),
) -> Callable[[Declaring], Declaring]:
    """Describe a route under /api that is no JSON: a download. It goes under ``http.route`` and changes nothing."""

    def mark(view: Declaring) -> Declaring:
        view.api = Declared(needs, summary, None, status, query=query, media=media, refusals=refusals)  # type: ignore[attr-defined]
        return view

    return mark


def _serve(scope: Scope, view: View, declared: Declared, values: dict[str, Any]) -> Response:
    """Read, check the conditions, do it once, answer."""
    asked = dict(values)
    if declared.query is not None:
        asked["query"] = read_query(declared.query, request.args)
    if declared.body is not None:
        asked["body"] = read_body(declared.body, request.get_data())
    if declared.revised is not None:
        asked["revision"] = _revision(scope, declared.revised, values)
    once = _once() if declared.idempotent else None
    if declared.proof is not None:
        declared.proof(scope)
    if declared.sight is not None:
        declared.sight(scope, **asked)
    if declared.conditional is not None:
        _hold_unchanged(scope, declared.conditional, values)

    def make() -> Reply:
        answer = view(scope, **asked)
        if isinstance(answer, Otherwise):
            return Reply(answer.status, _json(answer.answer))
        return Reply(declared.status, _json(answer))

    return _answer(once.answer(scope, make) if once else make(), declared)


def _once() -> Once:
    key = idempotency.clean_key(request.headers.get(idempotency.HEADER))
    said = b"|".join((request.method.encode(), request.path.encode(), request.get_data()))
    secret = cast("bytes", current_app.config["SECRET_KEY"])
    return Once(key, said, secret, current_app.extensions["readingroom.seal"])


def _revision(scope: Scope, shown: View, values: dict[str, Any]) -> int | None:
    """Return the revision that If-Match means: by its number, or as that of the answer whose ETag it is."""
    header = request.headers.get("If-Match")
    if not etags.is_state(header):
        return etags.revision(header)
    before = len(scope.events)
    answer = shown(scope, **values)
    etags.refuse_changed(etags.need(header), _json(answer))
    del scope.events[before:]  # compared here, shown to nobody: no reading to put on record
    return cast("int", answer.revision)


def _hold_unchanged(scope: Scope, shown: View, values: dict[str, Any]) -> None:
    """Let go on only who saw the present state. Looked at first without waiting: what is not theirs is Missing at once."""
    before = len(scope.events)
    current = partial(shown, scope, **values)
    current()
    named = etags.need(request.headers.get("If-Match"))
    etags.hold(scope, "|".join(map(str, values.values())) or str(scope.organisation_id))
    etags.refuse_changed(named, _json(current()))
    del scope.events[before:]  # compared here, shown to nobody: no reading to put on record


def _json(answer: BaseModel) -> bytes:
    return answer.model_dump_json().encode()


def _answer(reply: Reply, declared: Declared) -> Response:
    response = Response(reply.body, reply.status, mimetype=JSON)
    if declared.etag and reply.status == declared.status:
        tag = etags.tag_of(reply.body)
        response.headers["ETag"] = tag
        if request.method == "GET" and etags.tags(request.headers.get("If-None-Match")) & {tag, f"W/{tag}", "*"}:
            response.status_code = 304
            response.set_data(b"")
    return response
