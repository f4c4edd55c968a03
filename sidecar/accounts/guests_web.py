"""Pages for people without a session: register, confirm an address, forgotten password."""

from typing import Annotated

from flask import Blueprint, render_template, request, session
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from sidecar.accounts import codes, guests, rules
from sidecar.accounts.links import SPENT, Purpose
from sidecar.gate.forms import Filled, read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid, Missing

bp = Blueprint("guests", __name__)

PUBLIC = Permission.PUBLIC
Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(rules.email_address)]


class RegistrationForm(BaseModel):
    """Who asks for an account, and where. The password is taken as it is."""

    model_config = ConfigDict(extra="ignore")
    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=guests.LONGEST_NAME)]
    email: Address
    password: str = Field(min_length=1, max_length=1024)


class AddressForm(BaseModel):
    """One's address."""

    model_config = ConfigDict(extra="ignore")
    email: Address


class PasswordForm(BaseModel):
    """A new password, twice."""

    model_config = ConfigDict(extra="ignore")
    password: str = Field(min_length=1, max_length=1024)
    again: str = Field(min_length=1, max_length=1024)


@route(bp, "/register", needs=PUBLIC)
def register_page(_scope: Scope) -> ResponseReturnValue:
    """Show the form; ``?code=`` fills the code in, for a link on the hospital's intranet."""
    return _register(Filled(None, {"code": request.args.get("code", "")}))


@route(bp, "/register", needs=PUBLIC, methods=("POST",))
def register(_scope: Scope) -> ResponseReturnValue:
    """Ask for an account; the answer is the same whether the address has one."""
    filled = read(RegistrationForm, request.form)
    if filled.value is None:
        return _register(filled), 400
    form = filled.value
    try:
        guests.register(code=form.code, email=form.email, name=form.name, password=form.password)
    except Invalid as problem:
        return _register(filled.refused("code" if problem.message == codes.UNKNOWN else "password", problem.message)), 400
    return _done(
        "Nearly there",
        f"We sent a mail to {form.email}. Open the link in it, and somebody of your organisation will look at your request."
        if guests.office().mails
        else "Somebody of your organisation will look at your request and give you a link.",
    )


@route(bp, "/forgot", needs=PUBLIC)
def forgot_page(_scope: Scope) -> ResponseReturnValue:
    """Show the form."""
    return render_template("forgot.html", email="", error="", mails=guests.office().mails)


@route(bp, "/forgot", needs=PUBLIC, methods=("POST",))
def forgot(_scope: Scope) -> ResponseReturnValue:
    """Send a link, if there is an account; the answer is the same if there is none."""
    filled = read(AddressForm, request.form)
    if not guests.office().mails:
        raise Invalid("This installation sends no e-mail. Ask your administrator for a link.")
    if filled.value is None:
        page = render_template("forgot.html", email=filled.values.get("email", ""), error=filled.errors["email"], mails=True)
        return page, 400
    guests.forgot(email=filled.value.email)
    return _done(
        "Look into your mail",
        f"If {filled.value.email} has an account, a link to choose a new password is on its way. It works for 30 minutes.",
    )


@route(bp, "/reset/<token>", needs=PUBLIC)
def reset_page(_scope: Scope, token: str) -> ResponseReturnValue:
    """Show where to choose a new password. A mail program that looks at the link uses nothing up."""
    _need(token, Purpose.RESET)
    return render_template("reset.html", error="")


@route(bp, "/reset/<token>", needs=PUBLIC, methods=("POST",))
def reset(_scope: Scope, token: str) -> ResponseReturnValue:
    """Set the new password; signing in asks for it and for the second factor, as always."""
    filled = read(PasswordForm, request.form)
    if filled.value is None or filled.value.password != filled.value.again:
        _need(token, Purpose.RESET)
        return render_template("reset.html", error="Enter the same password twice."), 400
    try:
        guests.reset_password(token=token, password=filled.value.password)
    except Invalid as problem:
        return render_template("reset.html", error=problem.message), 400
    session.clear()
    return _done("Your password is set", "All sessions were ended. Sign in with the new password and your authenticator.")


@route(bp, "/verify/<token>", needs=PUBLIC)
def verify_page(_scope: Scope, token: str) -> ResponseReturnValue:
    """Ask for one press: programs that open links in mails must not confirm for their reader."""
    guests.purpose_of(token)
    return render_template("verify.html")


@route(bp, "/verify/<token>", needs=PUBLIC, methods=("POST",))
def verify(_scope: Scope, token: str) -> ResponseReturnValue:
    """Use the link up."""
    if guests.verify(token) is Purpose.EMAIL:
        session.clear()
        return _done("Your new address counts", "Sign in with it from now on. All sessions were ended.")
    return _done(
        "Thank you", "Your address is confirmed. Somebody of your organisation will look at your request; a mail tells you."
    )


def _need(token: str, purpose: Purpose) -> None:
    if guests.purpose_of(token) is not purpose:
        raise Missing(SPENT)


def _register(filled: Filled[RegistrationForm]) -> str:
    shown = {name: filled.values.get(name, "") for name in ("code", "name", "email")}
    return render_template("register.html", values=shown, errors=filled.errors)


def _done(title: str, text: str) -> ResponseReturnValue:
    return render_template("guest_done.html", title=title, text=text)
