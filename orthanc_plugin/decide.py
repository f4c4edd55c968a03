"""Caller and request in, verdict out. Pure; the same refusal for "not yours" and "does not exist".

Orthanc hands the filter the path it dispatches on: decoded once and normalised (measured: `/a/%2e%2e/b`, `//a`,
`/a%2fb` arrive as Orthanc reads them). The patterns accept identifiers only, so what is left of a trick is refused
because nothing matches; the checks below refuse it earlier and by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from orthanc_plugin.paths import match
from orthanc_plugin.routes import Access, Route
from orthanc_plugin.tokens import Kind, Principal

_BEARER = "Bearer "
_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
_LONGEST_SIDE = 4096
"""Pixels of a drawn picture. Orthanc makes room for whatever is asked: 60000 by 60000 were 3.6 GB of the cell's memory."""

Owner = Callable[[str, str], frozenset[str]]
"""(level, Orthanc's id) → StudyInstanceUIDs it belongs to: several for a patient, none when it is unknown or doubtful.

The level ``dicom-web`` names studies by their StudyInstanceUID; one that two patients bear is doubtful.
"""


class Verdict(Enum):
    """Refuse, let Orthanc answer, or answer ourselves with the context's studies only."""

    DENY = auto()
    ALLOW = auto()
    ANSWER = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """What the filter knows of a request: no body. Header names are lower-case, arguments undecoded."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict; `reason` is for the log and quotes nothing from the request.

    `level` and `identifier` of what was let in: as in `Owner`, "" where the path names nothing.
    """

    verdict: Verdict
    reason: str
    level: str = ""
    identifier: str = ""


def _deny(reason: str) -> Decision:
    return Decision(Verdict.DENY, reason)


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


def _misasked(route: Route, arguments: Mapping[str, str]) -> str | None:
    """What is wrong with the arguments, or None. A picture has a size, and not more than a screen shows.

    Of width or height alone Orthanc makes the other by the image's shape, and a sender's image may be a line.
    """
    if not route.arguments.issuperset(arguments):
        return "unknown argument"
    sides = [arguments.get("width", "1"), arguments.get("height", "1")]
    sides += re.split(",|%2c", arguments.get("viewport", "1").lower())[:2]
    sized = all(re.fullmatch("[0-9]{1,4}", side) and 0 < int(side) <= _LONGEST_SIDE for side in sides)
    return None if sized and ("width" in arguments) == ("height" in arguments) else "picture too large"


def _outside(studies: frozenset[str], route: Route, values: Mapping[str, str], owner: Owner) -> bool:
    """Whether the path names anything that is not of these studies. A patient is seen through its studies in the context."""
    if "study" in values:
        return values["study"] not in studies or not owner(route.level, values["study"])
    if "id" not in values:
        return False
    owners = owner(route.level, values["id"])
    if route.context is Access.ANSWERED:
        return owners.isdisjoint(studies)
    return not owners or not owners <= studies


def _closed(principal: Principal, route: Route, values: Mapping[str, str], owner: Owner) -> str | None:
    """Why a route is closed to this caller, or None."""
    if principal.kind is Kind.SERVICE:
        return None if route.service else "not for the service account"
    if principal.kind is Kind.STAFF:
        return None if principal.role in route.staff else "not for this role"
    if route.context is Access.NONE:
        return "not for a reading context"
    if _outside(principal.studies, route, values, owner):
        return "not in the reading context"
    return None


def decide(principal: Principal | None, request: Request, owner: Owner) -> Decision:
    """Judge one request of one verified caller (None: nobody verified)."""
    trick = _trick(request)
    if trick is not None:
        return _deny(trick)
    if principal is None:
        return _deny("no caller")
    found = match(request.method, request.path)
    if found is None:
        return _deny("route not known")
    route, values = found
    why = _misasked(route, request.arguments) or _closed(principal, route, values, owner)
    if why is not None:
        return _deny(why)
    answered = principal.kind is Kind.CONTEXT and route.context is Access.ANSWERED
    named = values.get("study", values.get("id", ""))
    return Decision(Verdict.ANSWER if answered else Verdict.ALLOW, route.kind, route.level, named)
