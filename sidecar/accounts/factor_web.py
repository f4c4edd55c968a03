"""The second step of signing in: a code of the authenticator or of the printed set, or a passkey."""

from typing import cast
from uuid import UUID

from flask import Blueprint, jsonify, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from sidecar.accounts import asking, events, passkey_proof, second_factor, sessions
from sidecar.accounts.passkey_proof import Question
from sidecar.accounts.tables import User
from sidecar.gate import limits
from sidecar.gate.actor import Actor
from sidecar.gate.http import open_scope, route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Unauthenticated

bp = Blueprint("factor", __name__)

WRONG = "The code is wrong or was already used. Wait for the next one."
LOCKED = "Too many wrong codes: codes are refused for a while, right ones too. Your administrator can let you try again."


@route(bp, "/login/code", needs=Permission.PUBLIC)
def code(_scope: Scope) -> ResponseReturnValue:
    """Ask for the second factor of whoever has just given the password."""
    pending = sessions.pending()
    if pending is None:
        return redirect("/login")
    with open_scope(_walls(pending)) as scope:
        return _page(scope, pending[1], "") if _half_in(scope, pending[1]) else redirect("/login")


@route(bp, "/login/code", needs=Permission.PUBLIC, methods=("POST",))
def code_post(_scope: Scope) -> ResponseReturnValue:
    """Use it up and open the session, under a new id."""
    pending = sessions.pending()
    if pending is None:
        return redirect("/login")
    limits.count_account(str(pending[1]))
    with open_scope(_walls(pending)) as scope:
        user = _half_in(scope, pending[1])
        if user is None:
            return redirect("/login")
        good = user.disabled_at is None and _proved(scope, user)
        if good:
            scope.emit(events.SignedIn(organisation_id=user.organisation_id, user_id=user.id))
    if not good:
        with open_scope(_walls(pending)) as scope:
            locked = second_factor.locked_until(_person(scope, pending[1]), now=scope.now)
            return _page(scope, pending[1], LOCKED if locked else WRONG), 401
    after = cast("str", session.get("next", "/"))
    sessions.begin(user)
    return redirect(after)


@route(bp, "/login/passkey", needs=Permission.PUBLIC)
def login_passkey(_scope: Scope) -> ResponseReturnValue:
    """Return the options for asking the passkey of whoever has just given the password."""
    pending = sessions.pending()
    if pending is None:
        raise Unauthenticated("Please sign in.")
    with open_scope(_walls(pending)) as scope:
        user = _half_in(scope, pending[1])
        if user is None:
            raise Unauthenticated("Please sign in.")
        return jsonify(passkey_proof.options(scope, user, _question()))


def _proved(scope: Scope, user: User) -> bool:
    passkey = request.form.get("passkey", "")
    if passkey:
        return passkey_proof.accept(scope, asking.seal(), user, asking.passkey_answer(passkey, _question()))
    return second_factor.verify(scope, asking.seal(), user, code=request.form.get("code", ""))


def _walls(pending: tuple[UUID, UUID]) -> Actor:
    organisation_id, user_id = pending
    return Actor(user_id, organisation_id, None, None)


def _half_in(scope: Scope, user_id: UUID) -> User | None:
    """Return who gave the password, None when they have another by now."""
    user = _person(scope, user_id)
    return user if sessions.still_pending(user) else None


def _person(scope: Scope, user_id: UUID) -> User:
    user: User = scope.one(select(User).where(User.id == user_id))
    return user


def _question() -> Question:
    return asking.question(asker=asking.anonymous_session(), purpose="sign in")


def _page(scope: Scope, user_id: UUID, error: str) -> str:
    passkeys = passkey_proof.of_person(scope, _person(scope, user_id))
    return render_template("second_factor.html", error=error, passkeys=bool(passkeys))
