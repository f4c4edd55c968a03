"""The doors that are open at all, as data. What is not listed here is refused to everybody.

Two kinds of callers: a reading context (any token that lists studies) and the sidecar's service account. Each row says
why it exists; `known_routes.csv` is the reviewed list of everything Orthanc offers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_UID = r"(?=[0-9.]{1,64}(?:/|\Z))[0-9]+(?:\.[0-9]+)*"
_PARTS = {
    "study": _UID,
    "series": _UID,
    "instance": _UID,
    "id": r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}",
    "frame": r"[1-9][0-9]{0,5}",
    "frames": r"[1-9][0-9]{0,5}(?:,[1-9][0-9]{0,5}){0,99}",
    "bulk": r"[0-9A-Fa-f]{8}(?:/[1-9][0-9]{0,5}/[0-9A-Fa-f]{8}){0,8}",
}


class Caller(StrEnum):
    """Kinds of principals a route can be open to."""

    CONTEXT = "context"
    SERVICE = "service"


EVERY_CALLER = frozenset({Caller.CONTEXT, Caller.SERVICE})
SERVICE_ONLY = frozenset({Caller.SERVICE})


@dataclass(frozen=True, slots=True)
class Route:
    """One open door: `path` with {placeholders}, the GET arguments it takes, and the reason it is open."""

    method: str
    path: str
    callers: frozenset[Caller]
    reason: str
    arguments: frozenset[str] = frozenset()

    def pattern(self) -> re.Pattern[str]:
        """The path as an expression that matches whole, normalised paths only."""
        pieces = re.split(r"\{(\w+)\}", self.path)
        text = "".join(f"(?P<{piece}>{_PARTS[piece]})" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces))
        return re.compile(text + r"\Z")


_STUDY = "/dicom-web/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
_VIEW = frozenset({"viewport", "window", "quality"})


def _pixels(path: str, reason: str, arguments: frozenset[str] = frozenset()) -> Route:
    return Route("GET", path, EVERY_CALLER, reason, arguments)


def _service(method: str, path: str, reason: str, arguments: frozenset[str] = frozenset()) -> Route:
    return Route(method, path, SERVICE_ONLY, reason, arguments)


ROUTES = (
    _pixels(_INSTANCE + "/frames/{frames}", "the viewer's pixels (PS3.18 section 10.4.1.1.6)"),
    _pixels(_INSTANCE + "/bulk/{bulk}", "large attributes a metadata answer points to"),
    _pixels(_INSTANCE + "/rendered", "thumbnails and key images", _VIEW),
    _pixels(_INSTANCE + "/frames/{frame}/rendered", "thumbnails of multi-frame images", _VIEW),
    _pixels(_INSTANCE + "/thumbnail", "thumbnails", _VIEW),
    _pixels(_SERIES + "/thumbnail", "thumbnails of the series panel", _VIEW),
    _pixels(_STUDY + "/thumbnail", "thumbnails of lists", _VIEW),
    _service("GET", _STUDY + "/metadata", "fills the sidecar's metadata cache"),
    _service("GET", _SERIES + "/metadata", "fills the sidecar's metadata cache"),
    _service("GET", _INSTANCE + "/metadata", "fills the sidecar's metadata cache"),
    _service("GET", "/readingroom/changes", "the reconciler repairs missed events", frozenset({"since", "limit"})),
    _service("GET", "/readingroom/status", "health of the cell in the platform admin's UI"),
    _service("GET", "/system", "version and health"),
    _service("GET", "/statistics", "disk use in the platform admin's UI"),
    _service("GET", "/tools/metrics-prometheus", "metrics, scraped through the sidecar"),
    _service("GET", "/studies/{id}", "checks of the reconciler"),
    _service("GET", "/series/{id}", "checks of the reconciler"),
    _service("GET", "/instances/{id}", "checks of the reconciler"),
    _service("GET", "/instances/{id}/file", "delivery of a signed report that was stored as DICOM"),
    _service("GET", "/instances/{id}/preview", "a thumbnail made at arrival"),
    _service("GET", "/instances/{id}/rendered", "a thumbnail made at arrival", frozenset({"width", "height", "quality"})),
    _service("POST", "/instances", "a signed report goes into the archive as SR or encapsulated PDF"),
)

_COMPILED = tuple((route, route.pattern()) for route in ROUTES)


def match(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Find the open route of a request with the identifiers in its path; None when there is none."""
    for route, pattern in _COMPILED:
        if route.method == method and (found := pattern.match(path)):
            return route, found.groupdict()
    return None
