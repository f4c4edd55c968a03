"""The buttons of ``lost`` on the page of a person."""

from uuid import UUID

from flask import Blueprint, current_app, redirect, render_template
from flask.typing import ResponseReturnValue

from sidecar.accounts import guests, lost
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.ui.outcome import tell

bp = Blueprint("lost", __name__)

MANAGE = Permission.USER_MANAGE


@route(bp, "/admin/users/<uuid:user_id>/device-lost", needs=MANAGE, methods=("POST",))
def device_lost(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Revoke everything the person proves themselves with; where no mail leaves this house, show the link to hand over."""
    office = guests.office()
    user, token = lost.device_lost(scope, office, user_id)
    if office.mails:
        return _back(user_id, f"{user.name} is signed out everywhere and has mail: a new authenticator can be added.")
    link = f"{current_app.extensions['readingroom.settings'].public_url}/invitation/{token}"
    return render_template("admin_device_lost.html", person=user, link=link)


@route(bp, "/admin/users/<uuid:user_id>/unlock", needs=MANAGE, methods=("POST",))
def unlock(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Let codes be tried again."""
    return _back(user_id, f"{lost.unlock(scope, user_id).name} can try codes again.")


@route(bp, "/admin/users/<uuid:user_id>/identity", needs=MANAGE, methods=("POST",))
def verify_identity(scope: Scope, user_id: UUID) -> ResponseReturnValue:
    """Confirm who this is."""
    return _back(user_id, f"{lost.verify_identity(scope, user_id).name} may sign from now on.")


def _back(user_id: UUID, text: str) -> ResponseReturnValue:
    tell(text)
    return redirect(f"/admin/users/{user_id}", 303)
