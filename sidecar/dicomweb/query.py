"""A search as a client asks it (PS3.18 §8.3.4), read into our own words: the client's query string goes no further."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from sidecar.dicomweb.attributes import UNIQUE_KEYS, Attribute, Level, Row, find
from sidecar.dicomweb.matching import Match, matcher
from sidecar.kernel.errors import Invalid

MOST_ARGUMENTS = 64
MOST_DIGITS = 6
FUZZY_WARNING = "The fuzzymatching parameter is not supported. Only literal matching has been performed."
UNKNOWN_WARNING = "Arguments that are not in the index were ignored."


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. ``limit`` None: all there are. ``warnings`` go into the answer's header."""

    conditions: tuple[tuple[Attribute, Match], ...] = ()
    asked: frozenset[str] = frozenset()
    everything: bool = False
    limit: int | None = None
    offset: int = 0
    warnings: tuple[str, ...] = ()

    def admits(self, row: Row) -> bool:
        """Say whether every condition holds for the row."""
        return all(match(attribute.values(row)) for attribute, match in self.conditions)

    def page(self, found: Sequence[Row]) -> Sequence[Row]:
        """Return the part that ``offset`` and ``limit`` cut out."""
        end = None if self.limit is None else self.offset + self.limit
        return found[self.offset : end]

    def returns(self, attribute: Attribute, level: Level) -> bool:
        """Say whether the attribute stands in an answer of this level."""
        if attribute.level > level:
            return False
        if self.everything or attribute.tag in self.asked or attribute.tag in UNIQUE_KEYS:
            return True
        return attribute.always and attribute.level is level


class _Reader:
    """Takes arguments one at a time; each name may come once, whichever way it is spelt."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.seen: set[str] = set()
        self.conditions: list[tuple[Attribute, Match]] = []
        self.asked: set[str] = set()
        self.everything = False
        self.numbers: dict[str, int] = {}
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
            self._fuzzy(value)
        elif attribute is None or attribute.level > self.level:
            self._warn(UNKNOWN_WARNING)
        else:
            self.asked.add(attribute.tag)
            if value:  # an empty key matches everything and asks for the attribute (PS3.4 C.2.2.2.3)
                self.conditions.append((attribute, matcher(attribute, value)))

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

    def _fuzzy(self, value: str) -> None:
        if value not in {"true", "false"}:
            raise Invalid("fuzzymatching is true or false.")
        if value == "true":
            self._warn(FUZZY_WARNING)

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)


def read_query(query_string: bytes, level: Level) -> Query:
    """Read a query string; raise Invalid for what is not well formed, contradictory, or asked twice.

    Arguments the index does not have are ignored with a warning, as a C-FIND provider ignores optional keys it does not
    support (PS3.4 C.2.2.1.3): the answer is broader, never beyond the context.
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
        conditions=tuple(reader.conditions),
        asked=frozenset(reader.asked),
        everything=reader.everything,
        limit=reader.numbers.get("limit"),
        offset=reader.numbers.get("offset", 0),
        warnings=tuple(reader.warnings),
    )


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS):
        raise Invalid(f"{name} is a whole number of at most {MOST_DIGITS} digits.")
    return int(value)
