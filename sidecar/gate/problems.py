"""How each door words a Problem: JSON for machines, a page for people."""

from flask import Response, g, jsonify, render_template, request

from sidecar.kernel.errors import Problem


def wants_json() -> bool:
    """Say whether the caller is a program: the JSON API, DICOMweb, or a script on one of our pages."""
    if request.path.startswith(("/api/", "/dicom-web/", "/intake/", "/edge/")):
        return True
    # Images, live lines and scripts accept no page: led to the sign-in page they would get a session of its own there,
    # and its cookie would take the place of the one under the form that somebody is filling in.
    return "HX-Request" not in request.headers and "text/html" not in request.headers.get("Accept", "")


def answer(problem: Problem) -> Response:
    """Return the response for a Problem in the dialect of the door it was met at. It never begins a session."""
    g.problem = problem
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
