"""How the journal is kept: for how long, whether it is held, signed up to where, and when it was checked."""

from typing import Annotated, cast

from flask import current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field, StringConstraints

from sidecar.audit import anchors, service
from sidecar.audit.rules import LEAST_YEARS
from sidecar.audit.web.blueprint import bp, note, signer, tabs
from sidecar.gate.forms import Filled, read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh
from sidecar.kernel.settings import Settings
from sidecar.ui.outcome import tell

PAGE = "/admin/audit/keeping"
AT_ONCE = 50_000
"""Entries that are checked while somebody waits; a longer journal is left to the worker."""


class YearsForm(BaseModel):
    """For how long."""

    years: Annotated[int, Field(ge=LEAST_YEARS, le=100)]


class HoldForm(BaseModel):
    """Why nothing may go."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


@route(bp, PAGE, needs=Permission.AUDIT_READ)
def keeping(scope: Scope) -> ResponseReturnValue:
    """Show it."""
    return _page(scope, Filled(None, {}))


@route(bp, PAGE, needs=Permission.AUDIT_READ, methods=("POST",))
def keep_for(scope: Scope) -> ResponseReturnValue:
    """Keep the journal for another number of years."""
    filled = read(YearsForm, request.form)
    if filled.value is None:
        return _page(scope, filled), 400
    need_fresh(scope)
    service.set_years(scope, years=filled.value.years)
    tell(f"The journal is kept for {filled.value.years} years now.")
    return redirect(PAGE)


@route(bp, f"{PAGE}/hold", needs=Permission.AUDIT_READ, methods=("POST",))
def hold_journal(scope: Scope) -> ResponseReturnValue:
    """Let nothing go, whatever its age."""
    filled = read(HoldForm, request.form)
    if filled.value is None:
        return _page(scope, filled), 400
    need_fresh(scope)
    service.hold(scope, reason=filled.value.reason)
    tell("The journal is under legal hold: nothing is removed from it.")
    return redirect(PAGE)


@route(bp, f"{PAGE}/release", needs=Permission.AUDIT_READ, methods=("POST",))
def release_journal(scope: Scope) -> ResponseReturnValue:
    """Lift the hold."""
    need_fresh(scope)
    service.release(scope)
    tell("The legal hold on the journal is lifted.")
    return redirect(PAGE)


@route(bp, f"{PAGE}/check", needs=Permission.AUDIT_READ, methods=("POST",))
def check_journal(scope: Scope) -> ResponseReturnValue:
    """Verify the chain now, or have the worker do it when it is long."""
    last = service.head(scope)
    if last is not None and last[0] > AT_ONCE:
        service.want_check(scope)
        tell("The journal is long: it is being checked, and the result stands here in a minute or two.")
    else:
        directory = cast("Settings", current_app.extensions["readingroom.settings"]).checkpoints_dir
        outside = anchors.kept(directory, scope.organisation_id)
        verdict = service.verify(scope, signer().verifier, outside=outside)
        service.note_check(scope, verdict, at=scope.now)
        note(scope, "a check of its chain", {}, verdict.rows)
    return redirect(PAGE)


def _page(scope: Scope, filled: Filled[YearsForm] | Filled[HoldForm]) -> str:
    newest = max(service.checkpoints(scope), key=lambda each: each.sequence, default=None)
    last = service.head(scope)
    return render_template(
        "audit_keeping.html",
        tabs=tabs(PAGE),
        keeping=service.known_keeping(scope),
        least=LEAST_YEARS,
        values=filled.values,
        errors=filled.errors,
        entries=last[0] if last else 0,
        newest=newest,
        fingerprint=signer().verifier.fingerprint,
    )
