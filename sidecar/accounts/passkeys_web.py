"""Adding and removing one's own passkeys."""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, jsonify, redirect, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sidecar.accounts import asking, passkeys
from sidecar.gate.forms import read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.ui.outcome import tell

bp = Blueprint("passkeys", __name__)

REGISTER = "register"


class NewPasskey(BaseModel):
    """What a person calls it, and what the browser made."""

    model_config = ConfigDict(extra="ignore")
    passkey_name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    credential: str = Field(min_length=2, max_length=asking.LONGEST_ANSWER)


@route(bp, "/account/passkeys/new", needs=Permission.SIGNED_IN)
def passkey_options(scope: Scope) -> ResponseReturnValue:
    """Return the options for making a passkey."""
    return jsonify(passkeys.options(scope, asking.seal(), asking.question(asker=scope.actor.session, purpose=REGISTER)))


@route(bp, "/account/passkeys", needs=Permission.SIGNED_IN, methods=("POST",))
def add_passkey(scope: Scope) -> ResponseReturnValue:
    """Keep the passkey that the browser made."""
    form = read(NewPasskey, request.form).value
    if form is None:
        raise Invalid("Give the passkey a name of at most 60 characters.")
    question = asking.question(asker=scope.actor.session, purpose=REGISTER)
    made = passkeys.add(scope, asking.seal(), asking.passkey_answer(form.credential, question), name=form.passkey_name)
    tell(f"{made.name} can be used from now on.")
    return redirect("/account#passkeys", 303)


@route(bp, "/account/passkeys/<uuid:passkey_id>/remove", needs=Permission.SIGNED_IN, methods=("POST",))
def remove_passkey(scope: Scope, passkey_id: UUID) -> ResponseReturnValue:
    """Accept it no more."""
    gone = passkeys.remove(scope, asking.seal(), passkey_id)
    tell(f"{gone.name} is not accepted any more.")
    return redirect("/account#passkeys", 303)
