"""The ways on from a page that says what went wrong: nobody is left at a dead end, or has to load a form's answer again."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import request

from sidecar.gate.http import current_actor
from sidecar.kernel.errors import Problem

FOR_A_LINK = "/shared"
"""Where somebody without an account came in: the start of the house would ask them to sign in."""
PASSING = frozenset({500, 503})
"""Worth another try at once. What came too often (429) is not: it says how long to wait."""


@dataclass(frozen=True, slots=True)
class Way:
    """A button: address, words, icon."""

    href: str
    label: str
    icon: str = ""


def ways(problem: Problem) -> list[Way]:
    """Return where somebody may go from here, the likeliest first."""
    if problem.status == 401:  # noqa: PLR2004
        return [Way("/login", "Sign in")]
    found = []
    if problem.status in PASSING and request.method == "GET":
        found.append(Way(here(), "Try again", "restart"))
    if before := came_from():
        found.append(Way(before, "Back", "left"))
    if request.path.startswith(FOR_A_LINK) and not current_actor().known:
        return [*found, Way(FOR_A_LINK, "Open a link", "key")]
    return [*found, Way("/", "Start page")]


def came_from() -> str:
    """Return the page of ours on which this was asked for, "" for none: its address comes with the request (Referer)."""
    page = urlsplit(request.referrer or "")
    if page.netloc != request.host or not page.path.startswith("/") or page.path.startswith("//"):
        return ""
    address = page.path + (f"?{page.query}" if page.query else "")
    return "" if request.method == "GET" and address == here() else address


def here() -> str:
    """Return the address that was asked for."""
    return request.full_path.rstrip("?")
