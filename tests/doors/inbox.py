"""The sidecar's inbox, as small as can be: remembers what came, answers as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeInbox:
    """Listens on a free port; `status` 200 accepts, any other number is answered as it is."""

    def __init__(self) -> None:
        self.status = 200
        self.delay = 0.0
        self.posts: list[dict[str, Any]] = []
        self.credentials: set[str] = set()
        self.refuse: Callable[[dict[str, Any]], bool] = lambda _event: False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/intake/events"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = inbox.receive(self.headers["Authorization"], body)
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_arguments: object) -> None:
                """Quiet."""

        return Handler

    def receive(self, credentials: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.credentials.add(credentials)
        time.sleep(self.delay)
        if self.status != 200:
            return self.status, {}
        if any(self.refuse(event) for event in body["events"]):
            return 400, {}
        self.posts += body["events"]
        return 200, {"accepted": [event["event_id"] for event in body["events"]]}

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Events of a kind, each once, in order of arrival."""
        unique = {event["event_id"]: event for event in self.posts if event["kind"] == kind}
        return list(unique.values())

    def sop_instance_uids(self) -> list[str]:
        return [each["SOPInstanceUID"] for event in self.events("instances-stored") for each in event["instances"]]

    def wait_for(self, condition: Callable[[], bool], timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"did not happen within {timeout} s; inbox has {self.posts!r:.2000}")
            time.sleep(0.02)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
