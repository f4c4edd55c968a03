"""Verifying one organisation's chain: pure, over rows in order and the checkpoints somebody kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sidecar.audit.checkpoints import Checkpoint, Kind, Verifier
from sidecar.kernel.journal import GENESIS, Link, continues, copied_truly


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk found. ``rows`` were good, up to the entry ``last``; ``broken_at`` is the first that does not fit, or None.

    ``anchored`` is the newest checkpoint that agrees with the chain: nothing up to it can be cut off unseen.
    """

    rows: int
    last: int
    broken_at: int | None = None
    faults: tuple[str, ...] = ()
    anchored: int = 0
    anchored_at: datetime | None = None

    @property
    def whole(self) -> bool:
        """Say whether nothing at all was found."""
        return not self.faults


@dataclass(slots=True)
class _Walk:
    """Where a walk is: ``previous`` is the hash before the row ``expected``."""

    previous: bytes = GENESIS
    expected: int = 1
    rows: int = 0
    broken_at: int | None = None
    faults: list[str] = field(default_factory=list)

    def broken(self, at: int, why: str) -> None:
        self.broken_at = at
        self.faults.append(f"Entry {at} {why}")


def walk(rows: Iterable[Link], checkpoints: Sequence[Checkpoint], verifier: Verifier, *, copies: bool) -> Verdict:
    """Recompute a chain from its first row to its last and hold it against the checkpoints.

    ``copies``: the rows are those of the table, whose searching columns must repeat the body. Stops at the first row that
    does not fit: nothing after it is founded on anything.
    """
    walked = _Walk()
    good = [each for each in checkpoints if verifier.vouches(each)]
    walked.faults += [
        f"The checkpoint of entry {each.sequence} is not signed by our key" for each in checkpoints if each not in good
    ]
    _follow(walked, rows, good, copies=copies)
    last = walked.expected - 1
    newest = max(good, key=lambda each: each.sequence, default=None)
    if newest is not None and newest.sequence > last and walked.broken_at is None:
        walked.broken(last + 1, f"is missing, and all up to {newest.sequence}: the end was cut off, or an older copy restored")
    held = [each for each in good if each.sequence <= last]
    anchor = max(held, key=lambda each: each.sequence, default=None)
    return Verdict(
        walked.rows,
        last,
        walked.broken_at,
        tuple(walked.faults),
        anchor.sequence if anchor else 0,
        anchor.made_at if anchor else None,
    )


def _follow(walked: _Walk, rows: Iterable[Link], good: Sequence[Checkpoint], *, copies: bool) -> None:
    hashes = {each.sequence: each.hash for each in good}
    beginnings = {1: GENESIS, **{each.sequence + 1: each.hash for each in good if each.kind is Kind.BEGINNING}}
    walked.expected = max(beginnings)  # where it stands if there are no rows at all
    for row in rows:
        if walked.rows == 0:
            walked.expected = max((each for each in beginnings if each <= row.sequence), default=1)
            walked.previous = beginnings[walked.expected]
        if not continues(walked.previous, walked.expected, row):
            return walked.broken(walked.expected, "was changed, removed, moved or put in")
        if copies and not copied_truly(row):
            return walked.broken(walked.expected, "is listed as something else than it says")
        if hashes.get(walked.expected, row.hash) != row.hash:
            return walked.broken(walked.expected, "is not what was signed: the chain was written anew")
        walked.previous = row.hash
        walked.expected += 1
        walked.rows += 1
    return None
