"""The access review: the page of a quarter, the same as CSV, and its confirmation."""

from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.accounts import asking
from sidecar.alerts import reviews
from sidecar.alerts.forms import ReviewForm
from sidecar.alerts.quarters import Quarter
from sidecar.gate.forms import read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh
from sidecar.kernel.errors import Invalid
from sidecar.ui.outcome import tell

bp = Blueprint("access_reviews", __name__)
REVIEW = Permission.ACCESS_REVIEW
SHOWN = 6
"""Quarters offered: the present one and those before."""


@route(bp, "/admin/access-review", needs=REVIEW)
def access_review(scope: Scope) -> ResponseReturnValue:
    """Show who may do what as of now, with the changes of the quarter (``?quarter=``, else the present one)."""
    quarter = _quarter(scope, request.args.get("quarter", ""))
    found = reviews.lines(scope, asking.seal(), quarter)
    return render_template(
        "admin_access_review.html",
        lines=found,
        quarter=quarter,
        quarters=[(str(each), each.label) for each in _offered(scope)],
        seen=reviews.fingerprint(found),
        confirmed=reviews.confirmed(scope, quarter),
    )


@route(bp, "/admin/access-review/<quarter>.csv", needs=REVIEW)
def access_review_csv(scope: Scope, quarter: str) -> ResponseReturnValue:
    """Hand the same over as CSV."""
    need_fresh(scope)
    named = Quarter.named(quarter)
    return _csv(reviews.export(scope, asking.seal(), named), f"access-review-{named}")


@route(bp, "/admin/access-review/<quarter>/confirm", needs=REVIEW, methods=("POST",))
def confirm_access_review(scope: Scope, quarter: str) -> ResponseReturnValue:
    """Confirm what was on the page."""
    named, filled = Quarter.named(quarter), read(ReviewForm, request.form)
    if filled.value is None:
        raise Invalid(next(iter(filled.errors.values())))
    reviews.confirm(scope, asking.seal(), named, seen_hash=filled.value.seen, note=filled.value.note)
    text = f"The review of {named.label} is confirmed and kept."
    tell(text)
    return redirect(f"/admin/access-review?quarter={named}")


@route(bp, "/admin/access-review/confirmed/<uuid:review_id>.csv", needs=REVIEW)
def confirmed_access_review(scope: Scope, review_id: UUID) -> ResponseReturnValue:
    """Hand over a list as it was when it was confirmed."""
    need_fresh(scope)
    review, content = reviews.kept(scope, asking.seal(), review_id)
    return _csv(content, f"access-review-{review.quarter}-confirmed")


def _csv(content: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(content, mimetype="text/csv", headers=headers)


def _quarter(scope: Scope, name: str) -> Quarter:
    return Quarter.named(name) if name else Quarter.of(scope.now)


def _offered(scope: Scope) -> list[Quarter]:
    found = [Quarter.of(scope.now)]
    while len(found) < SHOWN:
        found.append(found[-1].before)
    return found
