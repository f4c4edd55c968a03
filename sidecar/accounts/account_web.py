"""/account: what a person sees and changes about how they get in."""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.accounts import addresses, asking, ending, enrolling, passkey_proof, second_factor, sessions, tokens, visits
from sidecar.accounts.devices import device_words
from sidecar.accounts.service import get_user
from sidecar.accounts.stepup import need_fresh
from sidecar.gate.forms import tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid, Missing
from sidecar.ui.outcome import tell

bp = Blueprint("account", __name__)

OWN = Permission.SIGNED_IN


@route(bp, "/account", needs=OWN)
def account(scope: Scope) -> ResponseReturnValue:
    """Show name, password, second factor, passkeys, sessions and keys."""
    user = get_user(scope, scope.user_id)
    return render_template(
        "account.html",
        person=user,
        email=addresses.of(scope, asking.seal(), user),
        codes_left=second_factor.codes_left(scope, user.id),
        codes_in_a_set=second_factor.CODES_IN_A_SET,
        passkeys=passkey_proof.of_person(scope, user),
        sessions=_sessions(scope),
    )


@route(bp, "/account/authenticator", needs=OWN)
def authenticator(scope: Scope) -> ResponseReturnValue:
    """Draw a new authenticator's secret, this once."""
    need_fresh(scope)
    address = addresses.of(scope, asking.seal(), get_user(scope, scope.user_id))
    return render_template("account_authenticator.html", error="", again=request.path, **enrolling.offer(address))


@route(bp, "/account/authenticator", needs=OWN, methods=("POST",))
def authenticator_post(scope: Scope) -> ResponseReturnValue:
    """Let it take the place of the one before, if its code fits; all other sessions end."""
    secret = enrolling.offered()
    if secret is None:
        return redirect("/account/authenticator", 303)
    try:
        with tentatively(scope):
            second_factor.enable_totp(scope, asking.seal(), asking.redis(), secret=secret, code=request.form.get("code", ""))
    except Invalid as problem:
        drawn = {"qr": "", "secret": "", "uri": ""}
        return render_template("account_authenticator.html", error=problem.message, again=request.path, **drawn), 400
    enrolling.forget()
    if sessions.current_visit():
        scope.after_commit(sessions.confirm)
    return _back("The new authenticator is set, the old one opens nothing any more. All other sessions were ended.")


@route(bp, "/account/backup-codes", needs=OWN, methods=("POST",))
def new_backup_codes(scope: Scope) -> ResponseReturnValue:
    """Make ten new codes and show them, this once."""
    return render_template("account_backup_codes.html", codes=second_factor.backup_codes(scope))


@route(bp, "/account/sessions/<string:name>/end", needs=OWN, methods=("POST",))
def end_session(scope: Scope, name: str) -> ResponseReturnValue:
    """End one of one's own sessions, of a browser or of a program."""
    if name not in {each["id"] for each in _sessions(scope)}:
        raise Missing
    ending.end_one(scope, asking.redis(), scope.user_id, name)
    return _back("That session was ended.", "/account#sessions")


@route(bp, "/account/sessions/end-others", needs=OWN, methods=("POST",))
def end_other_sessions(scope: Scope) -> ResponseReturnValue:
    """End all but this one."""
    ending.end_everywhere(scope, asking.redis(), scope.user_id, keep=scope.actor.session)
    return _back("All your other sessions were ended.", "/account#sessions")


def _sessions(scope: Scope) -> list[dict[str, object]]:
    """Return the acting person's open sessions, this one first, then browsers, then programs."""
    browsers = [
        {
            "id": visit.id, "device": device_words(visit.device.agent), "address": visit.device.address,
            "began_at": visit.began_at, "seen_at": visit.seen_at, "own": visit.id == scope.actor.session,
        }
        for visit in visits.visits_of(asking.redis(), scope.user_id, now=scope.now)
    ]  # fmt: skip
    programs = [
        {
            "id": family.id.hex, "device": family.client or "A program", "address": family.address,
            "began_at": family.created_at, "seen_at": family.used_at, "own": False,
        }
        for family in tokens.open_families(scope, scope.user_id)
    ]  # fmt: skip
    return sorted(browsers, key=lambda each: not each["own"]) + programs


def _back(text: str, where: str = "/account") -> ResponseReturnValue:
    tell(text)
    return redirect(where, 303)
