"""Break the glass, use it, close it; and its review by the hospital's administrators."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from flask import g, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from sidecar.gate.actor import Glass, OrganisationKind
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import current_actor, route, scopes
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid, Missing
from sidecar.organisations import queries as organisations
from sidecar.sharing import glass
from sidecar.sharing.forms import GlassForm, ReviewForm
from sidecar.sharing.model import Verdict
from sidecar.sharing.rules import MOST_MINUTES
from sidecar.sharing.tables import BrokenGlass
from sidecar.sharing.web.blueprint import bp
from sidecar.ui.outcome import tell

KEY = "glass"
"""In the session: id and end of the glass in use. It ends with the session; the walls look at the row whatever stands here."""


def take_up() -> None:
    """Before a request, give the actor the glass that this session broke, while it lasts."""
    held = session.get(KEY)
    if not held or not current_actor().known or g.get("bearer"):
        return
    until = datetime.fromisoformat(held[1])
    if until > scopes().clock():
        g.actor = replace(current_actor(), glass=Glass(UUID(held[0]), until))


def _take_in_use(broken: BrokenGlass) -> None:
    session[KEY] = [str(broken.id), broken.ends_at.astimezone(UTC).isoformat()]


@route(bp, "/glass", needs=Permission.GLASS_BREAK)
def glass_page(scope: Scope) -> ResponseReturnValue:
    """Ask whom, why and how long; or show what is open."""
    return _page(scope, Filled(None, {}))


def _page(scope: Scope, filled: Filled[GlassForm]) -> str:
    platform = scope.actor.kind is OrganisationKind.PLATFORM
    return render_template(
        "glass.html",
        broken=glass.in_use(scope),
        in_use=scope.actor.glass is not None,
        hospitals=organisations.choices(scope, OrganisationKind.PROVIDER) if platform else None,
        values={"patient": request.args.get("patient", ""), "reason": "", "minutes": MOST_MINUTES, "organisation_id": "",
                **filled.values},
        errors=filled.errors,
    )  # fmt: skip


@route(bp, "/glass", needs=Permission.GLASS_BREAK, methods=("POST",))
def break_glass(scope: Scope) -> ResponseReturnValue:
    """Break it, and lead to what it opens."""
    filled = read(GlassForm, request.form)
    if filled.value is None:
        return _page(scope, filled), 400
    form = filled.value
    try:
        with tentatively(scope):
            if form.organisation_id is not None:
                broken = glass.break_for_hospital(scope, form.organisation_id, reason=form.reason, minutes=form.minutes)
            else:
                broken = glass.break_for_patient(scope, written=form.patient, reason=form.reason, minutes=form.minutes)
    except (Invalid, Missing) as problem:
        at = "organisation_id" if scope.actor.kind is OrganisationKind.PLATFORM else "patient"
        return _page(scope, filled.refused(at, problem.message)), problem.status
    _take_in_use(broken)
    return redirect("/hospital")


@route(bp, "/glass/resume", needs=Permission.GLASS_BREAK, methods=("POST",))
def resume(scope: Scope) -> ResponseReturnValue:
    """Use one's own open glass in this session: after signing in again, in another browser."""
    broken = glass.in_use(scope)
    if broken is None:
        raise Missing
    _take_in_use(broken)
    return redirect("/hospital")


@route(bp, "/glass/close", needs=Permission.GLASS_BREAK, methods=("POST",))
def close_glass(scope: Scope) -> ResponseReturnValue:
    """Close it before its time."""
    session.pop(KEY, None)
    broken = glass.in_use(scope)
    if broken is not None:
        glass.close(scope, broken.id)
        tell("The glass is closed again. Thank you.")
    return redirect("/glass")


@route(bp, "/admin/glass", needs=Permission.GLASS_REVIEW)
def reviews(scope: Scope) -> ResponseReturnValue:
    """List what was broken: what is to be reviewed first."""
    return render_template(
        "admin_glass.html", found=glass.all_of(scope), overdue=glass.overdue(scope), own_id=scope.user_id, verdicts=list(Verdict)
    )


@route(bp, "/admin/glass/<uuid:glass_id>/review", needs=Permission.GLASS_REVIEW, methods=("POST",))
def review_glass(scope: Scope, glass_id: UUID) -> ResponseReturnValue:
    """Say whether it was justified."""
    said = read(ReviewForm, request.form).value
    if said is None:
        raise Invalid("Choose whether it was justified.")
    broken = glass.review(scope, glass_id, verdict=said.verdict, remark=said.remark)
    tell(f"The review of {broken.user_name} is on record.")
    return redirect("/admin/glass")
