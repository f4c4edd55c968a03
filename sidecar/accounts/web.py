"""Sign-in pages: the password (the second step is in ``factor_web``); first use of an invitation; sign-out."""

from collections.abc import Mapping
from typing import cast

from flask import Blueprint, current_app, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from sidecar.accounts import addresses, enrolling, events, forms, service, sessions
from sidecar.accounts.asking import next_page
from sidecar.accounts.ending import LONGEST_CELL_TOKEN
from sidecar.accounts.sso import policy as sso
from sidecar.accounts.tables import User
from sidecar.adapters.redis import revoke_session
from sidecar.adapters.seals import Seal
from sidecar.gate import limits, pace
from sidecar.gate.actor import NOBODY, Actor
from sidecar.gate.http import current_actor, request_id, route, scopes
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid, Missing
from sidecar.ui.outcome import tell

bp = Blueprint("accounts", __name__)

WRONG = "E-mail address or password is not right."
DRAWN = {"qr": "", "secret": "", "uri": ""}
"""What is left to show of an authenticator's secret that was drawn before."""
UNFIT = "Enter the password (a new one twice) and the six digits of the code."
SPENT = "This invitation was used already, or has run out. Sign in, or ask whoever invited you for a new link."


def _seal() -> Seal:
    return cast("Seal", current_app.extensions["readingroom.seal"])


@route(bp, "/login", needs=Permission.PUBLIC)
def login(_scope: Scope) -> ResponseReturnValue:
    """Show the sign-in form."""
    if current_actor().known:
        return redirect(next_page())
    return render_template("login.html", email="", error="", next_page=next_page())


@route(bp, "/login", needs=Permission.PUBLIC, methods=("POST",))
def login_post(_scope: Scope) -> ResponseReturnValue:
    """Check e-mail and password; the answer for an unknown address is the same, and takes as long."""
    email = request.form.get("email", "")
    try:
        form = forms.SignIn.model_validate(request.form.to_dict())
    except ValidationError:
        return render_template("login.html", email=email, error=WRONG, next_page=next_page()), 401
    began, lookup = pace.now(), scopes().lookup.of(form.email)
    with scopes().open(NOBODY, login=lookup, request_id=request_id(), address=request.remote_addr or "") as asking:
        user = service.check_password(asking, email=form.email, password=form.password)
    if user is None:
        pace.wait(began)
        return render_template("login.html", email=email, error=WRONG, next_page=next_page()), 401
    if user.totp_sealed is None:
        raise Invalid("This account has no second factor yet. Use the invitation link you were given.")
    try:
        with scopes().open(Actor(user.id, user.organisation_id, None, None)) as within:
            sso.refuse_password(within)
    except sso.SsoRequired as required:  # only who knows the password is led there
        return redirect(required.path)
    sessions.half_open(user, next_page=next_page())
    return redirect("/login/code")


@route(bp, "/logout", needs=Permission.SIGNED_IN, methods=("POST",))
def logout(scope: Scope) -> ResponseReturnValue:
    """End the session on every door: the cookie, and the cell tokens made under it."""
    actor = scope.actor
    scope.emit(events.SignedOut(organisation_id=scope.organisation_id, user_id=scope.user_id))
    redis, until = current_app.extensions["readingroom.redis"], scope.now + LONGEST_CELL_TOKEN
    scope.after_commit(lambda: revoke_session(redis, actor.session, until=until))
    sessions.end()
    return redirect("/login")


@route(bp, "/invitation/<token>", needs=Permission.PUBLIC)
def invitation(_scope: Scope, token: str) -> ResponseReturnValue:
    """Show the page where an invited person sets password and second factor."""
    user, address = _invited(token)
    return _enrol_page(user, address, enrolling.offer(address), error="")


@route(bp, "/invitation/<token>", needs=Permission.PUBLIC, methods=("POST",))
def invitation_post(_scope: Scope, token: str) -> ResponseReturnValue:
    """Set password and second factor, then ask to sign in."""
    secret = enrolling.offered()
    if not secret:
        raise Missing
    user, address = _invited(token)
    limits.count_account(str(user.id))  # a link may ask for a password: who found the link must not try them all
    try:
        wanted = forms.Proof if user.password_hash else forms.Enrolment
        form = wanted.model_validate(request.form.to_dict())
        # Within the guest's own walls: once spent, the invitation no longer shows the account to its bearer.
        with scopes().open(Actor(user.id, user.organisation_id, None, None)) as asking:
            guest = service.invited(asking, token)
            service.enrol(asking, guest, password=form.password, totp_secret=secret, code=form.code, seal=_seal())
    except ValidationError:
        return _enrol_page(user, address, DRAWN, error=UNFIT), 400
    except Invalid as problem:
        return _enrol_page(user, address, DRAWN, error=problem.message), 400
    session.clear()
    tell("Password and authenticator are set. Sign in with them.")
    return redirect("/login")


def _invited(token: str) -> tuple[User, str]:
    """Return whose invitation this is, with their address; Missing says what to do about a link that was used or ran out."""
    with scopes().open(NOBODY, login=service.invitation_hash(token)) as asking:
        try:
            user = service.invited(asking, token)
        except Missing as unknown:
            raise Missing(SPENT) from unknown
        return user, addresses.of(asking, _seal(), user)


def _enrol_page(user: User, address: str, drawn: Mapping[str, str], *, error: str) -> str:
    has_password = user.password_hash is not None
    return render_template(
        "enrol.html", user_name=user.name, email=address, has_password=has_password, error=error, again=request.path, **drawn
    )
