"""Decisions about studies: facts and a moment in, a decision out. No clock, no database, no web."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from sidecar.studies.model import Priority, Status

QUIET = timedelta(seconds=10)
"""A study is complete when no image has come for this long. DICOM has no end-of-study message on C-STORE (PS3.4 annex B)."""
FRESH_QUIET = timedelta(seconds=20)
"""The quiet time of a study of one image so far: scanners send the localizer, then pause."""

PATIENT = ("patient_name", "patient_birth_date", "patient_sex")
REQUEST = (
    "accession_number",
    "study_date",
    "study_time",
    "study_id",
    "study_description",
    "referring_physician_name",
)

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.UNREAD: frozenset({Status.ASSIGNED, Status.READING}),
    Status.ASSIGNED: frozenset({Status.UNREAD, Status.READING, Status.PRELIMINARY, Status.FINAL}),
    Status.READING: frozenset({Status.UNREAD, Status.ASSIGNED, Status.PRELIMINARY, Status.FINAL}),
    Status.PRELIMINARY: frozenset({Status.READING, Status.FINAL}),
    Status.FINAL: frozenset(),
}
"""Which status may follow which. A signed study stays final: what comes later is an addendum, not another state."""


def may_follow(current: Status, following: Status) -> bool:
    """Say whether a study in ``current`` may become ``following``."""
    return following in TRANSITIONS[current]


def predecessors(following: Status) -> frozenset[Status]:
    """Return the statuses from which ``following`` may be reached: the condition of a conditional UPDATE."""
    return frozenset(status for status in Status if may_follow(status, following))


def completes_at(now: datetime, *, instances: int) -> datetime:
    """Return when the study will be complete if nothing more comes.

    Counted from when the sidecar learned of the images, not from when they were stored: after an outage more of them may
    stand in the courier's queue.
    """
    return now + (FRESH_QUIET if instances <= 1 else QUIET)


def due_at(arrived_at: datetime, turnaround_minutes: Mapping[str, int], priority: Priority) -> datetime | None:
    """Return the deadline a contract sets for this priority, or None if it sets none. The clock starts at arrival."""
    minutes = turnaround_minutes.get(priority)
    return None if minutes is None else arrived_at + timedelta(minutes=minutes)


def covers(day: date, *, starts_on: date, ends_on: date | None) -> bool:
    """Say whether a contract covers what comes on ``day``: both ends included."""
    return starts_on <= day and (ends_on is None or day <= ends_on)


def fits(modalities: Iterable[str], allowed: Iterable[str] | None) -> bool:
    """Say whether a contract is about a study of these modalities; ``allowed`` None means every modality.

    One in common is enough: the decision falls at the first image, when the others are still to come.
    """
    return allowed is None or not set(allowed).isdisjoint(modalities)


def fill_gaps(known: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """Return the study-level fields to write: only such as were empty, and never a mixture of two patients.

    If anything known about the patient contradicts what is told, all that is known stays: a name from one message beside
    a birth date from another would be a person who does not exist.
    """
    patient = () if contradicts(known, told) else PATIENT
    return {name: told[name] for name in (*patient, *REQUEST) if not known[name] and told[name]}


def contradicts(known: Mapping[str, str], told: Mapping[str, str]) -> bool:
    """Say whether the two speak of different people: a patient field filled in both, differently."""
    return any(known[name] and told[name] and known[name] != told[name] for name in PATIENT)
