"""Raising alerts once, telling the administrators, and writing down that somebody looked."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, select, update
from sqlalchemy.dialects.postgresql import insert

from sidecar.accounts import addresses
from sidecar.adapters.seals import Seal
from sidecar.alerts import queries, words
from sidecar.alerts.events import AlertAcknowledged, AlertRaised
from sidecar.alerts.model import GRAVE, Finding, Kind
from sidecar.alerts.tables import Alert, AlertWatch
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied, Invalid, Missing
from sidecar.mail.service import post
from sidecar.notifications.service import notify

BETWEEN_MAILS = timedelta(minutes=10)
"""Mails about lesser alerts are not sent more often: a storm of them becomes one letter."""
ONE_BY_ONE = 3
"""More new alerts than these are told as one."""
PAGE = "/admin/alerts"


def raise_alert(scope: Scope, *, organisation_id: UUID, kind: str, facts: Mapping[str, Any], remind: bool = False) -> None:
    """Raise an alert at once. ``facts``: ids, numbers and enums; "subject" (else "user_id") tells two of a kind apart.

    While one of the same kind and subject is open nothing new is raised: it only moves on, and its administrators are told of it
    once more if ``remind``.
    """
    subject = str(facts.get("subject") or facts.get("user_id") or "")
    plain = {name: value if isinstance(value, int | list) else str(value) for name, value in facts.items()}
    new = stand(scope, organisation_id, Finding(Kind(kind), subject, scope.now, scope.now, plain))
    if remind and not new:
        same = (Alert.organisation_id == organisation_id, Alert.kind == kind, Alert.subject == subject)
        scope.session.execute(update(Alert).where(*same, Alert.acknowledged_at.is_(None)).values(told_at=None, mailed_at=None))


def stand(scope: Scope, organisation_id: UUID, found: Finding) -> bool:
    """Make a finding an open alert; return whether it is a new one."""
    alert_id = uuid4()
    made = insert(Alert).values(
        organisation_id=organisation_id,
        id=alert_id,
        kind=found.kind.value,
        subject=found.subject,
        facts=dict(found.facts),
        first_at=found.first_at,
        last_at=found.last_at,
        raised_at=scope.now,
        acknowledged_name="",
        note="",
    )
    onward = {"facts": made.excluded.facts, "last_at": made.excluded.last_at}
    upsert = made.on_conflict_do_update(
        index_elements=["organisation_id", "kind", "subject"],
        index_where=Alert.acknowledged_at.is_(None),
        set_=onward,
        where=Alert.last_at < made.excluded.last_at,
    )
    new = scope.session.scalar(upsert.returning(Alert.id)) == alert_id
    if new:
        about = found.facts.get("user_id")
        scope.emit(
            AlertRaised(
                organisation_id=organisation_id,
                alert_id=alert_id,
                alert=found.kind.value,
                user_id=UUID(str(about)) if about else None,
            )
        )
    return new


def settle(scope: Scope, *, kinds: Collection[Kind], subject: str, note: str) -> None:
    """Close what is open of these kinds about one subject: it was looked at elsewhere, by the acting person."""
    about = (Alert.kind.in_([each.value for each in kinds]), Alert.subject == subject, Alert.acknowledged_at.is_(None))
    own = select(Alert.id).where(Alert.organisation_id == scope.organisation_id, *about)
    for alert_id in scope.session.scalars(own.with_for_update()).all():  # who settles one at the same time is waited for
        acknowledge(scope, alert_id, note=note)


def acknowledge(scope: Scope, alert_id: UUID, *, note: str) -> Alert:
    """Write down who looked and what it was. Once: a second one finds it settled (Missing).

    Raises Invalid without a note, Denied for an alert about oneself while somebody else can look.
    """
    said = note.strip()
    if not said:
        raise Invalid("Write what it was, in a few words: an auditor will ask.")
    own = (Alert.id == alert_id, Alert.organisation_id == scope.organisation_id)
    about = scope.session.scalar(select(Alert.facts["user_id"].astext).where(*own, Alert.acknowledged_at.is_(None)))
    if about == str(scope.user_id) and any(each.id != scope.user_id for each in queries.administrators(scope)):
        raise Denied("This is about yourself: another administrator settles it.")
    change = (
        update(Alert)
        .where(*own, Alert.acknowledged_at.is_(None))
        .values(acknowledged_at=scope.now, acknowledged_by=scope.user_id, acknowledged_name=scope.actor.name, note=said)
    )
    if cast("CursorResult[None]", scope.session.execute(change)).rowcount != 1:
        raise Missing
    alert: Alert = scope.one(select(Alert).where(Alert.id == alert_id).execution_options(populate_existing=True))
    scope.emit(AlertAcknowledged(organisation_id=alert.organisation_id, alert_id=alert.id, alert=alert.kind))
    return alert


def tell(scope: Scope, seal: Seal, watch: AlertWatch) -> None:
    """Tell the organisation's administrators what they were not told yet: in the house at once, by mail not too often."""
    new = [each for each in queries.open_alerts(scope) if each.told_at is None]
    unmailed = [each for each in queries.open_alerts(scope) if each.mailed_at is None]
    if not new and not unmailed:
        return
    people = queries.administrators(scope)
    sentences = _sentences(scope, unmailed)
    for person in people:
        for text in _lines([sentences[each.id] for each in new]):
            notify(scope, organisation_id=scope.organisation_id, user_id=person.id, kind="alert", text=text, href=PAGE)
    for each in new:
        each.told_at = scope.now
    grave = any(each.kind in GRAVE for each in unmailed)
    if not unmailed or not (grave or watch.mailed_at is None or scope.now - watch.mailed_at >= BETWEEN_MAILS):
        return
    for person in people:
        subject = words.label(unmailed[0].kind) if len(unmailed) == 1 else f"{len(unmailed)} alerts"
        text = "\n\n".join(f"{sentences[each.id]}\n{words.advice(each.kind)}" for each in unmailed)
        address = addresses.of(scope, seal, person)
        post(scope, seal, organisation_id=scope.organisation_id, to=address, subject=subject, text=text, path=PAGE)
    for each in unmailed:
        each.mailed_at = scope.now
    watch.mailed_at = scope.now


def _sentences(scope: Scope, alerts: list[Alert]) -> dict[UUID, str]:
    known = queries.names(scope, (UUID(each.facts["user_id"]) for each in alerts if each.facts.get("user_id")))
    return {each.id: words.happened(each.kind, each.facts, person(each, known)) for each in alerts}


def person(alert: Alert, known: Mapping[UUID, str]) -> str:
    """Return the name of whom an alert is about: "" for nobody, a word for whom one may not see."""
    about = alert.facts.get("user_id")
    return known.get(UUID(about), "somebody of another organisation") if about else ""


def _lines(sentences: list[str]) -> list[str]:
    return sentences if len(sentences) <= ONE_BY_ONE else [f"{len(sentences)} new alerts."]
