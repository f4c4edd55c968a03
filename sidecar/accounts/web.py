"""Sign-in pages: password, then one-time code; first use of an invitation; sign-out."""

import io
import re
import time
from typing import cast
from uuid import UUID

import segno
from flask import Blueprint, current_app, flash, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from pydantic import ValidationError
from sqlalchemy import select

from sidecar.accounts import events, forms, service, sessions
from sidecar.accounts.tables import User
from sidecar.adapters.redis import revoke_session
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import NOBODY, Actor
from sidecar.gate.http import current_actor, request_id, route, scopes
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid, Missing

bp = Blueprint("accounts", __name__)

PENDING_SECONDS = 300
WRONG = "E-mail address or password is not right."
SPENT = "This invitation was used already, or has run out. Sign in, or ask whoever invited you for a new link."
OWN_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")
"""Printable ASCII without space and backslash: browsers drop tabs and line ends, and read ``/\\x`` as ``//x``, another site."""


def _seal() -> Seal:
    return cast("Seal", current_app.extensions["readingroom.seal"])


def _next_page() -> str:
    """Return where to go after sign-in: a path of our own, never another site."""
    wanted = request.args.get("next", "/")
    return wanted if OWN_PATH.fullmatch(wanted) else "/"


@route(bp, "/login", needs=Permission.PUBLIC)
def login(_scope: Scope) -> ResponseReturnValue:
    """Show the sign-in form."""
    if current_actor().known:
        return redirect(_next_page())
    return render_template("login.html", email="", error="", next_page=_next_page())


@route(bp, "/login", needs=Permission.PUBLIC, methods=("POST",))
def login_post(_scope: Scope) -> ResponseReturnValue:
    """Check e-mail and password; the answer for an unknown address is the same, and takes as long."""
    email = request.form.get("email", "")
    try:
        form = forms.SignIn.model_validate(request.form.to_dict())
    except ValidationError:
        return render_template("login.html", email=email, error=WRONG, next_page=_next_page()), 401
    address = form.email.strip().lower()
    with scopes().open(NOBODY, login=address, request_id=request_id(), address=request.remote_addr or "") as asking:
        user = service.check_password(asking, email=address, password=form.password)
    if user is None:
        return render_template("login.html", email=email, error=WRONG, next_page=_next_page()), 401
    if user.totp_sealed is None:
        raise Invalid("This account has no second factor yet. Use the invitation link you were given.")
    session.clear()
    session["pending"] = [str(user.organisation_id), str(user.id), user.email, time.time()]
    session["next"] = _next_page()
    return redirect("/login/code")


def _pending() -> tuple[UUID, UUID, str] | None:
    found = session.get("pending")
    if not found or time.time() - float(found[3]) > PENDING_SECONDS:
        return None
    return UUID(found[0]), UUID(found[1]), str(found[2])


@route(bp, "/login/code", needs=Permission.PUBLIC)
def code(_scope: Scope) -> ResponseReturnValue:
    """Ask for the one-time code."""
    if _pending() is None:
        return redirect("/login")
    return render_template("second_factor.html", error="")


@route(bp, "/login/code", needs=Permission.PUBLIC, methods=("POST",))
def code_post(_scope: Scope) -> ResponseReturnValue:
    """Use the code up and open the session."""
    pending = _pending()
    if pending is None:
        return redirect("/login")
    organisation_id, user_id, email = pending
    with scopes().open(NOBODY, login=email, request_id=request_id(), address=request.remote_addr or "") as asking:
        user = asking.one(select(User).where(User.id == user_id, User.organisation_id == organisation_id))
        good = user.disabled_at is None and service.take_code(asking, user, code=request.form.get("code", ""), seal=_seal())
        if good:
            asking.emit(events.SignedIn(organisation_id=organisation_id, user_id=user_id))
    if not good:
        error = "The code is wrong or was already used. Wait for the next one."
        return render_template("second_factor.html", error=error), 401
    after = session.get("next", "/")
    sessions.begin(user)
    return redirect(after)


@route(bp, "/session/token", needs=Permission.SIGNED_IN)
def session_token(_scope: Scope) -> ResponseReturnValue:
    """Return the form token of the session, for a page that was drawn under an earlier one.

    Nobody signed in gets 401 and no session: a page that asks while somebody signs in beside it must not write into theirs.
    """
    return {"token": generate_csrf()}


@route(bp, "/logout", needs=Permission.SIGNED_IN, methods=("POST",))
def logout(scope: Scope) -> ResponseReturnValue:
    """End the session on every door: the cookie, and the cell tokens made under it."""
    actor = scope.actor
    scope.emit(events.SignedOut(organisation_id=scope.organisation_id, user_id=scope.user_id))
    redis, until = current_app.extensions["readingroom.redis"], scope.now + service.LONGEST_CELL_TOKEN
    scope.after_commit(lambda: revoke_session(redis, actor.session, until=until))
    sessions.end()
    return redirect("/login")


@route(bp, "/invitation/<token>", needs=Permission.PUBLIC)
def invitation(_scope: Scope, token: str) -> ResponseReturnValue:
    """Show the page where an invited person sets password and second factor."""
    user = _invited(token)
    secret = session.setdefault("enrolling", service.new_totp_secret())
    return _enrol_page(user, secret, error="")


@route(bp, "/invitation/<token>", needs=Permission.PUBLIC, methods=("POST",))
def invitation_post(_scope: Scope, token: str) -> ResponseReturnValue:
    """Set password and second factor, then ask to sign in."""
    secret = session.get("enrolling")
    if not secret:
        raise Missing
    user = _invited(token)
    try:
        form = forms.Enrolment.model_validate(request.form.to_dict())
        # Within the guest's own walls: once spent, the invitation no longer shows the account to its bearer.
        with scopes().open(Actor(user.id, user.organisation_id, None, None)) as asking:
            guest = service.invited(asking, token)
            service.enrol(asking, guest, password=form.password, totp_secret=secret, code=form.code, seal=_seal())
    except ValidationError:
        return _enrol_page(user, secret, error="Enter the same password twice and the six digits of the code."), 400
    except Invalid as problem:
        return _enrol_page(user, secret, error=problem.message), 400
    session.clear()
    flash({"text": "Password and authenticator are set. Sign in with them.", "undo": "", "fields": {}}, "ok")  # type: ignore[arg-type]
    return redirect("/login")


def _invited(token: str) -> User:
    """Return whose invitation this is; Missing says what to do about a link that was used or ran out."""
    with scopes().open(NOBODY, login=service.invitation_hash(token)) as asking:
        try:
            return service.invited(asking, token)
        except Missing as unknown:
            raise Missing(SPENT) from unknown


def _enrol_page(user: User, secret: str, *, error: str) -> str:
    uri = service.provisioning_uri(user, secret)
    drawing = io.BytesIO()
    segno.make(uri, error="m").save(drawing, kind="svg", xmldecl=False, svgclass="qr", lineclass=None, border=2, omitsize=True)
    return render_template(
        "enrol.html", user_name=user.name, email=user.email, secret=secret, uri=uri, qr=drawing.getvalue().decode(), error=error
    )
