"""The doors of a cell as data: `routes.csv`, one row per reviewed route. What no row opens is refused to everybody.

Columns: `method` and `path` (`a|b` stands for either, `{name}` for one value, `*` for the rest of the path); `class` says
what kind of door it is (page, list, view, download, machine, never; door: a DICOM service, decided by the door process);
`id` where the request says what it is about; `staff` the roles of the hospital's own people by first letter (Manager,
Radiologist, Technician); `context` what a reading context gets (`own`: Orthanc answers when all that the path names lies
in the context; `answered`: this plugin answers with the context's studies only); `service` whether the sidecar itself
may; `arguments` the GET arguments it takes; `reason` where it is not obvious.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TABLE = Path(__file__).with_name("routes.csv")
ROLES = {"M": "manager", "R": "radiologist", "T": "technician"}


class Access(StrEnum):
    """What a reading context gets on a route."""

    NONE = "-"
    OWN = "own"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Route:
    """One reviewed route; `path` has no alternatives left."""

    method: str
    path: str
    kind: str
    staff: frozenset[str]
    context: Access
    service: bool
    arguments: frozenset[str]
    reason: str

    @property
    def open(self) -> bool:
        """Whether anybody at all may pass."""
        return bool(self.staff or self.service or self.context is not Access.NONE)

    @property
    def level(self) -> str:
        """First part of the path: for Orthanc's ids the level they are of."""
        return self.path.split("/")[1]


class TableError(ValueError):
    """The table contradicts itself; Orthanc then does not start."""


def _checked(route: Route) -> Route:
    """A row that is never open says so everywhere; a context gets natively what names a study, or a page without data."""
    if route.kind in {"never", "door"} and route.open:
        raise TableError(f"{route.method} {route.path}: never, and yet open")
    if route.context is Access.OWN and route.kind != "page" and not ({"{id}", "{study}"} & set(route.path.split("/"))):
        raise TableError(f"{route.method} {route.path}: nothing in it could be the context's own")
    return route


def _expanded(row: Mapping[str, str]) -> Iterator[Route]:
    arguments = frozenset(row["arguments"].split())
    staff = frozenset(ROLES[letter] for letter in row["staff"].strip("-"))
    parts = [part.split("|") for part in row["path"].split("/")]
    for method, path in itertools.product(row["method"].split("|"), ("/".join(each) for each in itertools.product(*parts))):
        yield _checked(
            Route(method, path, row["class"], staff, Access(row["context"]), row["service"] == "yes", arguments, row["reason"])
        )


def read(table: Path = TABLE) -> tuple[Route, ...]:
    """Read the table, alternatives written out.

    Raises:
        TableError, KeyError, ValueError: a row is not what the columns allow, or a route is there twice.
    """
    with table.open(encoding="utf-8", newline="") as lines:
        routes = tuple(route for row in csv.DictReader(lines) for route in _expanded(row))
    twice = [key for key, count in Counter((route.method, route.path) for route in routes).items() if count > 1]
    if twice:
        raise TableError(f"there twice: {twice}")
    return routes


def unanswered(routes: Iterable[Route], patterns: Iterable[str]) -> list[str]:
    """The routes that the table says we answer and none of these registered patterns does: Orthanc would answer them."""
    answered = [re.compile(pattern) for pattern in patterns]
    return [
        route.path
        for route in routes
        if route.context is Access.ANSWERED and not any(each.fullmatch(route.path) for each in answered)
    ]


ROUTES = read()
