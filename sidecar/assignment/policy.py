"""May this actor do this with this study? The wall decides who sees it; this decides who acts on it."""

from sidecar.gate.actor import Actor
from sidecar.gate.permissions import Permission, may_ever
from sidecar.studies.tables import Study


def is_read_by(actor: Actor, study: Study) -> bool:
    """Say whether the study is read in the actor's organisation: the reading group's once routed, else its owner's."""
    return actor.organisation_id == (study.reading_organisation_id or study.organisation_id)


def may_claim(actor: Actor, study: Study) -> bool:
    """Say whether the actor is one of the radiologists who may read it."""
    return may_ever(actor, Permission.STUDY_CLAIM) and is_read_by(actor, study)


def may_assign(actor: Actor, study: Study) -> bool:
    """Say whether the actor may give it to a radiologist."""
    return may_ever(actor, Permission.STUDY_ASSIGN) and is_read_by(actor, study)


def may_take_back(actor: Actor, study: Study) -> bool:
    """Say whether the actor may take it from the group that reads it: the owner's managers and administrators."""
    return may_ever(actor, Permission.STUDY_TAKE_BACK) and actor.organisation_id == study.organisation_id


def may_release(actor: Actor, study: Study) -> bool:
    """Say whether the actor may give it back: who has it, or who assigns."""
    return may_assign(actor, study) or (may_claim(actor, study) and study.assignee_id == actor.user_id)
