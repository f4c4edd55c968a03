"""From where people sign in: what is new is worth a word to them and to their administrators."""

import json
from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from sidecar.accounts.tables import User
from sidecar.alerts.model import Finding, Kind
from sidecar.alerts.rules import place
from sidecar.alerts.service import stand
from sidecar.alerts.tables import AlertWatch, KnownPlace
from sidecar.gate.scope import Scope
from sidecar.kernel.journal import JournalRow
from sidecar.notifications.service import notify

SIGNED_IN = "accounts.user.signed-in"
FRESH = timedelta(hours=1)
"""A sign-in of before that is learnt only: the mark may begin at a chain of years."""


def watch_of(scope: Scope) -> AlertWatch:
    """Return the organisation's mark, held until the transaction ends. The first one begins at the start of its chain."""
    first = insert(AlertWatch).values(organisation_id=scope.organisation_id, sequence=0)
    scope.session.execute(first.on_conflict_do_nothing())
    mine = select(AlertWatch).where(AlertWatch.organisation_id == scope.organisation_id).with_for_update()
    found: AlertWatch = scope.session.scalars(mine).one()
    return found


def look_for_new(scope: Scope, watch: AlertWatch) -> None:
    """Go through the sign-ins since the mark. A person's first place ever is learnt; a later unknown one is an alert."""
    own = JournalRow.organisation_id == scope.organisation_id
    last = scope.session.scalar(select(func.max(JournalRow.sequence)).where(own)) or 0
    if last == watch.sequence:
        return
    rows = scope.session.scalars(
        select(JournalRow)
        .where(own, JournalRow.kind == SIGNED_IN, JournalRow.sequence > watch.sequence, JournalRow.sequence <= last)
        .order_by(JournalRow.sequence)
    ).all()
    watch.sequence = last
    known = _known(scope, {row.subject_id for row in rows if row.subject_id})
    for row in rows:
        where = place(json.loads(row.body).get("address") or "")
        if row.subject_id is None or not where or row.subject_id not in known:
            continue
        places = known[row.subject_id]
        if places and where not in places and row.at >= scope.now - FRESH:
            _tell(scope, row, where)
        places.add(where)
        _learn(scope, row, where)


def _known(scope: Scope, people: set[UUID]) -> dict[UUID, set[str]]:
    """Return the places of these people, of those who still can sign in to the organisation: of others nothing is learnt."""
    here = scope.session.scalars(
        select(User.id).where(User.id.in_(people), User.organisation_id == scope.organisation_id, User.email_lookup.is_not(None))
    )
    found: dict[UUID, set[str]] = defaultdict(set, {each: set() for each in here})
    rows = scope.session.execute(select(KnownPlace.user_id, KnownPlace.place).where(KnownPlace.user_id.in_(people)))
    for user_id, where in rows:
        found[user_id].add(where)
    return dict(found)


def _learn(scope: Scope, row: JournalRow, where: str) -> None:
    made = insert(KnownPlace).values(organisation_id=row.organisation_id, user_id=row.subject_id, place=where, last_at=row.at)
    scope.session.execute(
        made.on_conflict_do_update(index_elements=["organisation_id", "user_id", "place"], set_={"last_at": row.at})
    )


def _tell(scope: Scope, row: JournalRow, where: str) -> None:
    about = str(row.subject_id)
    facts = {"user_id": about, "place": where}
    stand(scope, row.organisation_id, Finding(Kind.NEW_PLACE, f"{about} {where}", row.at, row.at, facts))
    text = f"You signed in from {where} for the first time. If that was not you, end the session and change the password."
    if row.subject_id:
        notify(scope, organisation_id=row.organisation_id, user_id=row.subject_id, kind="new-place", text=text, href="/account")
