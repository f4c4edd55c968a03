"""nginx as configured for real, between a web application and a cell that only write down what they are asked."""

import os
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from sidecar.instance.nginx import render_template
from sidecar.instance.ports import first_free
from sidecar.instance.readiness import port_answers, wait_until
from sidecar.instance.tools import need


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Recorder:
    """An HTTP server with a planned answer; everything it was asked is in ``seen``."""

    answer: Callable[[Seen], tuple[int, dict[str, str], bytes]]
    seen: list[Seen] = field(default_factory=list)
    busy: int = 0
    """Answers that are being taken off it."""

    def start(self) -> "Recorder":
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked = Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
                self.rfile.read(int(asked.headers.get("content-length", "0")))
                recorder.seen.append(asked)
                recorder.busy += 1
                status, headers, body = recorder.answer(asked)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                recorder.busy -= 1

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names http.server looks for

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def paths(self, start: str = "/") -> list[str]:
        return [each.path for each in self.seen if each.path.startswith(start)]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _packed(asked: Seen) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/zip"}, f"PK {asked.path}".encode()


class Edge:
    """The public door with its two neighbours. ``may`` says which (cookie, context, study) may see pixels."""

    def __init__(
        self,
        directory: Path,
        *,
        origin: str = "",
        certificate: tuple[Path, Path] | None = None,
        quicker: dict[str, str] | None = None,
        **values: Any,
    ) -> None:
        self.may: set[tuple[str, str, str]] = set()
        self.hold = threading.Event()  # set: open lines end
        self.web = Recorder(self._web).start()
        self.carrier = Recorder(_packed).start()
        self.cell = Recorder(lambda _: (200, {"Content-Type": "multipart/related", "Set-Cookie": "x=y"}, b"pixels")).start()
        self.forget()
        self.port = first_free(range(28100, 28400))
        self.directory = directory
        self._files()
        text = render_template(
            origin=origin or f"http{'s' if certificate else ''}://127.0.0.1:{self.port}", certificate=certificate, **values,
            user="root" if os.geteuid() == 0 else "",
            run_dir=directory / "run", listen=f"127.0.0.1:{self.port}", web=f"127.0.0.1:{self.web.port}",
            carrier=f"127.0.0.1:{self.carrier.port}", cell_host="127.0.0.1", cell_ports=[self.cell.port],
            ohif_dir=directory / "ohif", static_dir=directory / "static", decode_worker=r"8097\.bundle\.abc\.js",
        )  # fmt: skip
        for before, after in {"worker_processes 2": "worker_processes 1", **(quicker or {})}.items():
            assert before in text
            text = text.replace(before, after)
        (directory / "nginx.conf").write_text(text)
        command = [need("nginx"), "-e", "stderr", "-c", str(directory / "nginx.conf")]
        self.output = (directory / "output").open("wb")
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT)
        wait_until(lambda: port_answers(self.port), seconds=30, what="nginx")
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}")

    def forget(self) -> None:
        """Begin a new test: nobody may see anything, nothing was asked, and a cookie nobody had."""
        self.may.clear()
        self.web.seen.clear()
        self.carrier.answer = _packed
        self.carrier.seen.clear()
        self.cell.seen.clear()
        self.cell_address = f"127.0.0.1:{self.cell.port}"
        self.cookie = f"rr_session={uuid.uuid4().hex}"

    def raw(self, target: str, *, method: str = "GET") -> int:
        """Send a request target as it stands, which well-behaved clients would tidy; return the status."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, target, skip_host=False)
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status

    def log(self) -> str:
        time.sleep(0.1)
        return (self.directory / "output").read_text()

    def close(self) -> None:
        self.hold.set()
        self.http.close()
        self.process.terminate()
        self.process.wait()
        self.output.close()
        self.web.stop()
        self.carrier.stop()
        self.cell.stop()

    def _web(self, asked: Seen) -> tuple[int, dict[str, str], bytes]:
        if asked.path.startswith("/worklist/events"):
            self.hold.wait(20)
        if asked.path.startswith("/large"):
            return 200, {"Content-Type": "text/plain"}, bytes(4_000_000)
        if asked.path == "/exports/1/download":
            lead = {"X-Accel-Redirect": f"/__carried/{'a' * 32}", "Cache-Control": "private, no-store"}
            return 200, {"Content-Type": "application/zip", "Content-Disposition": "attachment", **lead}, b""
        if asked.path.startswith("/dicom-web/ctx/") and "/bulk/" in asked.path and "x-single-missed" not in asked.headers:
            lead = {"X-Accel-Redirect": f"/__single/{'a' * 32}", "Cache-Control": "private, no-store"}
            return 200, {"Content-Type": "application/octet-stream", **lead}, b""
        if not asked.path.startswith("/edge/pixels"):
            own = {"Content-Type": "application/json", "Content-Security-Policy": "script-src 'self'"}
            return 404, own, b'{"status":"error","code":"missing"}'
        context = asked.path.split("context=")[1].split("&")[0]
        study = asked.path.split("study=")[1].split("&")[0]
        if (asked.headers.get("cookie", ""), context, study) not in self.may:
            return 403, {}, b""
        return 200, {"X-Cell-Address": self.cell_address, "X-Cell-Token": "signed"}, b""

    def _files(self) -> None:
        self.directory.chmod(0o755)
        for name in ("run", "ohif", "static/ohif"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "ohif/index.html").write_text("<html>viewer</html>")
        (self.directory / "ohif/8097.bundle.abc.js").write_text("worker")
        (self.directory / "ohif/app.js").write_text("plain")
        (self.directory / "static/ohif/app-config.js").write_text("config")
        (self.directory / "static/app.css").write_text("css")
