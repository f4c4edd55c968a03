"""Proving the second factor again (see ``stepup``): the page that asks, and the way back to what was being done."""

import hashlib
import hmac
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sidecar.accounts import asking, events, passkey_proof, second_factor, sessions
from sidecar.accounts.service import get_user
from sidecar.accounts.stepup import StepUp
from sidecar.gate.http import current_actor, open_scope, route
from sidecar.gate.permissions import Permission
from sidecar.gate.problems import answer, wants_json
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid

bp = Blueprint("confirm", __name__)

WRONG = "That did not fit, or was used before. Wait for the next code."
LOCKED = "Too many wrong codes: codes are refused for a while. Your administrator can let you try again."
CARRIED = 100
"""Fields of a form that are carried over the confirmation; one with more is filled in again."""


@route(bp, "/account/confirm", needs=Permission.SIGNED_IN)
def confirm(scope: Scope) -> ResponseReturnValue:
    """Ask for the second factor."""
    return _page(scope)


@route(bp, "/account/confirm", needs=Permission.SIGNED_IN, methods=("POST",))
def confirm_post(scope: Scope) -> ResponseReturnValue:
    """Check it, renew the session, and go on; a form that was on its way is sent again by the browser (RFC 9110 §15.4.8).

    Raises Invalid for a program: it confirms at ``/api/auth/2fa/confirm``.
    """
    if sessions.current_visit() is None:
        raise Invalid("Programs confirm at /api/auth/2fa/confirm.")
    user, factor = get_user(scope, scope.user_id), "passkey" if request.form.get("confirm-passkey") else "code"
    if factor == "passkey":
        question = asking.question(asker=scope.actor.session, purpose="confirm")
        good = passkey_proof.accept(scope, asking.seal(), user, asking.passkey_answer(request.form["confirm-passkey"], question))
    else:
        good = second_factor.verify(scope, asking.seal(), user, code=request.form.get("confirm-code", ""))
    if not good:
        locked = second_factor.locked_until(user, now=scope.now)
        return _page(scope, error=LOCKED if locked else WRONG), 401
    scope.emit(events.Confirmed(organisation_id=user.organisation_id, user_id=user.id, factor=factor))
    scope.after_commit(sessions.confirm)
    return redirect(asking.next_page(), 307 if _carries() else 303)


@route(bp, "/account/passkeys/question", needs=Permission.SIGNED_IN)
def passkey_question(scope: Scope) -> ResponseReturnValue:
    """Return the options for asking one's own passkey: to confirm, or to sign the report ``?sign=``."""
    signed = request.args.get("sign", "")
    if len(signed) > 36:  # noqa: PLR2004 - an id
        raise Invalid("Name the report to be signed by its id.")
    question = asking.question(asker=scope.actor.session, purpose=f"sign {signed}" if signed else "confirm")
    return passkey_proof.options(scope, get_user(scope, scope.user_id), question)


def lead_to_confirm(problem: StepUp) -> Response:
    """Return what somebody gets who asked for something dear: the page that asks, for programs the problem itself."""
    if "HX-Request" in request.headers:
        response = answer(problem)
        response.headers["HX-Redirect"] = _address(urlsplit(request.headers.get("HX-Current-URL", "")).path or "/")
        return response
    if wants_json() or not current_actor().known:
        return answer(problem)
    if request.method == "GET":
        return make_response(redirect(_address(request.full_path.rstrip("?"))))
    if _may_be_carried():
        with open_scope(current_actor()) as scope:
            return make_response(
                _page(scope, path=request.full_path.rstrip("?"), carried=list(request.form.items(multi=True))), 401
            )
    return make_response(redirect(_address(urlsplit(request.referrer or "/").path), 303))


def _may_be_carried() -> bool:
    """Say whether the form may be shown to its sender once more: no files, no passwords, not endless."""
    if request.files or not request.form or len(request.form) > CARRIED:
        return False
    return not any("password" in name or name in {"current", "again", "address_current"} for name in request.form)


def _page(scope: Scope, *, error: str = "", path: str = "", carried: list[tuple[str, str]] | None = None) -> str:
    again = path or (_carries() and asking.next_page()) or ""
    fields = carried if carried is not None else [
        (name, value) for name, value in request.form.items(multi=True) if not name.startswith("confirm-")
    ]  # fmt: skip
    return render_template(
        "confirm.html",
        error=error,
        action=_address(again, again=True) if again else _address(asking.next_page()),
        fields=[(name, value) for name, value in fields if name != "csrf_token"] if again else [],
        back=(again and urlsplit(request.referrer or "/").path) or "/account",
        passkeys=bool(passkey_proof.of_person(scope, get_user(scope, scope.user_id))),
    )


def _address(path: str, *, again: bool = False) -> str:
    return url_for("confirm.confirm") + "?" + urlencode({"next": path, **({"again": _mark(path)} if again else {})})


def _carries() -> bool:
    """Say whether a form of this session is on its way to ``next``. A link that says so is nobody's form."""
    return hmac.compare_digest(_mark(asking.next_page()).encode(), request.args.get("again", "").encode())


def _mark(path: str) -> str:
    """Return what only we write beside an address, for this session: its form passed the token's check once already."""
    said = f"confirm|{current_actor().session}|{path}".encode()
    return hmac.digest(current_app.config["SECRET_KEY"], said, hashlib.sha256).hex()
