"""May this actor do this with this study or job? The wall decides who sees a study; this decides who takes it along.

Who may ever: ``gate.permissions``. A viewer reads reports and looks at images but carries no copies out of the house; only
the owner's people send, delete and hold.
"""

from sqlalchemy import ColumnElement, or_

from sidecar.archive.model import JobKind
from sidecar.archive.tables import Job
from sidecar.gate.actor import Actor, Role
from sidecar.gate.permissions import Permission, may_ever
from sidecar.kernel.errors import Denied
from sidecar.studies.tables import Study


def is_owner(actor: Actor, study: Study) -> bool:
    """Say whether the study is the actor's own organisation's."""
    return actor.organisation_id == study.organisation_id


def may_download(actor: Actor, study: Study) -> bool:
    """Say whether the actor may take the study along: at its owner's, or where it is read."""
    where = {study.organisation_id, study.reading_organisation_id}
    return may_ever(actor, Permission.STUDY_DOWNLOAD) and actor.organisation_id in where


def need_conduct(actor: Actor, job: Job) -> None:
    """Raise Denied for whoever may follow a job and neither begin nor end one of its kind, such as a key made to look on."""
    may = Permission.STUDY_DOWNLOAD if job.kind == JobKind.DOWNLOAD else Permission.STUDY_SEND
    if not may_ever(actor, may):
        raise Denied("Your role may follow this, not change it.")


def own_jobs(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a job is the actor's to see: their own; for a technician all of their organisation."""
    mine = Job.user_id == actor.user_id
    if actor.role is not Role.TECHNICIAN:
        return mine
    return or_(mine, Job.user_organisation_id == actor.organisation_id)
