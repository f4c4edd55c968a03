"""Templates keep to the content security policy, name only what exists, and say which context they need."""

import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sidecar.ui import vendor
from sidecar.ui.jinja import STATIC
from tests.unit.ui import samples

FILES = sorted(samples.TEMPLATES.glob("*.html"))
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
SCRIPT_LINES = 200
FIRST_PAINT = 50_000
"""Bytes of script and style on the wire (gzip) for the heaviest page."""


STYLES = 30_000
"""Bytes of the style sheets every page loads."""


class Inline(HTMLParser):
    """Collects what `script-src 'self'; style-src 'self'` would refuse, links to nowhere, ids used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.assets: set[str] = set()
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.fields: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.refused += [f"{tag} {name}" for name in values if name.startswith(("on", "hx-on")) or name == "style"]
        self.refused += [f"{tag} javascript:" for value in values.values() if value.lower().startswith("javascript:")]
        if tag == "style" or (tag == "script" and "src" not in values):
            self.refused.append(f"inline {tag}")
        self.assets |= {value for name, value in values.items() if name in {"src", "href"} and value.startswith("/static/")}
        self.refused += [f"{tag} {value}" for name, value in values.items() if name in {"src", "action"} and "://" in value]
        self.ids += [values["id"]] if "id" in values else []
        self.labels |= {values["for"]} if tag == "label" and "for" in values else set()
        if tag in {"input", "select", "textarea"} and values.get("type") not in {"hidden", "checkbox", "radio"}:
            if "aria-label" in values:
                return
            self.fields.add(values.get("id", f"nameless {tag}"))


def parse(html: str) -> Inline:
    parser = Inline()
    parser.feed(html)
    return parser


@pytest.fixture(scope="module", params=list(samples.PAGES))
def page(request: pytest.FixtureRequest) -> str:
    return samples.render(request.param)


def test_a_page_renders_and_obeys_the_policy(page: str) -> None:
    found = parse(page)
    assert found.refused == []
    assert found.fields - found.labels == set()
    assert len(found.ids) == len(set(found.ids))


def test_a_pages_assets_exist(page: str) -> None:
    for address in parse(page).assets:
        path = STATIC / address.removeprefix("/static/").split("?")[0].split("#")[0]
        assert path.is_file(), address


def test_sprite_has_every_icon_named(page: str) -> None:
    known = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    assert set(re.findall(r"icons\.svg\?v=\w+#([\w-]+)", page)) <= known


@pytest.mark.parametrize("path", list(samples.FRAGMENTS))
def test_fragments_render(path: str) -> None:
    assert parse(samples.fragment(path)).refused == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_template_says_what_it_needs_and_never_switches_escaping_off(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("{#")
    unsafe = re.findall(r"\{\{[^}]*\|\s*safe\s*\}\}|autoescape false", text)
    # The QR code is drawn by us from a secret of our own alphabet.
    assert unsafe in ([], ["{{ qr | safe }}"])


def test_hostile_names_are_text() -> None:
    hostile = samples.row(
        1, "<img src=x onerror=alert(1)>", {"patient_name": "</td><script>alert(1)</script>^\"'onfocus=alert(1) x="}
    )
    html = samples.environment().get_template("_worklist_rows.html").render(page=samples.page(), rows=[hostile])
    found = parse(html)
    assert found.refused == []
    assert "<script" not in html


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_scripts_are_small_and_call_nobody_else(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") < SCRIPT_LINES
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert "eval(" not in text
    assert "localStorage" not in text
    for imported in re.findall(r"from '(\.[^']+)'", text):
        assert (file.parent / imported).resolve().is_file(), imported


def with_imports(*scripts: Path) -> set[Path]:
    """Return scripts and all they import."""
    found, waiting = set[Path](), [script.resolve() for script in scripts]
    while waiting:
        script = waiting.pop()
        if script not in found:
            found.add(script)
            waiting += [(script.parent / name).resolve() for name in re.findall(r"from '(\.[^']+)'", script.read_text("utf-8"))]
    return found


def test_first_paint_stays_small() -> None:
    everywhere = [STATIC / "css" / f"{name}.css" for name in ("tokens", "base", "components")]
    reading = [
        STATIC / "css/reading.css",
        STATIC / "css/report.css",
        *with_imports(STATIC / "js/app.js", STATIC / "js/reading.js"),
    ]
    files = [*everywhere, *reading, STATIC / "icons.svg", STATIC / "vendor/htmx.min.js"]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < FIRST_PAINT
    assert sum(file.stat().st_size for file in everywhere) < STYLES


def test_the_lock_names_no_host_and_one_library() -> None:
    text = (STATIC.parent / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    assert set(json.loads(text)["packages"]) == {"", "node_modules/htmx.org"}
    assert json.loads(text)["packages"]["node_modules/htmx.org"]["version"] == "2.0.10"
    assert set(vendor.FILES) == {"htmx.org"}
