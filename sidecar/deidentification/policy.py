"""Who may do what to which export. That it is of the own organisation is the wall's business."""

from sidecar.deidentification.tables import Export
from sidecar.gate.actor import Actor
from sidecar.gate.permissions import Permission, may_ever


def may_take(actor: Actor, export: Export) -> bool:
    """Say whether the actor may download or cancel: whoever asked for it, nobody else."""
    return actor.user_id is not None and export.user_id == actor.user_id


def may_review(actor: Actor) -> bool:
    """Say whether the actor may look at held images and decide."""
    return may_ever(actor, Permission.EXPORT_REVIEW)


def may_see(actor: Actor, export: Export) -> bool:
    """Say whether the actor may know of it: who asked, and who reviews."""
    return may_take(actor, export) or may_review(actor)
