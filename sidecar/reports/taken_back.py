"""Telling a reading group that a hospital took studies back, and its writers where their drafts are."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from sidecar.accounts.tables import User
from sidecar.assignment.events import StudyTakenBack
from sidecar.gate.actor import OrganisationKind, Role, system_actor
from sidecar.gate.machine import Owed, Workshop, everybody, owing
from sidecar.gate.scope import Scope, Scopes
from sidecar.notifications.service import notify
from sidecar.organisations.tables import Organisation
from sidecar.reports.model import ReportStatus
from sidecar.reports.tables import Report
from sidecar.studies.model import TakeBackReason
from sidecar.studies.tables import TakeBack

KIND = "taken-back"
JUST_NOW = timedelta(minutes=10)
"""Longer than the slow round takes to come by."""
AT_ONCE = 500


def tell_groups(workshop: Workshop) -> None:
    """Tell of what was taken back just now."""
    for organisation_id in owing(workshop.scopes, Owed.HAPPENED, kinds={StudyTakenBack.kind}, within=JUST_NOW):
        tell(workshop.scopes, organisation_id)


def tell_all_groups(workshop: Workshop) -> None:
    """Tell of whatever nobody was told of, wherever."""
    for organisation_id in everybody(workshop.scopes, OrganisationKind.PROVIDER):
        tell(workshop.scopes, organisation_id)


def tell(scopes: Scopes, organisation_id: UUID) -> None:
    """Tell each group of what one hospital took back. What breaks off half way is told again: better twice than never."""
    with scopes.open(system_actor(organisation_id)) as scope:
        untold = select(TakeBack).where(TakeBack.told_at.is_(None)).order_by(TakeBack.taken_at, TakeBack.id).limit(AT_ONCE)
        by_group: dict[UUID, list[TakeBack]] = defaultdict(list)
        for each in scope.session.scalars(untold):
            by_group[each.reading_organisation_id].append(each)
        hospital = scope.session.scalar(select(Organisation.name).where(Organisation.id == organisation_id)) or ""
    for group, taken in by_group.items():
        with scopes.open(system_actor(group)) as scope:
            _tell_group(scope, hospital, taken)
        with scopes.open(system_actor(organisation_id)) as scope:
            told = update(TakeBack).where(TakeBack.id.in_([each.id for each in taken])).values(told_at=scope.now)
            scope.session.execute(told.execution_options(synchronize_session=False))


def _tell_group(scope: Scope, hospital: str, taken: Sequence[TakeBack]) -> None:
    """Tell managers how many there were, unless a contract's end said so, and who had one or wrote about it."""
    chosen = [each for each in taken if each.reason != TakeBackReason.CONTRACT_ENDED]
    if chosen:
        what = "a study that nobody had signed" if len(chosen) == 1 else f"{len(chosen)} studies that nobody had signed"
        leads = select(User.id).where(
            User.organisation_id == scope.organisation_id,
            User.role == Role.MANAGER,
            User.disabled_at.is_(None),
            User.deleted_at.is_(None),
        )
        for user_id in scope.session.scalars(leads).all():
            _notify(scope, user_id, f"{hospital} took back {what}. It is out of your lists.", "/worklist")
    studies = {each.study_id: each for each in taken}
    mine = (Report.author_organisation_id == scope.organisation_id, Report.status == ReportStatus.DRAFT)
    drafts = scope.session.scalars(select(Report).where(Report.study_id.in_(studies), *mine)).all()
    for draft in drafts:
        kept = f"{hospital} took back a study on which you had begun a report. What you wrote is kept for you."
        _notify(scope, draft.author_id, kept, f"/reports/{draft.id}")
    wrote = {(draft.study_id, draft.author_id) for draft in drafts}
    for each in taken:
        if each.had_by_id and (each.study_id, each.had_by_id) not in wrote:
            _notify(scope, each.had_by_id, f"{hospital} took back a study that you had.", "/worklist")


def _notify(scope: Scope, user_id: UUID, text: str, href: str) -> None:
    notify(scope, organisation_id=scope.organisation_id, user_id=user_id, kind=KIND, text=text, href=href)
