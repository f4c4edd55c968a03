"""Token and request in, allow or deny out. Pure; the same verdict for "not yours" and "does not exist".

Orthanc hands the filter the path it dispatches on: decoded once and normalised (measured: `/a/%2e%2e/b`, `//a`,
`/a%2fb` arrive as Orthanc reads them). The patterns accept identifiers only, so what is left of a trick is refused
because nothing matches; the checks below refuse it earlier and by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orthanc_plugin.routes import Caller, Route, match
from orthanc_plugin.tokens import Principal

_BEARER = "Bearer "
_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")


@dataclass(frozen=True, slots=True)
class Request:
    """What the filter knows of a request: no body. Header names are lower-case, arguments undecoded."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict; `reason` is for the log and quotes nothing from the request."""

    allowed: bool
    reason: str


def _deny(reason: str) -> Decision:
    return Decision(allowed=False, reason=reason)


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of an Authorization header (RFC 6750 section 2.1), None without one."""
    value = headers.get("authorization", "")
    return value.removeprefix(_BEARER) if value.startswith(_BEARER) else None


def _trick(request: Request) -> str | None:
    """Name the trick in a request that no honest client sends, or None."""
    path = request.path
    if not path.isascii() or not path.isprintable() or any(sign in path for sign in "%\\;?#"):
        return "encoded or unusual path"
    if not path.startswith("/") or "//" in path or any(part in {".", ".."} for part in path.split("/")):
        return "path not normal"
    if any(header in request.headers for header in _OVERRIDES) or "_method" in request.arguments:
        return "method override"
    # Orthanc dispatches every part of such a body as a request of its own, with headers of its own.
    if request.headers.get("content-type", "").strip().lower().startswith("multipart/form-data"):
        return "multipart form"
    return None


def _closed(principal: Principal, route: Route, identifiers: Mapping[str, str], request: Request) -> str | None:
    """Why an open route is closed to this caller, or None."""
    caller = Caller.SERVICE if principal.studies is None else Caller.CONTEXT
    if caller not in route.callers:
        return "route not open to this caller"
    if not route.arguments.issuperset(request.arguments):
        return "unknown argument"
    if principal.studies is not None and identifiers.get("study") not in principal.studies:
        return "study not in the reading context"
    return None


def decide(principal: Principal | None, request: Request) -> Decision:
    """Judge one request of one verified caller (None: nobody verified)."""
    trick = _trick(request)
    if trick is not None:
        return _deny(trick)
    if principal is None:
        return _deny("no caller")
    found = match(request.method, request.path)
    if found is None:
        return _deny("route not open")
    route, identifiers = found
    why = _closed(principal, route, identifiers, request)
    return _deny(why) if why else Decision(allowed=True, reason=route.reason)
