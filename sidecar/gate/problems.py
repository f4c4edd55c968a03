"""How each door words a Problem: JSON for machines, a page for people."""

from flask import Response, jsonify, render_template, request

from sidecar.kernel.errors import Problem


def wants_json() -> bool:
    """Say whether the caller is a program: the JSON API, DICOMweb, or a script on one of our pages."""
    if request.path.startswith(("/api/", "/dicom-web/", "/intake/", "/edge/")):
        return True
    # A live line that is led to the sign-in page would make a session of its own there, beside somebody who is signing in.
    if "text/event-stream" in request.headers.get("Accept", ""):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and request.accept_mimetypes[best] > request.accept_mimetypes["text/html"]


def answer(problem: Problem) -> Response:
    """Return the response for a Problem in the dialect of the door it was met at."""
    if wants_json():
        response = jsonify(status="error", message=problem.message, code=problem.code)
    else:
        response = Response(
            render_template("error.html", problem=problem, fragment="HX-Request" in request.headers), mimetype="text/html"
        )
    response.status_code = problem.status
    if problem.status == 503:  # noqa: PLR2004
        response.headers["Retry-After"] = "5"
    return response
