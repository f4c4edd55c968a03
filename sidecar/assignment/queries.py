"""Who could read it, and who has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from sidecar.accounts.tables import User
from sidecar.assignment import policy, rules
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scope
from sidecar.studies import routing
from sidecar.studies.model import Status
from sidecar.studies.tables import Study, TakeBack


@dataclass(frozen=True, slots=True)
class Candidate:
    """A radiologist who may be given a study, with how much they have on their list."""

    id: UUID
    name: str
    open_count: int


def candidates(scope: Scope, study: Study) -> Sequence[Candidate]:
    """Return the radiologists where the study is read, who has least first; nobody if that is not the actor's organisation."""
    if not policy.is_read_by(scope.actor, study):
        return []
    load = (
        select(func.count()).where(Study.assignee_id == User.id, Study.status.in_(rules.OPEN)).correlate(User).scalar_subquery()
    )
    rows = scope.session.execute(
        select(User.id, User.name, load.label("load"))
        .where(User.role == Role.RADIOLOGIST, User.disabled_at.is_(None), User.organisation_id == scope.organisation_id)
        .order_by("load", User.name, User.id)
    )
    return [Candidate(*row) for row in rows]


def held(study: Study) -> rules.Held:
    """Return who has the study, as the rules want to know it."""
    return rules.Held(
        status=Status(study.status),
        assignee_id=study.assignee_id,
        assignee_name=study.assignee_name,
        lock_user_id=study.lock_user_id,
        lock_user_name=study.lock_user_name,
        lock_until=study.lock_until,
    )


def take_backs(scope: Scope, study: Study) -> Sequence[TakeBack]:
    """Return how often the study was taken back from its readers, the latest first: its owner's to know."""
    here = (TakeBack.organisation_id == study.organisation_id, TakeBack.study_id == study.id)
    return scope.session.scalars(select(TakeBack).where(*here).order_by(TakeBack.taken_at.desc(), TakeBack.id)).all()


def next_reader(scope: Scope, study: Study) -> UUID | None:
    """Return the group that would get the study if it were taken from the one that has it now, None for nobody."""
    never = routing.refused(scope, [study.id]).get(study.id, set()) | {study.reading_organisation_id}
    following = routing.terms(scope, study.organisation_id).takes(study, {each for each in never if each})
    return following.reading_organisation_id if following else None


def again(scope: Scope, study: Study) -> UUID | None:
    """Return the group that would get a study again from which it was taken back, None where none would."""
    refused = routing.refused(scope, [study.id]).get(study.id, set())
    contract = routing.terms(scope, study.organisation_id).takes(study, None) if study.status == Status.UNREAD else None
    return contract.reading_organisation_id if contract and contract.reading_organisation_id in refused else None
