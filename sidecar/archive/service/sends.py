"""Sending studies to one of the own organisation's nodes: asked for here, done by the worker and the cell."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from sidecar.archive import policy
from sidecar.archive.events import SendAsked
from sidecar.archive.model import JobKind, JobState
from sidecar.archive.tables import Job
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied, Invalid
from sidecar.organisations import queries as organisations
from sidecar.studies import queries
from sidecar.studies.service import place_of
from sidecar.studies.tables import Study

MOST = 100
"""Studies in one request."""


def send(scope: Scope, study_ids: Sequence[UUID], *, node_id: UUID) -> list[Job]:
    """Have studies sent to a node; one job each. One unknown id, and nothing is sent. Raises Missing, Denied, Invalid."""
    if not 0 < len(study_ids) <= MOST:
        raise Invalid(f"Name between 1 and {MOST} studies.")
    studies = [queries.get(scope, each) for each in dict.fromkeys(study_ids)]
    if not all(policy.is_owner(scope.actor, each) for each in studies):
        raise Denied("Only the hospital that owns a study sends it on.")
    node = organisations.entity(scope, node_id)
    if not node.host:
        raise Invalid(f"{node.aet} only calls: it has no host and port to send to.")
    return [_ask(scope, each, node.aet) for each in studies]


def _ask(scope: Scope, study: Study, aet: str) -> Job:
    job = Job(
        organisation_id=study.organisation_id,
        id=uuid4(),
        kind=JobKind.SEND,
        state=JobState.WAITING,
        study_id=study.id,
        user_id=scope.user_id,
        user_name=scope.actor.name,
        user_organisation_id=scope.organisation_id,
        target=aet,
        total=study.instance_count,
        created_at=scope.now,
    )
    scope.session.add(job)
    scope.session.flush()
    scope.emit(SendAsked(**place_of(study), job_id=job.id, aet=aet))
    return job
