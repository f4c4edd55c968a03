"""How OHIF's published package becomes what we serve under /ohif/: trimmed, moved, minified, compressed, checked.

The published build is for `/`, un-minified, has inline scripts, and carries parts that nobody here uses. Whatever this
recipe expects of the package it checks: another version fails here instead of in a reader's browser.
"""

import gzip
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

ROOT = "/ohif/"
SERVED_BY_SIDECAR = {"/ohif/app-config.js", "/static/ohif/bridge.js", "/static/ohif/neutral.css"}
# Machine-learning runtimes, microscopy, sign-on and offline parts, and files for other hosting services.
DROPPED = re.compile(
    r"(ort|dicom-microscopy-viewer|customizations)/|.*\.map$|.*LICENSE\.txt$|assets/(apple-|android-|mstile|yandex|firefox|coast|browserconfig|manifest)"
    r"|(sw|init-service-worker|oidc-client\.min|google|es6-shim\.min|polyfill\.min|app-config)\.js$"
    r"|(silent-refresh\.html|manifest\.json|serve\.json|_headers|_redirects|index\.html)$"
)
PUBLIC_PATH = '__webpack_require__.p = "/"'
COMPRESSED = {".js", ".css", ".html", ".svg", ".wasm", ".json"}
START = f"window.PUBLIC_URL = '{ROOT}';\nfunction browserImportFunction(name) {{ return import(name); }}\n"
INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Images</title>
<link rel="icon" href="{root}assets/favicon.ico">
<link rel="stylesheet" href="{root}{css}">
<link rel="stylesheet" href="/static/ohif/neutral.css">
<script src="{root}start.js"></script>
<script src="/static/ohif/bridge.js"></script>
<script src="{root}app-config.js"></script>
<script defer src="{root}{app}"></script>
</head>
<body><noscript>The image viewer needs JavaScript.</noscript><div id="react-portal"></div><div id="root"></div></body>
</html>
"""


class RecipeError(Exception):
    """The package is not shaped as the recipe expects."""


def build(archive: Path, target: Path, minifier: Path, progress: Callable[[str], None]) -> None:
    """Unpack `archive` into `target` and prepare it.

    Raises:
        RecipeError: the package is not shaped as expected, or the minifier failed.
    """
    progress("Unpacking the viewer")
    unpack(archive, target)
    progress("Moving the viewer to " + ROOT)
    move(target)
    progress("Minifying the viewer")
    minify(target, minifier)
    write_index(target)
    progress("Compressing the viewer")
    compress(target)
    check(target)


def unpack(archive: Path, target: Path) -> None:
    """Unpack the files we serve: plain files below ``target``, whatever the archive says of modes, links or owners.

    By hand, because tarfile's own filters are younger (3.11.4) than Debian 12's Python (3.11.2).
    """
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("package/dist/")
            if not member.isfile() or name == member.name or DROPPED.match(name):
                continue
            path = target / name
            if not path.resolve().is_relative_to(target.resolve()):
                raise RecipeError(f"the archive holds a file outside itself: {member.name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            if content is None:
                raise RecipeError(f"the archive lacks the content of {member.name}")
            with content, path.open("wb") as file:
                shutil.copyfileobj(content, file)


def move(folder: Path) -> None:
    """Point scripts and styles at `ROOT` instead of `/`."""
    moved = 0
    for path in folder.glob("*.js"):
        text = path.read_text()
        if PUBLIC_PATH in text:
            path.write_text(text.replace(PUBLIC_PATH, PUBLIC_PATH.replace('"/"', f'"{ROOT}"')))
            moved += 1
    if moved == 0:
        raise RecipeError("no script sets webpack's public path")
    for path in folder.rglob("*.css"):
        path.write_text(re.sub(r"url\((['\"]?)/(?!/)", rf"url(\1{ROOT}", path.read_text()))


def minify(folder: Path, minifier: Path) -> None:
    """Minify every script and style in place, without their comments.

    Raises:
        RecipeError: the minifier rejects a file.
    """
    files = [str(p) for p in folder.rglob("*") if p.suffix in {".js", ".css"}]
    command = [str(minifier), *files, "--minify", "--legal-comments=none", "--log-level=error"]
    command += [f"--outdir={folder}", f"--outbase={folder}", "--allow-overwrite", "--loader:.css=css"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RecipeError(f"the minifier failed: {done.stderr[-600:]}")


def write_index(folder: Path) -> None:
    """Write the page that starts the viewer: the package's own has inline scripts, which our policy forbids."""
    app = only(folder, "app.bundle.*.js")
    css = only(folder, "app.bundle.css")
    (folder / "start.js").write_text(START)
    (folder / "index.html").write_text(INDEX.format(root=ROOT, app=app, css=css))


def compress(folder: Path) -> None:
    """Put a .gz beside every file that gains by it, for nginx's gzip_static."""
    files = [p for p in folder.rglob("*") if p.suffix in COMPRESSED]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_compress, files))


def _compress(path: Path) -> None:
    """Compress one file; the time stamp is left out, so that equal content stays equal."""
    content = path.read_bytes()
    packed = gzip.compress(content, 9, mtime=0)
    if len(packed) < len(content):
        path.with_name(path.name + ".gz").write_bytes(packed)


def decode_worker_name(folder: Path) -> str:
    """Name the bundle that decodes compressed pixels.

    Raises:
        RecipeError: there is not exactly one.
    """
    found = [p.name for p in folder.glob("*.bundle.*.js") if not p.name.startswith("app.") and "decodeTask" in p.read_text()]
    if len(found) != 1:
        raise RecipeError(f"expected one decode worker, found {found or 'none'}")
    return found[0]


def check(folder: Path) -> None:
    """Check what the security policy relies on: no inline script or handler, no foreign host, all links resolve.

    Raises:
        RecipeError: the prepared viewer would break the policy.
    """
    page = _Page((folder / "index.html").read_text())
    if page.inline:
        raise RecipeError(f"index.html has inline script: {page.inline[0]}")
    for link in page.links:
        if link not in SERVED_BY_SIDECAR and not (link.startswith(ROOT) and (folder / link[len(ROOT) :]).is_file()):
            raise RecipeError(f"index.html refers to {link}")
    for path in folder.rglob("*.css"):
        for link in re.findall(r"url\(['\"]?([^)'\"]+)", path.read_text()):
            if not link.startswith((ROOT, "data:", "#")) or (
                link.startswith(ROOT) and not (folder / link[len(ROOT) :]).is_file()
            ):
                raise RecipeError(f"{path.name} refers to {link[:80]}")
    decode_worker_name(folder)


def only(folder: Path, pattern: str) -> str:
    """Name the one file that matches.

    Raises:
        RecipeError: there is none, or more than one.
    """
    found = [p.name for p in folder.glob(pattern)]
    if len(found) != 1:
        raise RecipeError(f"expected one {pattern}, found {found or 'none'}")
    return found[0]


class _Page(HTMLParser):
    """What a page loads, and what it runs inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect links; note event handlers and scripts without a source."""
        given = dict(attrs)
        self.links += [str(given[a]) for a in ("src", "href") if given.get(a)]
        self.inline += [f"<{tag} {a}>" for a in given if a.startswith("on")]
        if tag == "script" and not given.get("src"):
            self.inline.append("<script>")
