"""Removing what is older than the organisation keeps its journal, behind a signed new beginning."""

from sqlalchemy import column, func, select, table

from sidecar.audit import rules, service
from sidecar.audit.checkpoints import Checkpoint, Kind, Signer
from sidecar.audit.events import JournalForgotten
from sidecar.gate.scope import Scope
from sidecar.kernel.journal import JournalRow

HOLDS = table("legal_holds", column("organisation_id"), column("study_id"), column("lifted_at"))
"""Of a room above this one: a study's legal hold keeps its rows of the journal too."""
AT_ONCE = 5000
"""Rows looked at in one transaction; the next run goes on."""


def forget(scope: Scope, signer: Signer) -> Checkpoint | None:
    """Remove the oldest rows whose time is over; return the signed new beginning, or None when nothing may go.

    The table itself refuses to lose a row before its time (its trigger asks the same as ``rules``).
    """
    kept = service.keeping(scope)
    if kept.held_at is not None:
        return None
    own = JournalRow.organisation_id == scope.organisation_id
    oldest = select(JournalRow.sequence, JournalRow.at, JournalRow.study_id, JournalRow.hash).where(own)
    rows = [rules.Row(*each) for each in scope.session.execute(oldest.order_by(JournalRow.sequence).limit(AT_ONCE))]
    held = set(scope.session.scalars(select(HOLDS.c.study_id).where(HOLDS.c.lifted_at.is_(None))))
    last = rules.last_to_go(rows, before=rules.years_before(scope.now, kept.years), held=held)
    if last is None:
        return None
    beginning = service.sign(scope, signer, sequence=last.sequence, hash_=last.hash, kind=Kind.BEGINNING)
    gone = scope.session.scalar(select(func.journal_forget(scope.organisation_id))) or 0
    scope.emit(JournalForgotten(organisation_id=scope.organisation_id, rows=gone, until=last.sequence))
    return beginning
