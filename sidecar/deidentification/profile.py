"""Table E.1-1 of PS3.15 (edition 2026c) as data, and what a choice of options makes of each row.

``table_e1_1.csv`` holds the standard's facts: the basic profile's action and those of the options we offer.
"""

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from sidecar.deidentification.model import Option

TABLE = Path(__file__).with_name("table_e1_1.csv")
REPEATING_GROUPS = (0x5000, 0x6000)
"""Curves and overlays: the table removes their data and comments; what is left of the group would describe nothing."""


class Action(StrEnum):
    """The action codes of PS3.15 E.3.1 (table E.1-1a), one of which is always carried out."""

    DUMMY = "D"
    EMPTY = "Z"
    REMOVE = "X"
    KEEP = "K"
    CLEAN = "C"
    UID = "U"


CAREFUL = {"Z/D": Action.DUMMY, "X/Z": Action.EMPTY, "X/D": Action.DUMMY, "X/Z/D": Action.DUMMY, "X/Z/U*": Action.UID}
"""Combined codes leave the choice to the object's definition. The last letter is right for every definition, since
an attribute of type 1 needs a value and none forbids one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute of the table: the basic action, and what each option says of it where it says anything."""

    tag: str
    keyword: str
    basic: Action
    options: dict[Option, Action]


@cache
def rows() -> dict[int, Row]:
    """Return the table by tag, without its three repeating groups (see ``REPEATING_GROUPS``)."""
    with TABLE.open(newline="") as lines:
        return {int(each["tag"], 16): _row(each) for each in csv.DictReader(lines) if "X" not in each["tag"]}


def _row(cells: dict[str, str]) -> Row:
    options = {option: Action(cells[option]) for option in Option if cells.get(option)}
    basic = cells["basic"]
    return Row(cells["tag"], cells["keyword"], CAREFUL.get(basic) or Action(basic), options)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to an attribute: ``wanted``, and ``otherwise`` when a cleaning leaves nothing."""

    wanted: Action
    otherwise: Action
    option: Option | None = None


_ORDER = (Option.MODIFIED_DATES, Option.PATIENT, Option.DEVICE, Option.UIDS, Option.DESCRIPTORS, Option.GRAPHICS)
"""A date is shifted even where the device's identity is retained; what is retained is not cleaned as well."""


def verdict(tag: int, chosen: frozenset[Option]) -> Verdict | None:
    """Return what the profile with these options does to a tag; None where the table does not name it."""
    row = rows().get(tag)
    if row is None:
        return None
    for option in _ORDER:
        if option in chosen and option in row.options:
            return Verdict(row.options[option], row.basic, option)
    return Verdict(row.basic, row.basic)
