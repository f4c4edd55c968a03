"""The whole way of an image to a viewer, short of a browser: nginx as configured for real, the application, a real cell."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from pathlib import Path

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from sidecar.carrier.program import build, serve
from sidecar.instance.nginx import render_template
from sidecar.instance.readiness import port_answers, wait_until
from sidecar.instance.tools import need
from tests.doors.running_cell import RunningCell, free_port


class Quiet(WSGIRequestHandler):
    """Say nothing about requests."""

    def log(self, *_arguments: object) -> None:
        """Nothing."""


class CarrierThread:
    """The carrier beside the application, asking what the application asks."""

    def __init__(self, directory: Path, app: Flask) -> None:
        self.port, self.loop, self.stop = free_port(), asyncio.new_event_loop(), asyncio.Event()
        carrier = build(
            app.extensions["readingroom.scopes"], app.extensions["readingroom.redis"], spool=directory, exports=directory
        )
        self.serving = serve(carrier, "127.0.0.1", self.port, self.stop)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        """Serve to the end in this thread: in a browser test the other one has a loop that runs."""
        self.loop.run_until_complete(self.serving)
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()


class EdgeChain:
    """nginx in front of the application and one cell, until ``close``."""

    def __init__(self, directory: Path, app: Flask, cell: RunningCell) -> None:
        self.web = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        self.thread = threading.Thread(target=self.web.serve_forever, daemon=True)
        self.thread.start()
        self.port = free_port()
        directory.mkdir(mode=0o755)
        for name in ("run", "ohif", "static", "spool"):
            (directory / name).mkdir(parents=True)
        self.carrier = CarrierThread(directory / "spool", app)
        text = render_template(
            origin=f"http://127.0.0.1:{self.port}",
            user="root" if os.geteuid() == 0 else "",
            run_dir=directory / "run", listen=f"127.0.0.1:{self.port}", web=f"127.0.0.1:{self.web.server_port}",
            carrier=f"127.0.0.1:{self.carrier.port}", cell_host="127.0.0.1", cell_ports=[cell.http_port],
            ohif_dir=directory / "ohif", static_dir=directory / "static", decode_worker="none",
        )  # fmt: skip
        configuration = directory / "nginx.conf"
        configuration.write_text(text)
        self.output = (directory / "output").open("wb")
        command = [need("nginx"), "-e", "stderr", "-c", str(configuration)]
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT)
        wait_until(lambda: port_answers(self.port), seconds=30, what="nginx")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.output.close()
        self.carrier.close()
        self.web.shutdown()
        self.thread.join()
        self.web.server_close()
