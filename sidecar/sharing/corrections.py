"""Telling those who opened an earlier version of a report that there is a newer one: in the house, or by mail behind a link.

Told is who may see the report at this moment, by the very walls they would meet: each person is asked for in a transaction of
their own. Nothing told names the patient, the hospital or what the report says; it leads to where they have to come in.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select

from sidecar.accounts.rules import EMAIL
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Actor, OrganisationKind, Role, system_actor
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope, Scopes
from sidecar.kernel.journal import JournalRow
from sidecar.mail.service import post
from sidecar.notifications.service import notify
from sidecar.notifications.tables import Notification
from sidecar.organisations.tables import Organisation
from sidecar.reports import policy, queries, rules
from sidecar.reports.events import AddendumSigned
from sidecar.reports.model import Standing
from sidecar.reports.service import about
from sidecar.reports.tables import Report, ReportVersion
from sidecar.sharing import glass, links, readings
from sidecar.sharing.events import ReadersTold
from sidecar.sharing.model import LinkState
from sidecar.sharing.tables import ShareLink, StudyShare
from sidecar.vault.errors import KeyDestroyed

KIND = "report-changed"
SETTLED = timedelta(seconds=10)
"""Whoever was opening the version before at the moment of a signature is on record by then, too."""
CHANGES = {Standing.CORRECTED: "was corrected after it was signed", Standing.APPENDED: "has an addendum"}


@dataclass(frozen=True, slots=True)
class News:
    """A report's newest version, and who has not seen it: people as (organisation, user), links."""

    report: Report
    newest: ReportVersion
    people: frozenset[tuple[UUID, UUID]]
    links: frozenset[UUID]

    @property
    def change(self) -> str:
        """What happened to the report, without a word of it."""
        return CHANGES[rules.standing(self.newest.content)]

    @property
    def href(self) -> str:
        """Where it leads: always to the newest version."""
        return f"/reports/{self.report.id}"


def tell_all(scopes: Scopes, seal: Seal, organisation_id: UUID, *, since: datetime, by_mail: bool) -> None:
    """Tell of each report of an organisation that got a newer version since then, once per version."""
    with scopes.open(system_actor(organisation_id)) as scope:
        waiting = owed(scope, since=since)
    for report_id in waiting:
        tell(scopes, seal, organisation_id, report_id, by_mail=by_mail)


def owed(scope: Scope, *, since: datetime) -> list[UUID]:
    """Return the reports of the scope's organisation that got a newer version since then of which nobody was told."""
    found = select(JournalRow.kind, JournalRow.body).where(
        JournalRow.organisation_id == scope.organisation_id,
        JournalRow.kind.in_([AddendumSigned.kind, ReadersTold.kind]),
        JournalRow.at > since,
        or_(JournalRow.kind == ReadersTold.kind, JournalRow.at <= scope.now - SETTLED),
    )
    versions: dict[str, dict[UUID, int]] = {AddendumSigned.kind: {}, ReadersTold.kind: {}}
    for kind, body in scope.session.execute(found.order_by(JournalRow.sequence)):
        facts = json.loads(body)["facts"]
        versions[kind][UUID(facts["report_id"])] = facts["version"]
    done = versions[ReadersTold.kind]
    return [report_id for report_id, version in versions[AddendumSigned.kind].items() if done.get(report_id, 0) < version]


def tell(scopes: Scopes, seal: Seal, organisation_id: UUID, report_id: UUID, *, by_mail: bool) -> None:
    """Tell of a report's newest version everybody who may see it. What breaks off half way is done again; none is told twice.

    The report's row is held meanwhile: two rounds of the worker may meet here.
    """
    with scopes.open(system_actor(organisation_id)) as scope:
        held = select(Report).where(Report.id == report_id).with_for_update(skip_locked=True)
        report = scope.session.scalars(held).one_or_none()
        if report is None:
            return
        news = _news(scope, report)
        if readings.told(scope, report, news.newest.version) is not None:
            return
        people = [user_id for house_id, user_id in sorted(news.people) if _tell_person(scopes, news, house_id, user_id)]
        mailed = [each.id for each in _open_links(scope, news.links) if _write_to(scope, seal, each, news)] if by_mail else []
        who = {"people": tuple(people), "links": tuple(mailed)}
        scope.emit(ReadersTold(**about(report), report_id=report.id, version=news.newest.version, **who))


def _news(scope: Scope, report: Report) -> News:
    newest = queries.versions(scope, report.id)[0]
    readers = readings.of_earlier(scope, report, newest)
    unseen = [each for each in readers if each.seen_at is None]
    return News(
        report,
        newest,
        people=frozenset((each.organisation_id, each.id) for each in unseen if each.organisation_id)
        | (_shared_with(scope, report) - {(each.organisation_id, each.id) for each in readers if each.seen_at}),
        links=frozenset(each.id for each in unseen if not each.organisation_id),
    )


def _shared_with(scope: Scope, report: Report) -> set[tuple[UUID, UUID]]:
    here = (StudyShare.organisation_id == report.organisation_id, StudyShare.study_id == report.study_id)
    found = scope.session.execute(select(StudyShare.user_organisation_id, StudyShare.user_id).where(*here))
    return {(row[0], row[1]) for row in found}


def _tell_person(scopes: Scopes, news: News, organisation_id: UUID, user_id: UUID) -> bool:
    """Tell one person, inside their own walls; False for who may not see the report now."""
    actor = _as_they_are(scopes, organisation_id, user_id)
    if actor is None or not may_ever(actor, Permission.REPORT_READ):
        return False
    with scopes.open(actor) as scope:
        seen = select(Report.id).where(Report.id == news.report.id, policy.visible(actor))
        if scope.session.scalar(seen) is None:
            return False
        before = select(Notification.id).where(
            Notification.organisation_id == organisation_id,
            Notification.user_id == user_id,
            Notification.href == news.href,
            Notification.created_at >= news.newest.signed_at,
        )
        if scope.session.scalar(before.limit(1)) is None:
            text = f"A report that you opened or that is shared with you {news.change}. Please read the new version."
            notify(scope, organisation_id=organisation_id, user_id=user_id, kind=KIND, text=text, href=news.href)
    return True


def _as_they_are(scopes: Scopes, organisation_id: UUID, user_id: UUID) -> Actor | None:
    """Return a person as they would come in now, glass that they broke included; None for who would not be let in."""
    with scopes.open(Actor(user_id, organisation_id, None, None)) as scope:
        found = scope.session.execute(
            select(User.role, Organisation.kind, User.name)
            .join(Organisation, Organisation.id == User.organisation_id)
            .where(User.organisation_id == organisation_id, User.id == user_id)
            .where(User.disabled_at.is_(None), User.deleted_at.is_(None))
        ).one_or_none()
        if found is None:
            return None
        broken = glass.in_use(scope)
    actor = Actor(user_id, organisation_id, Role(found.role), OrganisationKind(found.kind), found.name)
    return replace(actor, glass=glass.as_key(broken)) if broken else actor


def _open_links(scope: Scope, ids: Iterable[UUID]) -> list[ShareLink]:
    """Return those that still open the report: whoever cannot come in any more is not told either."""
    found = scope.session.scalars(select(ShareLink).where(ShareLink.id.in_(list(ids))).order_by(ShareLink.id))
    return [each for each in found if links.state_of(scope, each) is LinkState.OPEN]


def _write_to(scope: Scope, seal: Seal, link: ShareLink, news: News) -> bool:
    """Write to whom a link was made for, where an address was noted; False where none was."""
    try:
        address = address_in(links.recipient_of(scope, seal, link))
    except KeyDestroyed:  # the organisation was shredded: nobody knows any more for whom it was
        return False
    if not address:
        return False
    post(
        scope,
        seal,
        organisation_id=link.organisation_id,
        to=address,
        subject="A report that was shared with you has a new version",
        text=f"A report that was shared with you by a link on {link.created_at:%Y-%m-%d}, and that was opened, {news.change}."
        " Please open the link you were given once more, and read the new version.",
        path="/shared",
    )
    return True


def address_in(recipient: str) -> str:
    """Return the one e-mail address in what was written of a recipient, "" for none: of two, nobody knows which is meant."""
    found = [each.group() for each in EMAIL.finditer(recipient)]
    return found[0] if len(found) == 1 else ""
