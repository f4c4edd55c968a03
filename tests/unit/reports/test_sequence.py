"""The order of things (control D08): 100,000 random steps through a study's life, asked of the pure rules alone.

The specification stands here a second time, as sentences about what was before and what is after; the rules must never disagree.
Invoices do not exist yet: the room that writes them adds its step here.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sidecar.assignment import rules as assignment
from sidecar.reports import rules as reports
from sidecar.reports.model import SECTIONS, ReportStatus
from sidecar.studies import rules as studies
from sidecar.studies.model import Arrival, Status

STEPS = 100_000
LIFE = 60
START = datetime(2026, 11, 22, tzinfo=UTC)
PEOPLE = tuple(uuid4() for _ in range(3))


@dataclass(frozen=True, slots=True)
class Case:
    """A study with its report at a moment."""

    now: datetime = START
    arrival: Arrival = Arrival.ARRIVING
    images: int = 0
    completes_at: datetime = START
    status: Status = Status.UNREAD
    assignee: UUID | None = None
    lock: UUID | None = None
    lock_until: datetime | None = None
    report: ReportStatus | None = None
    sections: dict[str, str] = field(default_factory=dict)
    signed_images: int = 0

    @property
    def held(self) -> assignment.Held:
        return assignment.Held(self.status, self.assignee, "A", self.lock, "B", self.lock_until)


def image(case: Case, _dice: random.Random) -> Case:
    images = case.images + 1
    due = studies.completes_at(case.now, instances=images)
    return replace(case, images=images, arrival=Arrival.ARRIVING, completes_at=due)


def time(case: Case, dice: random.Random) -> Case:
    now = case.now + timedelta(seconds=dice.choice((1, 7, 15, 40, 90)))
    quiet = case.images > 0 and now >= case.completes_at
    return replace(case, now=now, arrival=Arrival.COMPLETE if quiet else case.arrival)


def claim(case: Case, dice: random.Random) -> Case:
    who = dice.choice(PEOPLE)
    if assignment.why_not_claim(case.held, who, case.now) or not studies.may_follow(case.status, Status.ASSIGNED):
        return case
    return replace(case, status=Status.ASSIGNED, assignee=who)


def read(case: Case, dice: random.Random) -> Case:
    who = dice.choice(PEOPLE)
    if assignment.why_not_lock(case.held, who, case.now):
        return case
    reading = Status.READING if studies.may_follow(case.status, Status.READING) else case.status
    report = case.report or ReportStatus.DRAFT
    locked = case.now + assignment.LOCK
    return replace(case, status=reading, lock=who, lock_until=locked, report=report, assignee=case.assignee or who)


def write(case: Case, dice: random.Random) -> Case:
    if case.report is None or not reports.may_become(case.report, ReportStatus.DRAFT):
        return case
    text = {section.value: dice.choice(("", "  ", "No acute finding.")) for section in SECTIONS}
    return replace(case, sections=reports.clean_sections(text))


def give_back(case: Case, _dice: random.Random) -> Case:
    if not studies.may_follow(case.status, Status.UNREAD):
        return case
    return replace(case, status=Status.UNREAD, assignee=None, lock=None, lock_until=None)


def sign(case: Case, _dice: random.Random) -> Case:
    if case.report is None:
        return case
    checks = reports.checks(arrival=case.arrival, instance_count=case.images, sections=case.sections, status=case.report)
    if not all(check.passed for check in checks) or not studies.may_follow(case.status, Status.FINAL):
        return case
    final = {"status": Status.FINAL, "report": ReportStatus.FINAL, "lock": None, "lock_until": None}
    return replace(case, **final, signed_images=case.images)  # type: ignore[arg-type]


ACTS = (image, time, time, claim, read, read, write, write, give_back, sign, sign)


def illegal(before: Case, after: Case, act: str) -> list[str]:
    """Return what the specification forbids about this step."""
    signed = before.report is not ReportStatus.FINAL and after.report is ReportStatus.FINAL
    was_signed = before.report is ReportStatus.FINAL
    reading = (Status.READING, Status.ASSIGNED, Status.PRELIMINARY)
    taken = after.lock and before.lock and after.lock != before.lock
    forbidden = {
        "signed before the images were complete": signed and (before.arrival is not Arrival.COMPLETE or not before.images),
        "signed without an impression": signed and not before.sections.get("impression", "").strip(),
        "signed by nobody who reads": signed and (act != "sign" or before.status not in reading),
        "a signed report changed": was_signed and (after.report, after.sections) != (before.report, before.sections),
        "a final study went back": before.status is Status.FINAL and after.status is not Status.FINAL,
        "study and report disagree": (after.status is Status.FINAL) != (after.report is ReportStatus.FINAL),
        "a living lock was taken over": taken and (before.lock_until or START) > before.now,
    }
    return [sentence for sentence, so in forbidden.items() if so]


def test_d08_no_random_walk_signs_before_its_time_or_moves_what_is_signed() -> None:
    """100,000 steps in lives of 60; every kind of end is reached, so that the walk does not prove itself by standing still."""
    dice = random.Random(20261122)  # noqa: S311 - a repeatable walk, not a secret
    ends: dict[Status, int] = dict.fromkeys(Status, 0)
    refused = 0
    case = Case()
    for step in range(STEPS):
        if step % LIFE == 0:
            ends[case.status] += 1
            case = Case()
        act = dice.choice(ACTS)
        after = act(case, dice)
        assert not illegal(case, after, act.__name__), (step, case, after)
        refused += act is sign and after is case
        case = after
    assert ends[Status.FINAL] > 100
    assert ends[Status.READING] > 100
    assert refused > 1000
