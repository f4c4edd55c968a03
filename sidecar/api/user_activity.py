"""JSON: what a person did: ``/api/users/<id>/statistics`` and ``/api/users/<id>/activity``, both read from the journal.

The journal is what their own organisation's administrators may read; the platform runs accounts, not their people's work.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint
from pydantic import Field
from sqlalchemy import ColumnElement, Text, and_, cast, func, literal, or_, select

from sidecar.accounts.members import present
from sidecar.accounts.tables import User
from sidecar.assignment.rules import OPEN
from sidecar.audit.events import JournalShown
from sidecar.gate import api
from sidecar.gate.paging import After, cut, newest_first
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Asked, Paging, Shown, Told
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Missing
from sidecar.kernel.journal import JournalRow
from sidecar.studies.tables import Study

bp = Blueprint("api_user_activity", __name__)
COUNTED = {
    "sign_ins": "accounts.user.signed-in",
    "failed_sign_ins": "accounts.user.sign-in-failed",
    "studies_opened": "studies.study.opened",
    "studies_claimed": "assignment.study.claimed",
    "studies_assigned": "assignment.study.assigned",
    "reports_signed": "reports.report.signed",
    "addenda_signed": "reports.addendum.signed",
    "reports_read": "reports.report.read",
    "studies_downloaded": "archive.study.downloaded",
}
"""Kind of event by the name of its count."""


class Period(Asked):
    """Of how many days, until now."""

    days: Annotated[int, Field(ge=1, le=366)] = 30


class Statistics(Shown):
    """How often a person did what, in the days asked for; ``open_studies`` are those they have now."""

    days: int
    sign_ins: int
    failed_sign_ins: int
    studies_opened: int
    studies_claimed: int
    studies_assigned: int
    reports_signed: int
    addenda_signed: int
    reports_read: int
    studies_downloaded: int
    open_studies: int
    last_signed_in_at: datetime | None


class StatisticsAnswer(Told):
    """One person's numbers."""

    statistics: Statistics


class Act(Shown):
    """One thing a person did. ``organization_id`` is in whose house; ``outcome`` 0 succeeded, 4 was refused, 8 is serious."""

    at: datetime
    kind: str
    organization_id: UUID
    study_id: UUID | None
    outcome: int


class ActivityAnswer(Told):
    """A page of what a person did, the latest first; ``next`` is the cursor of the following one."""

    activity: list[Act]
    next: str | None


@api.route(bp, "/api/users/<uuid:user_id>/statistics", needs=Permission.USER_MANAGE, query=Period, answer=StatisticsAnswer)
def statistics(scope: Scope, user_id: UUID, query: Period) -> StatisticsAnswer:
    """Count what one person did."""
    since, by = scope.now - timedelta(days=query.days), _by(_colleague(scope, user_id))
    counts = [func.count().filter(JournalRow.kind == kind) for kind in COUNTED.values()]
    row = scope.session.execute(select(*counts).where(by, JournalRow.at >= since)).one()
    last = select(func.max(JournalRow.at)).where(by, JournalRow.kind == COUNTED["sign_ins"])
    mine = select(func.count()).select_from(Study).where(Study.assignee_id == user_id, Study.status.in_(OPEN))
    told: dict[str, Any] = dict(zip(COUNTED, row, strict=True))
    return StatisticsAnswer(
        statistics=Statistics(
            **told,
            days=query.days,
            open_studies=scope.session.scalar(mine) or 0,
            last_signed_in_at=scope.session.scalar(last),
        )
    )


@api.route(bp, "/api/users/<uuid:user_id>/activity", needs=Permission.AUDIT_READ, query=Paging, answer=ActivityAnswer)
def activity(scope: Scope, user_id: UUID, query: Paging) -> ActivityAnswer:
    """List what one person did. That you looked is on record too."""
    found = select(JournalRow).where(_by(_colleague(scope, user_id)))
    rows = scope.session.scalars(newest_first(found, query, JournalRow.at, PLACE, read_id=str)).all()
    page, following = cut(query, rows, lambda each: After(each.at, f"{each.organisation_id}{each.sequence:019}"))
    scope.emit(
        JournalShown(organisation_id=scope.organisation_id, place="api/users/activity", filters=["person"], shown=len(page))
    )
    return ActivityAnswer(activity=[_act(each) for each in page], next=following)


PLACE = cast(JournalRow.organisation_id, Text).concat(func.lpad(cast(JournalRow.sequence, Text), 19, literal("0"))).collate("C")
"""A row's place among those of one moment: its chain and number."""


def _colleague(scope: Scope, user_id: UUID) -> User:
    user = present(scope, user_id)
    if user.organisation_id != scope.organisation_id:
        raise Missing
    return user


def _by(user: User) -> ColumnElement[bool]:
    """Return the condition of what a person did, wherever; at a sign-in one is nobody yet, and the subject."""
    did = and_(JournalRow.actor_organisation_id == user.organisation_id, JournalRow.actor_id == user.id)
    came = and_(
        JournalRow.organisation_id == user.organisation_id, JournalRow.actor_id.is_(None), JournalRow.subject_id == user.id
    )
    return or_(did, came)


def _act(row: JournalRow) -> Act:
    return Act(at=row.at, kind=row.kind, organization_id=row.organisation_id, study_id=row.study_id, outcome=row.outcome)
