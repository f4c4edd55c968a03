"""What the explorer's forms hold. A filter that means nothing is told in words at its field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sidecar.audit.model import Cursor, Question
from sidecar.audit.words import GROUPS, WORDS
from sidecar.kernel.errors import Invalid

OUTCOMES = (("", "Every outcome"), ("refused", "Refused or failed"), ("done", "Done"))
EARLIEST, LATEST = 2000, 2999
"""Years that can be asked for. A day at the edge of the calendar has no next day in some zones."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters as they were typed, what is wrong with them, and the question they make."""

    values: dict[str, str]
    question: Question
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def narrowing(self) -> dict[str, str]:
        """Those that are filled in."""
        return {name: value for name, value in self.values.items() if value}


NAMES = ("group", "person", "outcome", "since", "until")


def read_filters(fields: Mapping[str, str], zone: ZoneInfo) -> Filters:
    """Return the filters of a request; days are days of the viewer's zone."""
    values = {name: fields.get(name, "").strip() for name in NAMES}
    errors: dict[str, str] = {}
    since, until = (_day(values[name], name, errors) for name in ("since", "until"))
    question = Question(
        kinds=kinds_of(values["group"]),
        person=read_id(values["person"]) if values["person"] else None,
        refused={"refused": True, "done": False}.get(values["outcome"]),
        since=datetime(since.year, since.month, since.day, tzinfo=zone) if since else None,
        until=datetime(until.year, until.month, until.day, tzinfo=zone) + timedelta(days=1) if until else None,
    )
    return Filters(values, question, errors)


def read_id(written: str) -> UUID:
    """Return an id; Invalid for anything else."""
    try:
        return UUID(written)
    except ValueError as error:
        raise Invalid("Choose one from the list.") from error


def read_cursor(fields: Mapping[str, str]) -> Cursor | None:
    """Return the place a page begins after; Invalid for what is none of ours."""
    written = fields.get("after", "")
    if not written:
        return None
    try:
        return Cursor.read(written)
    except ValueError as error:
        raise Invalid("This page of the list does not exist. Begin with the first one.") from error


def kinds_of(group: str) -> tuple[str, ...]:
    """Return the kinds of a group of GROUPS: those that begin with one of its beginnings."""
    if group not in dict(GROUPS) or not group:
        return ()
    return tuple(kind for kind in WORDS if kind.startswith(tuple(group.split(","))))


def _day(written: str, name: str, errors: dict[str, str]) -> date | None:
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
    except ValueError:
        errors[name] = "Write a date such as 2026-11-21."
        return None
    if not EARLIEST <= day.year <= LATEST:
        errors[name] = f"The journal knows the years {EARLIEST} to {LATEST}."
        return None
    return day
