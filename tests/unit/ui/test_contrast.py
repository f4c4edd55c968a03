"""Every pair of text and surface tokens that the components use reaches WCAG 2.2 AA, in both themes."""

import re
from itertools import product

import pytest

from sidecar.ui.jinja import STATIC

TOKENS = dict(re.findall(r"--([\w-]+): light-dark\(([^)]+)\);", (STATIC / "css/tokens.css").read_text(encoding="utf-8")))
SURFACES = ["surface-0", "surface-1", "surface-2", "surface-3"]
TEXTS = ["text-1", "text-2", "text-3", "accent", "urgency-2", "urgency-3", "urgency-4", "ok", "warn", "bad"]
PAIRS = [
    *product(TEXTS, SURFACES),
    *product(["text-1", "text-2", "ok"], ["ok-wash"]),
    *product(["text-1", "text-2", "warn"], ["warn-wash"]),
    *product(["text-1", "text-2", "bad"], ["bad-wash"]),
    *product(["text-1", "text-2", "text-3", "accent", "urgency-1", "urgency-2", "urgency-3"], ["accent-wash"]),
    ("accent-on", "accent-fill"),
    ("urgency-on", "urgency-1-fill"),
]
OUTLINES = [("line-control", surface) for surface in SURFACES[:3]] + [("focus", surface) for surface in SURFACES]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str, theme: int) -> float:
    light, dark = sorted((luminance(TOKENS[name].split(", ")[theme]) for name in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "surface"), PAIRS)
def test_text_is_legible(text: str, surface: str, theme: int) -> None:
    assert contrast(text, surface, theme) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "surface"), OUTLINES)
def test_outlines_of_controls_and_focus_are_visible(line: str, surface: str, theme: int) -> None:
    assert contrast(line, surface, theme) >= 3


@pytest.mark.parametrize("name", ["surface-0", "surface-1", "surface-2", "surface-3", "line", "text-1", "text-2", "text-3"])
def test_greys_have_no_cast(name: str) -> None:
    for colour in TOKENS[name].split(", "):
        channels = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert max(channels) - min(channels) <= 4


def test_components_use_roles_never_raw_colours() -> None:
    for name in ("base", "components", "worklist"):
        text = (STATIC / f"css/{name}.css").read_text(encoding="utf-8")
        raw = set(re.findall(r"#[0-9a-fA-F]{3,6}\b", text)) - {"#000", "#fff"}
        assert not raw, name
