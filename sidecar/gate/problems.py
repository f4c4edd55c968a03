"""How each door words a Problem: JSON for machines, a page for people."""

from flask import Response, g, jsonify, render_template, request

from sidecar.gate.stepup import FRESH, StepUp
from sidecar.gate.ways import ways
from sidecar.kernel.errors import Problem

PROGRAMS = ("/api/", "/dicom-web/")
"""Where a bearer token opens."""


def navigates() -> bool:
    """Say whether a browser opens a page with this request: somebody follows a link, sends a form, loads anew.

    What the scripts, live lines and images of a page ask for is none, whatever they accept.
    """
    mode = request.headers.get("Sec-Fetch-Mode")  # not sent to an origin without TLS
    return mode == "navigate" if mode else request.headers.get("Accept", "").startswith("text/html")


def wants_json() -> bool:
    """Say whether the caller is a program: the JSON API, DICOMweb, or a script on one of our pages."""
    if request.path.startswith((*PROGRAMS, "/intake/", "/edge/")):
        return True
    # A script that is led to the sign-in page gets a session of its own there, and its cookie takes the place of the one
    # under the form that somebody is filling in: whoever signed out in one window could not sign in again.
    return "HX-Request" not in request.headers and not navigates()


def answer(problem: Problem) -> Response:
    """Return the response for a Problem in the dialect of the door it was met at. It never begins a session."""
    g.problem = problem
    if wants_json():
        response = jsonify(status="error", message=problem.message, code=problem.code)
    else:
        response = Response(
            render_template("error.html", problem=problem, ways=ways(problem), fragment="HX-Request" in request.headers),
            mimetype="text/html",
        )
    response.status_code = problem.status
    if problem.status == 503:  # noqa: PLR2004
        response.headers["Retry-After"] = "5"
    if problem.status == 401 and request.path.startswith(PROGRAMS):  # noqa: PLR2004
        response.headers["WWW-Authenticate"] = _challenge(problem)
    return response


def _challenge(problem: Problem) -> str:
    """Say what would open the door (RFC 9110, 11.6.1; RFC 6750, 3; RFC 9470, 3)."""
    if isinstance(problem, StepUp):
        return f'Bearer error="insufficient_user_authentication", max_age="{int(FRESH.total_seconds())}"'
    return "Bearer"
