"""What the JSON API of this room answers. No patient data."""

from datetime import datetime
from uuid import UUID

from sidecar.archive import rules
from sidecar.archive.model import DeletionState, JobKind, JobState, Reason
from sidecar.archive.tables import Deletion, Job
from sidecar.gate.requests import Shown, Told
from sidecar.organisations.tables import ApplicationEntity


class NodeShown(Shown):
    """Where studies can be sent."""

    id: UUID
    aet: str


class NodesAnswer(Told):
    """The nodes of the archive."""

    nodes: list[NodeShown]


class JobShown(Shown):
    """Something done with a study, and how far it is. ``problem`` says what to do when it failed."""

    id: UUID
    kind: JobKind
    state: JobState
    study_id: UUID
    target: str
    done: int
    total: int
    problem: str
    created_at: datetime
    finished_at: datetime | None
    seconds_left: int | None = None


class JobAnswer(Told):
    """One job."""

    job: JobShown


class JobsAnswer(Told):
    """Several jobs."""

    jobs: list[JobShown]


class JobsPage(JobsAnswer):
    """A page of jobs; ``next`` is the cursor of the following one."""

    next: str | None


class DeletionShown(Shown):
    """A study that was deleted; until ``erase_at`` it can be brought back."""

    id: UUID
    state: DeletionState
    study_id: UUID
    reason: Reason
    images: int
    erase_at: datetime
    erased_at: datetime | None


class DeletionAnswer(Told):
    """One deletion."""

    deletion: DeletionShown


class DeletionsPage(Told):
    """A page of deletions; ``next`` is the cursor of the following one."""

    deletions: list[DeletionShown]
    next: str | None


class RestoredAnswer(Told):
    """Which study is coming back: it is there when its deletion's state is "undone"."""

    study_id: UUID


class HoldAnswer(Told):
    """The hold that stands, or was lifted just now; null for none."""

    hold_id: UUID | None


class RetentionAnswer(Told):
    """For how many years studies are kept."""

    years: int


def node(found: ApplicationEntity) -> NodeShown:
    """Show a node."""
    return NodeShown.model_validate(found)


def job(found: Job, *, seconds_left: int | None = None) -> JobShown:
    """Show a job, with its problem in words for whoever started it."""
    fields = {name: getattr(found, name) for name in JobShown.model_fields if name not in {"problem", "seconds_left"}}
    problem = rules.PROBLEMS[found.problem].format(target=found.target) if found.problem else ""
    return JobShown(**fields, problem=problem, seconds_left=seconds_left)


def deletion(found: Deletion) -> DeletionShown:
    """Show a deletion."""
    fields = {name: getattr(found, name) for name in DeletionShown.model_fields if name != "state"}
    return DeletionShown(**fields, state=found.shown)
