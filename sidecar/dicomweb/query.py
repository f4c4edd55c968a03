"""A search as a client asks it (PS3.18 §8.3.4), read into our own words: the client's query string goes no further."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pydicom.datadict import dictionary_has_tag, tag_for_keyword

from sidecar.dicomweb.attributes import UNIQUE_KEYS, Attribute, Level, find
from sidecar.dicomweb.criteria import Criterion, criterion
from sidecar.kernel.errors import Invalid

MOST_ARGUMENTS = 64
MOST_DIGITS = 9
MOST_RESULTS = {Level.STUDY: 1000, Level.SERIES: 5000, Level.INSTANCE: 10000}
"""Results in one answer at most; a series has thousands of instances, and viewers ask for all of them."""
UNKNOWN_WARNING = "Arguments that are not in the index were ignored."
EMPTY_WARNING = "The emptyvaluematching parameter is not supported. Empty Value Matching has not been performed."
MULTIPLE_WARNING = "The multiplevaluematching parameter is not supported. Multiple Value Matching has not been performed."
UNSUPPORTED = {"emptyvaluematching": EMPTY_WARNING, "multiplevaluematching": MULTIPLE_WARNING}
TAG = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for at ``level``. ``warnings`` go into the answer's header.

    ``above``: levels whose attributes belong into the answer too, because the path did not name them.
    """

    level: Level
    conditions: tuple[tuple[Attribute, Criterion], ...] = ()
    asked: frozenset[str] = frozenset()
    above: frozenset[Level] = frozenset()
    everything: bool = False
    limit: int = MOST_RESULTS[Level.STUDY]
    offset: int = 0
    warnings: tuple[str, ...] = ()

    def returns(self, attribute: Attribute) -> bool:
        """Say whether the attribute stands in the answer."""
        if attribute.level > self.level:
            return False
        if self.everything or attribute.tag in self.asked or attribute.tag in UNIQUE_KEYS:
            return True
        return attribute.always and (attribute.level is self.level or attribute.level in self.above)


class _Reader:
    """Takes arguments one at a time; each name may come once, whichever way it is spelt."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.seen: set[str] = set()
        self.matches: list[tuple[Attribute, str]] = []
        self.asked: set[str] = set()
        self.everything = False
        self.numbers: dict[str, int] = {}
        self.fuzzy = False
        self.warnings: list[str] = []

    def take(self, name: str, value: str) -> None:
        if name == "includefield":
            self._include(value)
            return
        attribute = find(name)
        self._once(attribute.tag if attribute else name)
        if name in {"limit", "offset"}:
            self.numbers[name] = _number(name, value)
        elif name == "fuzzymatching":
            self.fuzzy = _truth(name, value)
        elif name in UNSUPPORTED:
            if _truth(name, value):
                self._warn(UNSUPPORTED[name])
        elif name != "accept":
            self._match(attribute, name, value)

    def _match(self, attribute: Attribute | None, name: str, value: str) -> None:
        if attribute is None:
            _check_known(name)
        if attribute is None or attribute.level > self.level:
            self._warn(UNKNOWN_WARNING)
            return
        self.asked.add(attribute.tag)
        if value:  # an empty key matches everything and asks for the attribute (PS3.4 C.2.2.2.3)
            self.matches.append((attribute, value))

    def _once(self, name: str) -> None:
        if name in self.seen:
            raise Invalid("An argument was given twice; each may stand once, by keyword or by tag.")
        self.seen.add(name)

    def _include(self, value: str) -> None:
        for name in value.split(","):
            if name == "all":
                self.everything = True
            elif attribute := find(name):
                self.asked.add(attribute.tag)
            else:
                _check_known(name)
                self._warn(UNKNOWN_WARNING)

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)

    def conditions(self) -> tuple[tuple[Attribute, Criterion], ...]:
        """Return the conditions; only now is it known whether names are matched fuzzily."""
        read = [(attribute, criterion(attribute, value, fuzzy=self.fuzzy)) for attribute, value in self.matches]
        return tuple((attribute, asked) for attribute, asked in read if asked is not None)


def read_query(query_string: bytes, level: Level, above: frozenset[Level] = frozenset()) -> Query:
    """Read a query string; raise Invalid for what is not well formed, contradictory, asked twice, or no DICOM attribute.

    Attributes of DICOM the index does not have are ignored with a warning, as a C-FIND provider ignores optional keys it does
    not support (PS3.4 C.2.2.1.3): the answer is broader, never beyond what the caller may see.
    """
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_ARGUMENTS)
    except ValueError as error:
        raise Invalid("The query string is not well formed UTF-8, or it is too long.") from error
    reader = _Reader(level)
    for name, value in pairs:
        if "\0" in value:
            raise Invalid("The query string holds a null character.")
        reader.take(name, value)
    return Query(
        level=level,
        conditions=reader.conditions(),
        asked=frozenset(reader.asked),
        above=above,
        everything=reader.everything,
        limit=min(reader.numbers.get("limit", MOST_RESULTS[level]), MOST_RESULTS[level]),
        offset=reader.numbers.get("offset", 0),
        warnings=tuple(reader.warnings),
    )


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS):
        raise Invalid(f"{name} is a whole number of at most {MOST_DIGITS} digits.")
    return int(value)


def _truth(name: str, value: str) -> bool:
    if value not in {"true", "false"}:
        raise Invalid(f"{name} is true or false.")
    return value == "true"


def _check_known(name: str) -> None:
    """Raise Invalid unless every part of ``name`` is a keyword or tag of PS3.6, private tags included.

    A misspelt filter must not pass for one that matched everything. The name is not repeated: it may be a value out of place.
    """
    for part in name.split("."):
        if TAG.fullmatch(part):
            number = int(part, 16)
            known = dictionary_has_tag(number) or bool(number >> 16 & 1)
        else:
            known = bool(part) and tag_for_keyword(part) is not None
        if not known:
            raise Invalid("An argument is neither a keyword or tag of DICOM (PS3.6) nor a parameter of searches (PS3.18 8.3.4).")
