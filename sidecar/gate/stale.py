"""Forms that were filled in on a page that is out of date: the session under it is another one by now.

Loading such an answer again would send the same form again, so whoever is not signed in is led to a fresh form. That begins no
session here: another site's page could send such a form as well, and the answer's cookie would take the place of the reader's.
"""

from urllib.parse import urlencode

from flask import Response, current_app, make_response, redirect, request
from werkzeug.exceptions import HTTPException

from sidecar.gate.http import current_actor
from sidecar.gate.permissions import Permission
from sidecar.gate.problems import wants_json
from sidecar.gate.ways import came_from
from sidecar.kernel.errors import Denied

MARK = "stale"
"""In the address of the fresh form, which says so then."""


def refuse_stale() -> Denied:
    """Return what is said of it: scripts keep what was typed, and a page is opened again."""
    if wants_json() or "HX-Request" in request.headers:
        return Denied("This page is out of date. Reload it and try again; what you typed is kept.")
    return Denied("That page was out of date, so nothing was done. Go back, and send it once more from the fresh page.")


def fresh_form() -> Response | None:
    """Return the way to a fresh form, for people who are not signed in; None for everybody else."""
    if current_actor().known or wants_json() or "HX-Request" in request.headers:
        return None
    if getattr(current_app.view_functions[request.endpoint or ""], "needs", None) is not Permission.PUBLIC:
        return to_sign_in()
    path = request.path if _shows_something() else "/login"
    return _lead(path, request.args.to_dict() | {MARK: "1"}, 303)


def to_sign_in() -> Response:
    """Lead to the sign-in page, and from there back: to what was asked for, or to the page whose form was sent."""
    asked = request.path if request.method == "GET" else came_from()
    return _lead("/login", {"next": asked} if asked else {}, 302)


def is_fresh() -> bool:
    """Say whether this page takes the place of one that was out of date."""
    return request.method == "GET" and MARK in request.args


def _shows_something() -> bool:
    """Say whether the address of the form shows it, too."""
    routes = current_app.create_url_adapter(request)
    try:
        return bool(routes and routes.match(request.path, method="GET"))
    except HTTPException:
        return False


def _lead(path: str, arguments: dict[str, str], status: int) -> Response:
    return make_response(redirect(path + ("?" + urlencode(arguments) if arguments else ""), status))
