"""Checking that nobody changed the journal behind our back."""

from dataclasses import dataclass

from sqlalchemy import func, select

from sidecar.gate.scope import Scope
from sidecar.kernel.journal import JournalRow, first_break

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """``rows`` of the chain were read; ``broken_at`` is the sequence of the first one that does not fit, or None."""

    rows: int
    broken_at: int | None


def verify(scope: Scope) -> Verdict:
    """Recompute the chain of the scope's organisation from its first row to its last.

    An edited, removed, inserted or reordered row is found. Rows cut off at the very end are not: only a copy of the last
    hash kept elsewhere shows that.
    """
    own = JournalRow.organisation_id == scope.organisation_id
    rows = scope.session.scalars(select(JournalRow).where(own).order_by(JournalRow.sequence).execution_options(yield_per=BATCH))
    broken_at = first_break(rows)
    rows.close()
    return Verdict(scope.session.scalar(select(func.count()).select_from(JournalRow).where(own)) or 0, broken_at)
