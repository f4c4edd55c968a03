"""From what was found to what is shown: what this person may do with each study, and why not."""

from sidecar.assignment import policy
from sidecar.assignment.queries import held
from sidecar.assignment.rules import why_not_assign, why_not_claim
from sidecar.gate.fields import seen
from sidecar.gate.permissions import Permission, may_ever
from sidecar.gate.scope import Scope
from sidecar.worklist.model import Found, Line

ELSEWHERE = "It is read by another organisation."


def line(scope: Scope, found: Found) -> Line:
    """Return one line of the list for the acting person."""
    study, actor, having = found.study, scope.actor, held(found.study)
    mine = study.assignee_id is not None and study.assignee_id == actor.user_id
    why = why_not_claim(having, actor.user_id, scope.now) if policy.is_read_by(actor, study) else ELSEWHERE
    may = set()
    if may_ever(actor, Permission.STUDY_READ):
        may.add("open")
    if policy.may_claim(actor, study) and not why:
        may.add("claim")
    if policy.may_assign(actor, study) and not why_not_assign(having, scope.now):
        may.add("assign")
    return Line(
        study=seen(actor, study),
        site=found.site,
        priors=found.priors,
        sort=found.sort,
        gone=found.gone,
        mine=mine,
        locked_by=study.lock_user_name if having.locked_by_other(actor.user_id, scope.now) else "",
        href=f"/reading/{study.id}",
        may=frozenset(may),
        why=why,
    )
