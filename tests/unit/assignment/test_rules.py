"""Why not: in words for the reader."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sidecar.assignment.rules import Held, why_not_assign, why_not_claim, why_not_lock
from sidecar.studies.model import Status

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
ME, OTHER = uuid4(), uuid4()
FREE = Held(Status.UNREAD, None, "", None, "", None)
OTHERS = Held(Status.ASSIGNED, OTHER, "Dr. Other", None, "", None)
READ = Held(Status.READING, OTHER, "Dr. Other", OTHER, "Dr. Other", NOW + timedelta(seconds=1))
LEFT = Held(Status.READING, OTHER, "Dr. Other", OTHER, "Dr. Other", NOW)
SIGNED = Held(Status.FINAL, OTHER, "Dr. Other", None, "", None)


def test_claim() -> None:
    assert why_not_claim(FREE, ME, NOW) == ""
    assert why_not_claim(OTHERS, ME, NOW) == "Dr. Other has it."
    assert why_not_claim(OTHERS, OTHER, NOW) == "It is yours already."
    assert why_not_claim(SIGNED, ME, NOW) == "The report is signed."


def test_assign() -> None:
    assert why_not_assign(OTHERS, NOW) == ""
    assert why_not_assign(LEFT, NOW) == ""
    assert why_not_assign(READ, NOW) == "Dr. Other is reading it right now."
    assert why_not_assign(SIGNED, NOW) == "The report is signed."


def test_lock() -> None:
    assert why_not_lock(FREE, ME, NOW) == ""
    assert why_not_lock(READ, OTHER, NOW) == ""
    assert why_not_lock(READ, ME, NOW) == "Dr. Other is reading it right now."
    assert why_not_lock(LEFT, ME, NOW).startswith("Dr. Other has it.")
    assert why_not_lock(SIGNED, ME, NOW) == "The report is signed."
