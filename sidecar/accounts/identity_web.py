"""One's own name, address and password. The forms stand on /account; an error shows them again on a page of their own."""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from sidecar.accounts import addresses, asking, guests, identity, rules
from sidecar.accounts.guests_web import AddressForm, PasswordForm
from sidecar.accounts.members import present
from sidecar.accounts.tables import User
from sidecar.gate import limits
from sidecar.gate.forms import read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.ui.outcome import tell

bp = Blueprint("identity", __name__)

OWN = Permission.SIGNED_IN
ACCOUNT = "/account"


class NameForm(BaseModel):
    """A name, as printed under reports."""

    model_config = ConfigDict(extra="ignore")
    name: rules.PersonName


class NewAddressForm(AddressForm):
    """Another address, and the password."""

    address_current: str = Field(min_length=1, max_length=1024)


class ChangeForm(PasswordForm):
    """The present password, and the new one twice."""

    current: str = Field(min_length=1, max_length=1024)


@route(bp, "/account/identity", needs=OWN)
def own_identity(scope: Scope) -> ResponseReturnValue:
    """Show the three forms."""
    return _page(scope, {})


@route(bp, "/account/name", needs=OWN, methods=("POST",))
def own_name(scope: Scope) -> ResponseReturnValue:
    """Take another name."""
    filled = read(NameForm, request.form)
    if filled.value is None:
        return _page(scope, filled.errors), 400
    identity.change_name(scope, filled.value.name)
    return _back("Your name is changed. What you signed before keeps the name it was signed with.")


@route(bp, "/account/email", needs=OWN, methods=("POST",))
def own_address(scope: Scope) -> ResponseReturnValue:
    """Name another address; it counts once a link that is sent there was opened."""
    filled = read(NewAddressForm, request.form)
    if filled.value is None:
        return _page(scope, filled.errors), 400
    address = filled.value.email.lower()
    limits.count_account(str(scope.user_id))
    try:
        with tentatively(scope):
            at_once = identity.change_address(scope, guests.office(), address, current=filled.value.address_current)
    except (Invalid, Conflict) as problem:
        field = "address_current" if problem.message == identity.WRONG else "email"
        return _page(scope, {field: problem.message}), problem.status
    return _back(
        "Your address is changed." if at_once else f"Open the link that we sent to {address}; until then nothing changes."
    )


@route(bp, "/account/password", needs=OWN, methods=("POST",))
def own_password(scope: Scope) -> ResponseReturnValue:
    """Take another password; this session stays, all others end."""
    filled = read(ChangeForm, request.form)
    if filled.value is None:
        return _page(scope, filled.errors), 400
    form = filled.value
    if form.password != form.again:
        return _page(scope, {"again": "This is not the same."}), 400
    limits.count_account(str(scope.user_id))
    try:
        with tentatively(scope):
            identity.change_password(scope, guests.office(), current=form.current, new=form.password)
    except Invalid as problem:
        field = "current" if problem.message == identity.WRONG else "password"
        return _page(scope, {field: problem.message}), 400
    return _back("Your password is changed. All other sessions were ended.")


def own(scope: Scope) -> User:
    """Return the acting person, for pages that include the forms."""
    return present(scope, scope.user_id)


def _page(scope: Scope, errors: object) -> str:
    person = own(scope)
    return render_template(
        "account_identity.html", person=person, email=addresses.of(scope, asking.seal(), person), errors=errors
    )


def _back(text: str) -> ResponseReturnValue:
    tell(text)
    return redirect(ACCOUNT)
