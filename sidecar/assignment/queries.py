"""Who could read it, and who has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from sidecar.accounts.tables import User
from sidecar.assignment import policy, rules
from sidecar.gate.actor import Role
from sidecar.gate.scope import Scope
from sidecar.studies.model import Status
from sidecar.studies.tables import Study


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
