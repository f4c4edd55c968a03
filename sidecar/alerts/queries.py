"""Reading what alerts are made of, and alerts. The walls decide what is seen."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from sidecar.accounts.tables import User
from sidecar.alerts import rules
from sidecar.alerts.model import Seen
from sidecar.alerts.tables import Alert
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scope
from sidecar.kernel.journal import JournalRow

WATCHED = (
    rules.FAILED,
    "gate.door.denied",
    "gate.door.missed",
    rules.REFUSED_AT_CELL,
    rules.GUESSED,
    *rules.TAKEN,
    rules.GIVEN,
    *rules.AT_ONCE,
)
MOST_ROWS = 20_000
"""Rows looked at in one go; who fills an hour with more has raised an alert long before."""
SHOWN_SETTLED = 50
KEPT_IN_SIGHT = timedelta(days=90)


def watched(scope: Scope, since: datetime) -> list[Seen]:
    """Return what the rules look at, oldest first: of the own chain, and what the own people did in others'."""
    newest = (
        select(JournalRow)
        .where(JournalRow.kind.in_(WATCHED), JournalRow.at >= since)
        .order_by(JournalRow.at.desc(), JournalRow.sequence.desc())
    )
    rows = scope.session.scalars(newest.limit(MOST_ROWS)).all()
    return [_seen(row) for row in reversed(rows)]


def _seen(row: JournalRow) -> Seen:
    body: dict[str, Any] = json.loads(row.body)
    facts = body["facts"]
    at_door = row.kind.startswith("gate.door.")  # one row each; its count is how many there were before it
    return Seen(
        at=row.at,
        kind=row.kind,
        person=row.actor_id or row.subject_id,
        address=body.get("address") or "",
        study_id=row.study_id,
        count=1 if at_door else int(facts.get("count", 1)),
        route=str(facts.get("route", "")),
        subject=str(facts.get("glass_id", "")),
    )


def settled(scope: Scope, since: datetime) -> dict[tuple[str, str], datetime]:
    """Return what somebody acknowledged since then, and when last: (kind, subject) → moment."""
    own = (Alert.organisation_id == scope.organisation_id, Alert.acknowledged_at >= since)
    rows = scope.session.execute(
        select(Alert.kind, Alert.subject, func.max(Alert.acknowledged_at)).where(*own).group_by(Alert.kind, Alert.subject)
    )
    return {(kind, subject): at for kind, subject, at in rows if at}


def open_alerts(scope: Scope) -> Sequence[Alert]:
    """Return what nobody has looked at, the newest first."""
    mine = (Alert.organisation_id == scope.organisation_id, Alert.acknowledged_at.is_(None))
    return scope.session.scalars(select(Alert).where(*mine).order_by(Alert.last_at.desc())).all()


def settled_alerts(scope: Scope) -> Sequence[Alert]:
    """Return what was looked at lately, the newest first."""
    lately = Alert.acknowledged_at >= scope.now - KEPT_IN_SIGHT
    mine = select(Alert).where(Alert.organisation_id == scope.organisation_id, lately)
    return scope.session.scalars(mine.order_by(Alert.acknowledged_at.desc()).limit(SHOWN_SETTLED)).all()


def administrators(scope: Scope) -> Sequence[User]:
    """Return who is told: the organisation's active administrators."""
    active = (User.disabled_at.is_(None), User.deleted_at.is_(None))
    mine = (User.organisation_id == scope.organisation_id, User.role == Role.ADMIN.value)
    return scope.session.scalars(select(User).where(*mine, *active).order_by(User.name)).all()


def names(scope: Scope, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of these people, as far as they may be seen."""
    rows = scope.session.execute(select(User.id, User.name).where(User.id.in_(set(ids))))
    return {row.id: row.name for row in rows}
