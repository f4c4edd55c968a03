"""Decisions about whole studies: facts and a moment in, words or a moment out. No clock, no database, no web."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sidecar.archive.model import MISFILED, Form, Reason

DEFAULT_YEARS = 10
"""How long studies are kept where nobody chose otherwise: what most laws ask of records of imaging."""
UNDO = timedelta(days=7)
"""How long a deletion only hides."""
EARLIEST_ESTIMATE = 0.05
"""Share of a job after which its speed says something about its end."""

REASONS = {
    Reason.SENT_IN_ERROR: "Sent here in error",
    Reason.WRONG_PATIENT: "Filed under the wrong patient",
    Reason.TEST_IMAGES: "Test or phantom images",
    Reason.DUPLICATE: "A copy of another study",
    Reason.PATIENTS_REQUEST: "The patient asked for it",
    Reason.RETENTION_OVER: "Its retention period is over",
    Reason.OTHER: "Another reason",
}

PROBLEMS = {
    "unreachable": "{target} did not answer. Check that it is switched on and that host and port are right, then try again.",
    "off-limits": "{target} leads to the platform itself: nothing is sent there. Have a technician correct its address.",
    "rejected": "{target} refused the connection: it does not know this archive's AE title. Have it registered there.",
    "full": "{target} has no room for more images. Free space there, then try again.",
    "unsupported": "{target} does not take this kind of image.",
    "refused": "{target} refused an image.",
    "interrupted": "The connection to {target} broke off. Try again.",
    "restarted": "The archive was restarted in the middle. Try again: images that arrived already do no harm.",
    "gone": "The study is not in the archive any more.",
    "unknown-node": "{target} is not among the nodes of this archive any more.",
    "silent": "The archive is not answering. It goes on as soon as it is back.",
    "other": "It did not work, and the archive did not say why in words we know.",
}
"""What went wrong, for who started the job, and what to do next."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is to know before a study is deleted. ``read_by``: who has it open to read right now, or ""."""

    held: bool
    kept_until: date
    reported: bool
    read_by: str


def kept_until(study_date: str, arrived_on: date, years: int) -> date:
    """Return the first day on which a study need not be kept: the years run from Study Date (0008,0020), else from arrival."""
    begins = _day(study_date) or arrived_on
    try:
        return begins.replace(year=begins.year + years)
    except ValueError:  # 29 February, or beyond the calendar
        return date(begins.year + years, 3, 1) if begins.year + years <= date.max.year else date.max


def last_expired(today: date, years: int) -> date:
    """Return the latest study date whose studies need not be kept any longer today."""
    try:
        return today.replace(year=max(today.year - years, 1))
    except ValueError:  # 29 February: what was made on it is kept to 1 March
        return date(today.year - years, 2, 28)


def _day(study_date: str) -> date | None:
    """Return a DA (PS3.5 §6.2) as a date, None when it is absent or none."""
    if not re.fullmatch("[0-9]{8}", study_date):
        return None
    try:
        return date(int(study_date[:4]), int(study_date[4:6]), int(study_date[6:]))
    except ValueError:
        return None


def why_not_delete(standing: Standing, reason: Reason, today: date) -> str:
    """Return why the study may not be deleted for this reason today, or "".

    A retention period protects records of care. What never was one (sent in error, wrong patient, test) may go before, until
    somebody has reported it.
    """
    if standing.held:
        return "It is under legal hold."
    if standing.read_by:
        return f"{standing.read_by} is reading it right now."
    if today >= standing.kept_until or (reason in MISFILED and not standing.reported):
        return ""
    because = "It has been reported, so it" if reason in MISFILED else "It"
    return f"{because} must be kept until {standing.kept_until}."


def seconds_left(started_at: datetime | None, now: datetime, *, done: int, total: int) -> int | None:
    """Return how long a job will take at its speed so far, None while that would be a guess."""
    if started_at is None or not total or done < total * EARLIEST_ESTIMATE or done == 0:
        return None
    return round((now - started_at).total_seconds() * (total - done) / done)


def file_name(*, accession_number: str, study_date: str, modalities: list[str], form: Form, series_number: int | None) -> str:
    """Return the name of a download: accession number and date, never a patient. Only characters that every system takes."""
    parts = [accession_number, study_date, "-".join(modalities)]
    if series_number is not None:
        parts.append(f"series{series_number}")
    if form is Form.MEDIA:
        parts.append("DICOMDIR")
    plain = [re.sub("[^0-9A-Za-z-]+", "-", part).strip("-")[:40] for part in parts]
    return "_".join(part for part in (plain[0] or "study", *plain[1:]) if part) + ".zip"


def problem(error_code: int, details: str) -> tuple[str, str]:
    """Return the code of what went wrong in a cell's send and the DIMSE status (PS3.7 annex C) if there was one.

    Orthanc names the error class by number and the rest in English; what it says is matched here, never shown.
    """
    status = re.search("DIMSE status (0x[0-9A-Fa-f]{4})", details)
    if status:
        return _by_status(status[1].upper().replace("X", "x")), status[1]
    if error_code == NO_PRESENTATION_CONTEXT:
        return "unsupported", ""
    for words, code in SAID:
        if words in details:
            return code, ""
    return "other", ""


NO_PRESENTATION_CONTEXT = 2015
"""Orthanc's error code when the other side accepted no way to transfer a kind of object."""
SAID = (
    ("Association Rejected", "rejected"),
    ("TCP Initialization Error", "unreachable"),
    ("connecting to AET", "unreachable"),
    ("Peer aborted", "interrupted"),
    ("C-STORE SCU", "interrupted"),
)


def _by_status(status: str) -> str:
    if status.startswith("0xA7"):
        return "full"
    return {"0x0122": "unsupported", "0x0124": "rejected"}.get(status, "refused")
