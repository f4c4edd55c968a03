"""The page on which an administrator says where the journal goes besides, and sees how far it is."""

from typing import Any, cast

from flask import Blueprint, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.adapters.certificates import Facts, facts
from sidecar.adapters.seals import Seal
from sidecar.alerts import forwarding
from sidecar.alerts.forms import FhirForm, SyslogForm
from sidecar.alerts.forwarding import Progress, Target
from sidecar.alerts.syslog import DEFAULT_PORT
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh
from sidecar.kernel.errors import Invalid, Missing
from sidecar.ui.outcome import tell

bp = Blueprint("forwarding", __name__)
MANAGE = Permission.FORWARDING_MANAGE
EMPTY = {"start": "now", "authority": "", "host": "", "port": DEFAULT_PORT, "url": "", "bearer": "", "client_certificate": ""}


@route(bp, "/admin/forwarding", needs=MANAGE)
def show_forwarding(scope: Scope) -> ResponseReturnValue:
    """Show both collectors and how far they are."""
    return _page(scope)


@route(bp, "/admin/forwarding", needs=MANAGE, methods=("POST",))
def set_forwarding(scope: Scope) -> ResponseReturnValue:
    """Set one of them; what was sent there goes on from where it was."""
    need_fresh(scope)  # it sends everything to wherever this says
    target = _target(request.form.get("target", ""))
    filled = read(SyslogForm, request.form) if target is Target.SYSLOG else read(FhirForm, request.form)
    if filled.value is None:
        return _page(scope, target, filled), 400
    to = filled.value.destination()
    try:
        with tentatively(scope):
            forwarding.set_target(scope, _seal(), target, to, everything=filled.value.everything)
    except Invalid as problem:
        return _page(scope, target, filled.refused("client_key", problem.message)), problem.status
    tell(f"The journal goes to {to.host} from now on.")
    return redirect("/admin/forwarding")


@route(bp, "/admin/forwarding/<target>/end", needs=MANAGE, methods=("POST",))
def end_forwarding(scope: Scope, target: str) -> ResponseReturnValue:
    """Send nothing there any more."""
    need_fresh(scope)
    forwarding.end_target(scope, _target(target))
    tell("The journal is not forwarded there any more. Setting it again goes on from then.")
    return redirect("/admin/forwarding")


@route(bp, "/admin/forwarding/<target>/try", needs=MANAGE, methods=("POST",))
def try_forwarding(scope: Scope, target: str) -> ResponseReturnValue:
    """Try at once instead of at the end of the pause."""
    forwarding.try_now(scope, _target(target))
    tell("It is tried again now.")
    return redirect("/admin/forwarding")


def _target(name: str) -> Target:
    try:
        return Target(name)
    except ValueError:
        raise Missing from None


def _page(scope: Scope, target: Target | None = None, filled: Filled[Any] | None = None) -> str:
    known = forwarding.progress(scope)
    values = {each.value: _values(known.get(each)) for each in Target}
    if target and filled:
        values[target.value] |= {**filled.values, "bearer": "", "client_key": ""}  # what is secret is never sent back
    return render_template(
        "admin_forwarding.html",
        known={each.value: progress for each, progress in known.items()},
        values=values,
        certificate=_certificate(known.get(Target.SYSLOG)),
        errors={each.value: filled.errors if filled and each is target else {} for each in Target},
    )


def _values(progress: Progress | None) -> dict[str, Any]:
    if progress is None:
        return dict(EMPTY)
    row = progress.forwarding
    host = f"[{row.host}]" if ":" in row.host else row.host
    known = {"host": row.host, "port": row.port, "authority": row.authority, "client_certificate": row.client_certificate}
    return EMPTY | known | {"url": f"https://{host}:{row.port}{row.path}"}


def _certificate(progress: Progress | None) -> Facts | None:
    """Return what is written on the certificate that we prove ourselves with."""
    written = progress.forwarding.client_certificate if progress else ""
    return facts(written) if written else None


def _seal() -> Seal:
    return cast("Seal", current_app.extensions["readingroom.seal"])
