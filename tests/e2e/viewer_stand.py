"""A stand for the viewer alone: the prepared OHIF and its bridge before one real cell, under nginx's own policies.

No sidecar is running: the stand answers searches from the files that were sent, and everything else below
`/dicom-web/<anything>/` from the cell with the token the edge would use. What is tested is the viewer: its preparation, its
configuration, the bridge, the policies, and our phantoms' pixels.
"""

import json
import mimetypes
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydicom

from sidecar.instance import ohif, ohif_recipe
from tests.doors.running_cell import CHECKOUT, RunningCell

STATIC = CHECKOUT / "sidecar" / "ui" / "static"
PAGE = "<!doctype html><title>stand</title><iframe src='/ohif/viewer?{query}' width='1260' height='820'></iframe>"
ASKED = ("Accept", "Content-Type")


def policies() -> tuple[str, str]:
    """Read the viewer's policy and the decode worker's from nginx's template."""
    template = (CHECKOUT / "sidecar" / "instance" / "nginx.conf.jinja").read_text()
    found = re.findall(r'{% set [A-Z]+ = "([^"]*wasm-unsafe-eval[^"]*)"', template)
    general, worker = sorted(found, key=lambda policy: "'unsafe-eval'" in policy)
    return general, worker


def describe(folder: Path) -> list[dict[str, Any]]:
    """Read one header per series of all files below `folder`, as DICOM JSON (PS3.18, F) with what a search adds."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.dcm")):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        series = found.setdefault(header.SeriesInstanceUID, header.to_json_dict())
        count = series.get("00201209", {"Value": [0]})["Value"][0] + 1
        series["00201209"] = series["00201208"] = {"vr": "IS", "Value": [count]}
        series["00080061"] = {"vr": "CS", "Value": [header.Modality]}
    return list(found.values())


class Stand(ThreadingHTTPServer):
    """Serve on a free port until `shutdown`."""

    daemon_threads = True

    def __init__(self, viewer: Path, cell: RunningCell, sent: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.series = describe(sent)
        self.viewer, self.cell = viewer, cell
        self.general, self.worker = policies()
        self.worker_name = ohif.decode_worker_name(viewer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def search(self, path: str, query: dict[str, list[str]]) -> list[dict[str, Any]] | None:
        """Answer the two searches of the viewer; None: this is no search."""
        if path == "studies":
            tag, key = ("0020000D", "StudyInstanceUID") if "StudyInstanceUID" in query else ("00100020", "00100020")
            matches = [s for s in self.series if s[tag]["Value"][0] == query[key][0]]
            return list({s["0020000D"]["Value"][0]: s for s in matches}.values())
        asked = re.fullmatch(r"studies/([0-9.]+)/series", path)
        return [s for s in self.series if s["0020000D"]["Value"][0] == asked[1]] if asked else None

    def token(self, path: str) -> str:
        """Give the token the edge would use: the service account fills the metadata cache, a context sees pixels."""
        studies = sorted({s["0020000D"]["Value"][0] for s in self.series})
        return self.cell.token() if path.endswith("/metadata") else self.cell.token(studies=studies)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the browser drops connections when a page closes."""


class _Handler(BaseHTTPRequestHandler):
    """`/stand?…` frames the viewer; the rest as nginx has it."""

    server: Stand
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/stand":
            self._answer(200, "text/html", PAGE.format(query=url.query.replace("'", "")).encode(), {})
        elif url.path.startswith("/dicom-web/"):
            self._dicom_web(url.path.split("/", 3)[3], url.query)
        elif url.path == "/ohif/app-config.js":
            self._file(STATIC / "ohif" / "app-config.js", "")
        elif url.path.startswith("/static/"):
            self._file(STATIC / url.path.removeprefix("/static/"), "")
        elif url.path.startswith(ohif_recipe.ROOT):
            name = url.path.removeprefix(ohif_recipe.ROOT)
            known = (self.server.viewer / name).is_file()
            policy = self.server.worker if name == self.server.worker_name else self.server.general
            self._file(self.server.viewer / (name if known else "index.html"), policy)
        else:
            self._answer(404, "text/plain", b"", {})

    def _dicom_web(self, rest: str, query: str) -> None:
        found = self.server.search(rest, parse_qs(query))
        if found is not None:
            self._answer(200, "application/dicom+json", json.dumps(found).encode(), {})
            return
        headers = {name: self.headers[name] for name in ASKED if name in self.headers}
        answer = self.server.cell.get(f"/dicom-web/{rest}", self.server.token(rest), params=query or None, headers=headers)
        self._answer(answer.status_code, answer.headers.get("content-type", "text/plain"), answer.content, {})

    def _file(self, path: Path, policy: str) -> None:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        packed = path.with_name(path.name + ".gz")
        headers = {"Content-Security-Policy": policy} if policy else {}
        if packed.is_file():
            headers["Content-Encoding"] = "gzip"
        self._answer(200, kind, (packed if packed.is_file() else path).read_bytes(), headers)

    def _answer(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
