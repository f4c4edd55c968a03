"""What a search asks of one attribute (PS3.4 C.2.2.2), read from the client's text. Pure; ``search`` turns it into SQL."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sidecar.dicomweb.attributes import Attribute
from sidecar.kernel.errors import Invalid

LISTS = re.compile(r"[,\\]")
UID = re.compile(r"[0-9.]{1,64}")
DATE = re.compile(r"[0-9]{8}")
TIME = re.compile(r"[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?")
NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
WILD = re.compile(r"[*?]+")
BETWEEN_WORDS = re.compile(r"[\s^=,.'-]+")


@dataclass(frozen=True, slots=True)
class OneOf:
    """List of UID matching, single value included."""

    uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class DateRange:
    """Dates YYYYMMDD, both ends included; "" is open."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Times as HHMMSSFFFFFF, both ends included; "" is open."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Number:
    """Single value matching of IS and US."""

    value: int


@dataclass(frozen=True, slots=True)
class Like:
    """Single value or wild card matching: any of these, with ``*`` and ``?``."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A person name, literally: ``pattern`` against the whole and each component group."""

    pattern: str


@dataclass(frozen=True, slots=True)
class FuzzyName:
    """A person name by its words without accents: ``words`` each begin one of them, ``parts`` each stand in one of them."""

    words: tuple[str, ...]
    parts: tuple[str, ...]


Criterion = OneOf | DateRange | TimeRange | Number | Like | Name | FuzzyName


def criterion(attribute: Attribute, asked: str, *, fuzzy: bool) -> Criterion | None:
    """Return what is asked, None for universal matching; raise Invalid when the text has no meaning for the VR (PS3.5 §6.2)."""
    if attribute.vr == "PN":
        return _name(asked, fuzzy=fuzzy)
    kinds: dict[str, Callable[[str], Criterion | None]] = {
        "UI": _uids, "DA": _dates, "TM": _times, "IS": _number, "US": _number, "CS": _codes,
    }  # fmt: skip
    return kinds.get(attribute.vr, _text)(asked)


def _uids(asked: str) -> OneOf:
    wanted = frozenset(LISTS.split(asked))
    if not all(UID.fullmatch(uid) for uid in wanted):
        raise Invalid("A unique identifier has digits and dots, 64 at most; several are separated by commas.")
    return OneOf(wanted)


def _dates(asked: str) -> DateRange:
    return DateRange(*_ends(asked, DATE, "A date is YYYYMMDD, a range YYYYMMDD-YYYYMMDD."))


def _times(asked: str) -> TimeRange:
    """Read as HHMMSSFFFFFF: a shorter time means its whole minute or hour."""
    first, last = _ends(asked, TIME, "A time is HHMMSS, a range HHMMSS-HHMMSS.")
    return TimeRange(first and first.replace(".", "").ljust(12, "0"), last and last.replace(".", "").ljust(12, "9"))


def _ends(asked: str, shape: re.Pattern[str], words: str) -> tuple[str, str]:
    first, dash, last = asked.partition("-")
    if not dash:
        last = first
    if not (first or last) or not all(shape.fullmatch(end) for end in (first, last) if end):
        raise Invalid(words)
    return first, last


def _number(asked: str) -> Number:
    if not NUMBER.fullmatch(asked.strip()):
        raise Invalid("A number of at most nine digits is expected.")
    return Number(int(asked))


def _name(asked: str, *, fuzzy: bool) -> Name | FuzzyName | None:
    """Read a name; nothing but delimiters and stars names nobody, so it matches everybody."""
    if not asked.strip("*^= "):
        return None
    if not fuzzy:
        return Name(asked)
    pieces = [WILD.split(word) for word in BETWEEN_WORDS.split(asked)]
    words = tuple(first for first, *_ in pieces if first)
    parts = tuple(part for _, *rest in pieces for part in rest if part)
    return FuzzyName(words, parts) if words or parts else None


def _codes(asked: str) -> Like | None:
    """Codes hold neither comma nor backslash: both separate alternatives, as viewers send ModalitiesInStudy."""
    return Like(tuple(each.strip() for each in LISTS.split(asked))) if asked.strip("*") else None


def _text(asked: str) -> Like | None:
    return Like((asked.strip(" "),)) if asked.strip("*") else None
