"""Render every page with sample contexts, serve it under the real content security policy, and photograph it.

    .venv/bin/python -m tests.e2e.gallery [--only worklist,reading] [--out build/gallery]

Needs no database. Prints every console message: under our policy there must be none.
"""

import argparse
import json
import mimetypes
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, sync_playwright

from sidecar.ui.jinja import STATIC
from tests.unit.ui import samples

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
)
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
VIEWER = "<!doctype html><title>viewer</title><body bgcolor=black>"


class Pages(BaseHTTPRequestHandler):
    """`/<template>` renders the sample page, `/static/` the files; anything else is 404."""

    received: ClassVar[list[str]] = []
    """"PUT /api/…" of everything sent here: requests of a page that is already gone are seen nowhere else."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.startswith("/static/"):
            path = STATIC / url.path.removeprefix("/static/")
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self.answer(200, kind, path.read_bytes()) if path.is_file() else self.answer(404, "text/plain", b"")
        elif url.path.endswith("/events"):
            self.hold()
        elif url.path.startswith("/ohif/"):
            self.answer(200, "text/html", VIEWER.encode())
        elif url.path.startswith("/shared/series/"):
            self.answer(200, "image/svg+xml", (STATIC / "favicon.svg").read_bytes())
        elif url.path.startswith("/api/reports/"):
            draft = {"revision": 7, "status": "draft", "sections": samples.CONTENT["sections"]}
            self.answer(200, "application/json", json.dumps(draft).encode())
        elif url.path in samples.FRAGMENTS:
            self.answer(200, "text/html; charset=utf-8", samples.fragment(url.path).encode())
        elif url.path.strip("/") in samples.PAGES:
            theme = parse_qs(url.query).get("theme", ["dark"])[0]
            self.answer(200, "text/html; charset=utf-8", samples.render(url.path.strip("/"), theme).encode())
        else:
            self.answer(404, "text/plain", b"")

    def answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Locks and drafts are taken as they come."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.received.append(f"{self.command} {self.path}")
        self.answer(200, "application/json", b'{"revision": 8, "saved_at": "2026-11-21T20:04:07Z"}')

    do_PUT = do_DELETE = do_POST  # noqa: N815

    def hold(self) -> None:
        """An event stream that is open and says nothing."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b": open\n\n")
        self.wfile.flush()
        threading.Event().wait(20)

    def log_message(self, *_: object) -> None:
        """Stay quiet: the console of the browser is what matters."""


def serve() -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def photograph(browser: Browser, origin: str, name: str, out: Path, *, full: bool) -> list[str]:
    """Take both sizes in both themes; return what the console said, and any page wider than its window."""
    said: list[str] = []
    for size, (width, height) in SIZES.items():
        for theme in ("dark", "light"):
            page = browser.new_page(viewport={"width": width, "height": height}, has_touch=size == "phone")
            page.on("console", lambda message: said.append(f"{name}: {message.text}") if "[DOM]" not in message.text else None)
            page.on("pageerror", lambda error: said.append(f"{name}: {error}"))
            page.goto(f"{origin}/{name}?theme={theme}")
            page.wait_for_timeout(250)
            if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
                said.append(f"{name}: wider than {size}")
            page.screenshot(path=out / f"{name}-{size}-{theme}.png", full_page=full)
            page.close()
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=Path("build/gallery"))
    parser.add_argument("--full", action="store_true", help="whole page, not only the first screen")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = options.only.split(",") if options.only else list(samples.PAGES)
    server = serve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        origin = f"http://127.0.0.1:{server.server_address[1]}"
        said = [line for name in names for line in photograph(browser, origin, name, options.out, full=options.full)]
        browser.close()
    server.shutdown()
    sys.stdout.write(("\n".join(said) or f"{len(names)} pages, console silent") + "\n")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
