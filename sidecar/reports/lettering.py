"""Letters for paper: which font draws which character, how wide a text is, where a line ends.

Two families cover the scripts hospitals send: DejaVu Sans (Latin, Greek, Cyrillic, Hebrew, Arabic, Armenian, Georgian) and
WenQuanYi Micro Hei (Chinese, Japanese, Korean). Both are embedded, so the paper looks the same everywhere. A character that
neither has is printed as its number, [U+0915]: never as an empty box.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from sidecar.kernel.settings import SettingsError
from sidecar.reports import direction

FONT_ROOTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
FONTS = {
    "regular": ("DejaVuSans.ttf", "fonts-dejavu-core"),
    "bold": ("DejaVuSans-Bold.ttf", "fonts-dejavu-core"),
    "mono": ("DejaVuSansMono.ttf", "fonts-dejavu-core"),
    "east-asian": ("wqy-microhei.ttc", "fonts-wqy-microhei"),
}
LAST_NAMED = 0xFFFF
OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Invisible marks that make a text read otherwise than it is stored: printed by number, so that paper hides nothing."""


@cache
def load() -> dict[str, frozenset[int]]:
    """Register the fonts once and return what each can draw; SettingsError names the package of a missing one."""
    coverage = {}
    for name, (file, package) in FONTS.items():
        path = next((found for root in FONT_ROOTS for found in sorted(root.rglob(file))), None)
        if path is None:
            raise SettingsError(f"the font {file} is missing, reports cannot be printed: apt-get install {package}")
        font = TTFont(name, str(path))
        pdfmetrics.registerFont(font)
        coverage[name] = frozenset(font.face.charToGlyph)
    return coverage


def runs(text: str, face: str) -> Iterator[tuple[str, str]]:
    """Split a drawn text into (font, part)."""
    for font, part in groupby(text, key=lambda char: _font(char, face)):
        yield font, "".join(part)


@cache
def _font(char: str, face: str) -> str:
    return next((font for font in (face, "regular") if ord(char) in load()[font]), "east-asian")


def _drawable(char: str) -> bool:
    """Say whether a font has it. Beyond U+FFFF the PDF library draws but cannot name characters: a copy would read otherwise."""
    return ord(char) <= LAST_NAMED and any(ord(char) in load()[font] for font in ("regular", "east-asian"))


def shaped(text: str) -> str:
    """Return the text with its Arabic letters joined, as far as the fonts have the joined forms."""
    return "".join(char if _drawable(char) else unicodedata.normalize("NFKC", char) for char in direction.shape(text))


def printable(text: str) -> str:
    """Return the text with nothing in it that the fonts cannot draw. Invisible marks that change nothing go."""
    return "".join(_printable(char) for char in unicodedata.normalize("NFC", text))


def printable_lines(text: str) -> list[str]:
    """Return the paragraphs of a text, each printable."""
    return [printable(line) for line in text.split("\n")]


@cache
def _printable(char: str) -> str:
    if char in OVERRIDES:
        return f"[U+{ord(char):04X}]"
    if unicodedata.category(char) in ("Cf", "Cc"):
        return " " if char == "\t" else ""
    return char if _drawable(char) else f"[U+{ord(char):04X}]"


def width(text: str, face: str, size: float) -> float:
    """Return how wide a text is drawn, in points."""
    return sum(pdfmetrics.stringWidth(part, font, size) for font, part in runs(shaped(text), face))


def wrap(paragraph: str, face: str, size: float, room: float) -> list[str]:
    """Break one paragraph into lines not wider than ``room`` points, in logical order."""
    lines, line = [], ""
    for piece in _pieces(paragraph):
        if line and width((line + piece).rstrip(), face, size) > room:
            lines.append(line.rstrip())
            line = ""
        line += piece.lstrip() if lines and not line else piece
        while width(line.rstrip(), face, size) > room:
            fit = _longest_fit(line, face, size, room)
            lines.append(line[:fit])
            line = line[fit:]
    return [*lines, line.rstrip()]


def _pieces(paragraph: str) -> Iterator[str]:
    """Yield what may not be broken: words with the space after them, and single East Asian characters."""
    word = ""
    for char in paragraph:
        wide = unicodedata.east_asian_width(char) in ("W", "F")
        if wide and word and unicodedata.category(char)[0] == "L":
            yield word
            word = ""
        word += char
        if char == " " or wide:
            yield word
            word = ""
    if word:
        yield word


def _longest_fit(line: str, face: str, size: float, room: float) -> int:
    fit = 1
    while fit < len(line) and width(line[: fit + 1], face, size) <= room:
        fit += 1
    return fit
