"""A hospital's collectors on loopback: syslog over TLS (RFC 5425) and a FHIR server; real sockets, real certificates."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sidecar.adapters.certificates import Pair, issue_server, make_authority

HOST = "127.0.0.1"


def authority(name: str = "Mercy") -> Pair:
    return make_authority(name, now=datetime.now(UTC))


def server_context(signer: Pair, directory: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for HOST of this authority."""
    pair = issue_server(signer, HOST, now=datetime.now(UTC))
    chain = directory / f"{pair.certificate[100:108].encode().hex()}.pem"
    chain.write_bytes(pair.certificate.encode() + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


def asking_context(signer: Pair, of_clients: Pair, directory: Path, *, version: ssl.TLSVersion) -> ssl.SSLContext:
    """The same, that lets nobody in without a certificate of ``of_clients`` (RFC 5425 section 4.2.2)."""
    context = server_context(signer, directory)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=of_clients.certificate)
    context.maximum_version = version
    return context


class SyslogCollector:
    """Keeps each message of every connection that ended in order; `deaf` breaks off after so many bytes."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.messages: list[str] = []
        self.handshakes_failed = 0
        self.deaf = False
        self.seen: Any = {}
        self._context = context
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            with plain:
                self._hear(plain)

    def _hear(self, plain: socket.socket) -> None:
        try:
            tls = self._context.wrap_socket(plain, server_side=True)
        except OSError:
            self.handshakes_failed += 1
            return
        with tls:
            self.seen = tls.getpeercert() or {}
            if self.deaf:
                tls.recv(64)
                return
            heard = b""
            while part := tls.recv(65536):
                heard += part
            self.messages += frames(heard)
            tls.unwrap()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def frames(heard: bytes) -> list[str]:
    """Take the octet counting of RFC 5425 section 4.3 apart."""
    found = []
    while heard:
        length, _, rest = heard.partition(b" ")
        found.append(rest[: int(length)].decode())
        heard = rest[int(length) :]
    return found


class FhirServer:
    """Takes AuditEvents at /fhir; `answers` are given in turn, then 201."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.resources: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[int] = []
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = server.answers.pop(0) if server.answers else 201
                if status == 201:
                    server.resources.append(body)
                    server.headers.append({"path": self.path, **dict(self.headers)})
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "https://127.0.0.1:1/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Quiet."""

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def syslog_collector(signer: Pair, directory: Path, context: ssl.SSLContext | None = None) -> Iterator[SyslogCollector]:
    collector = SyslogCollector(context or server_context(signer, directory))
    try:
        yield collector
    finally:
        collector.close()


@contextmanager
def fhir_server(signer: Pair, directory: Path) -> Iterator[FhirServer]:
    server = FhirServer(server_context(signer, directory))
    try:
        yield server
    finally:
        server.close()
