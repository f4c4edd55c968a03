"""Attribute matching (PS3.4 C.2.2.2) once more in plain Python over values: what the SQL of the search must agree with."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from sidecar.dicomweb.attributes import Attribute, Level, Row, Value, find
from sidecar.kernel.errors import Invalid

Match = Callable[[Sequence[Value]], bool]
"""Says whether any of an attribute's values fits. An attribute without value fits only what matches everything."""

LISTS = re.compile(r"[,\\]")
UID = re.compile(r"[0-9.]{1,64}")
DATE = re.compile(r"[0-9]{8}")
TIME = re.compile(r"[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?")
WORDS = re.compile(r"[\s^=,.'-]+")
NUMBER = re.compile(r"[+-]?[0-9]{1,12}")


def admits(query_string: bytes, row: Row) -> bool:
    """Say whether a row fits a query string; arguments that are no attributes of the index count for nothing."""
    pairs = dict(parse_qsl(query_string.decode(), keep_blank_values=True))
    fuzzy = pairs.get("fuzzymatching") == "true"
    named = [(attribute, value) for name, value in pairs.items() if (attribute := find(name)) and value]
    level = (Level.STUDY, Level.SERIES, Level.INSTANCE)[(row.series is not None) + (row.instance is not None)]
    return all(
        (_fuzzy(value) if fuzzy and attribute.vr == "PN" else matcher(attribute, value))(attribute.values(row))
        for attribute, value in named
        if attribute.level <= level
    )


def _fuzzy(asked: str) -> Match:
    """Each word asked for begins a word of the name, accents and case apart; what follows a wild card may stand anywhere."""
    pieces = [re.split(r"[*?]+", _folded(word)) for word in WORDS.split(asked)]
    first, rest = [each[0] for each in pieces], [part for each in pieces for part in each[1:]]

    def match(values: Sequence[Value]) -> bool:
        names = [WORDS.split(_folded(str(value))) for value in values]
        return any(
            all(any(word.startswith(piece) for word in name) for piece in first)
            and all(any(piece in word for word in name) for piece in rest)
            for name in names
        )

    return match if any(first) or any(rest) else _everything


def _folded(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not "\u0300" <= sign <= "\u036f").lower()


def matcher(attribute: Attribute, asked: str) -> Match:
    """Return the test for one attribute; raise Invalid when the asked value has no meaning for its VR (PS3.5 §6.2)."""
    kinds: dict[str, Callable[[str], Match]] = {
        "UI": _uids, "DA": _dates, "TM": _times, "IS": _numbers, "US": _numbers, "PN": _names, "CS": _codes,
    }  # fmt: skip
    return kinds.get(attribute.vr, _text)(asked)


def _uids(asked: str) -> Match:
    wanted = frozenset(LISTS.split(asked))
    if not all(UID.fullmatch(uid) for uid in wanted):
        raise Invalid("A unique identifier has digits and dots, 64 at most; several are separated by commas.")
    return lambda values: not wanted.isdisjoint(values)


def _dates(asked: str) -> Match:
    return _range(asked, DATE, "A date is YYYYMMDD, a range YYYYMMDD-YYYYMMDD.", low=lambda text: text, high=lambda text: text)


def _times(asked: str) -> Match:
    """Compare as HHMMSSFFFFFF: a shorter time means its whole minute or hour."""

    def digits(text: str, fill: str) -> str:
        return text.replace(".", "").ljust(12, fill)

    words = "A time is HHMMSS, a range HHMMSS-HHMMSS."
    return _range(asked, TIME, words, low=lambda text: digits(text, "0"), high=lambda text: digits(text, "9"))


def _range(asked: str, shape: re.Pattern[str], words: str, *, low: Callable[[str], str], high: Callable[[str], str]) -> Match:
    first, dash, last = asked.partition("-")
    if not dash:
        last = first
    if not (first or last) or not all(shape.fullmatch(end) for end in (first, last) if end):
        raise Invalid(words)

    def match(values: Sequence[Value]) -> bool:
        return any(
            shape.fullmatch(text := str(value).strip()) is not None
            and (not first or low(text) >= low(first))
            and (not last or low(text) <= high(last))
            for value in values
        )

    return match


def _numbers(asked: str) -> Match:
    if not NUMBER.fullmatch(asked.strip()):
        raise Invalid("A number is expected.")
    wanted = int(asked)
    return lambda values: wanted in values


def _names(asked: str) -> Match:
    """Person names without regard to case (PS3.4 C.2.2.2.1), against the whole and each of its component groups."""
    pattern = _wildcards(_plain(asked))

    def match(values: Sequence[Value]) -> bool:
        return any(
            pattern.fullmatch(group) for value in values for group in (_plain(str(value)), *map(_plain, str(value).split("=")))
        )

    return match if asked.strip("*^= ") else _everything


def _codes(asked: str) -> Match:
    """Codes hold neither comma nor backslash: both separate alternatives, as viewers send ModalitiesInStudy."""
    patterns = [_wildcards(each.strip()) for each in LISTS.split(asked)]
    if not asked.strip("*"):
        return _everything
    return lambda values: any(pattern.fullmatch(str(value).strip()) for value in values for pattern in patterns)


def _text(asked: str) -> Match:
    if not asked.strip("*"):
        return _everything
    pattern = _wildcards(asked.strip(" "))
    return lambda values: any(pattern.fullmatch(str(value).strip(" ")) for value in values)


def _everything(_values: Sequence[Value]) -> bool:
    return True


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).lower().strip(" ").rstrip("^= ")


def _wildcards(asked: str) -> re.Pattern[str]:
    """Translate ``*`` and ``?`` (PS3.4 C.2.2.2.4). Atomic groups: the time grows with the text, not with the stars."""
    head, *rest = [re.escape(part).replace(r"\?", ".") for part in re.split(r"\*+", asked)]
    if not rest:
        return re.compile(head, re.DOTALL)
    *middle, tail = rest
    return re.compile(head + "".join(f"(?>.*?{part})" for part in middle) + ".*" + tail, re.DOTALL)
