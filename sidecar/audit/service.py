"""Keeping the journal: checkpoints, verification, and when rows may go."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from sidecar.audit.chain import Verdict, walk
from sidecar.audit.checkpoints import Checkpoint, Kind, Signer, Verifier
from sidecar.audit.events import JournalHeld, JournalReleased, KeepingChanged
from sidecar.audit.rules import LEAST_YEARS
from sidecar.audit.tables import CheckpointRow, Keeping
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.kernel.journal import JournalRow

BATCH = 5000
"""Rows fetched at a time."""
LATEST = 200
"""Checkpoints a verification looks at: the newest that agrees vouches for all rows before it."""
COLUMNS = tuple(JournalRow.__table__.columns)


def head(scope: Scope) -> tuple[int, bytes] | None:
    """Return sequence and hash of the last row of the scope's organisation, or None."""
    found = select(JournalRow.sequence, JournalRow.hash).where(JournalRow.organisation_id == scope.organisation_id)
    row = scope.session.execute(found.order_by(JournalRow.sequence.desc()).limit(1)).one_or_none()
    return (row.sequence, row.hash) if row else None


def checkpoints(scope: Scope) -> list[Checkpoint]:
    """Return the latest checkpoints and every new beginning, newest first."""
    own = select(CheckpointRow).where(CheckpointRow.organisation_id == scope.organisation_id)
    newest = own.order_by(CheckpointRow.sequence.desc())
    rows = [
        *scope.session.scalars(newest.where(CheckpointRow.kind == Kind.PERIODIC).limit(LATEST)),
        *scope.session.scalars(newest.where(CheckpointRow.kind == Kind.BEGINNING)),
    ]
    return [
        Checkpoint(each.organisation_id, each.sequence, Kind(each.kind), each.hash, each.made_at, each.key, each.signature)
        for each in rows
    ]


def sign(scope: Scope, signer: Signer, *, sequence: int, hash_: bytes, kind: Kind) -> Checkpoint:
    """Sign a statement about one row and keep it beside the journal."""
    made = signer.checkpoint(scope.organisation_id, sequence=sequence, hash_=hash_, at=scope.now, kind=kind)
    scope.session.add(
        CheckpointRow(
            organisation_id=made.organisation_id,
            sequence=made.sequence,
            kind=made.kind.value,
            hash=made.hash,
            made_at=made.made_at,
            key=made.key,
            signature=made.signature,
        )
    )
    scope.session.flush()
    return made


def sign_head(scope: Scope, signer: Signer) -> Checkpoint | None:
    """Sign the last row, unless that is signed already; None then, and for an empty journal."""
    last = head(scope)
    newest = select(func.max(CheckpointRow.sequence)).where(CheckpointRow.organisation_id == scope.organisation_id)
    if last is None or last[0] <= (scope.session.scalar(newest) or 0):
        return None
    return sign(scope, signer, sequence=last[0], hash_=last[1], kind=Kind.PERIODIC)


def verify(scope: Scope, verifier: Verifier, *, outside: Sequence[Checkpoint] = ()) -> Verdict:
    """Recompute the chain of the scope's organisation and hold it against its checkpoints and those kept ``outside``."""
    known = [*checkpoints(scope), *outside]  # before the rows: what is written meanwhile is no row that is missing
    own = select(*COLUMNS).where(JournalRow.organisation_id == scope.organisation_id).order_by(JournalRow.sequence)
    rows = scope.session.execute(own.execution_options(yield_per=BATCH))
    try:
        return walk(rows, known, verifier, copies=True)
    finally:
        rows.close()


def keeping(scope: Scope) -> Keeping:
    """Return how the organisation keeps its journal; a row is made when there is none yet."""
    found = scope.session.get(Keeping, scope.organisation_id)
    if found is None:
        found = Keeping(organisation_id=scope.organisation_id, years=LEAST_YEARS, hold_reason="", held_by_name="")
        scope.session.add(found)
        scope.session.flush()
    return found


def known_keeping(scope: Scope) -> Keeping:
    """Return the same without making a row: for looking."""
    found = scope.session.get(Keeping, scope.organisation_id)
    return found or Keeping(organisation_id=scope.organisation_id, years=LEAST_YEARS, fault="", checked_rows=0)


def want_check(scope: Scope) -> None:
    """Have the worker check the chain next."""
    keeping(scope).checked_at = None
    scope.session.flush()


def set_years(scope: Scope, *, years: int) -> Keeping:
    """Keep the journal for so many years; Invalid for fewer than the law wants (45 CFR 164.316(b)(2)(i))."""
    if years < LEAST_YEARS:
        raise Invalid(f"The journal is kept for at least {LEAST_YEARS} years.")
    kept = keeping(scope)
    if kept.years != years:
        kept.years = years
        scope.session.flush()
        scope.emit(KeepingChanged(organisation_id=scope.organisation_id, years=years))
    return kept


def hold(scope: Scope, *, reason: str) -> Keeping:
    """Let nothing be removed until the hold is lifted; Conflict when one stands."""
    kept = keeping(scope)
    if kept.held_at is not None:
        raise Conflict(f"The journal is under legal hold already, since {kept.held_at:%Y-%m-%d}.")
    kept.held_at, kept.held_by_name, kept.hold_reason = scope.now, scope.actor.name, reason
    scope.session.flush()
    scope.emit(JournalHeld(organisation_id=scope.organisation_id))
    return kept


def release(scope: Scope) -> Keeping:
    """Lift the hold; Conflict when none stands."""
    kept = keeping(scope)
    if kept.held_at is None:
        raise Conflict("The journal is not under legal hold.")
    kept.held_at, kept.held_by_name, kept.hold_reason = None, "", ""
    scope.session.flush()
    scope.emit(JournalReleased(organisation_id=scope.organisation_id))
    return kept


def note_check(scope: Scope, verdict: Verdict, *, at: datetime) -> bool:
    """Keep what a whole check found; True when it found something that was not known before."""
    kept = keeping(scope)
    fault = "; ".join(verdict.faults)
    news = bool(fault) and fault != kept.fault
    kept.checked_at, kept.checked_rows, kept.fault = at, verdict.rows, fault
    scope.session.flush()
    return news
