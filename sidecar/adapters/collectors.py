"""Handing audit messages over: syslog over TLS (RFC 5425), or HTTPS. Who cannot prove to be the host set gets nothing."""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from sidecar.adapters.deadline import Punctual, TooLong, body_of
from sidecar.adapters.outbound import OffLimits, OwnGround, find

PATIENCE = 10.0
"""Seconds for a collector to answer at each step."""
VISIT = 60.0
"""Seconds from connecting to a FHIR server until it has taken a batch: other hospitals' entries wait behind it."""
LONGEST_ANSWER = 1024 * 1024
"""Bytes: a server may give the resource back, which nobody reads."""


class Unheard(Exception):  # noqa: N818 - named for what it says
    """Nothing (more) was handed over. The message is for the administrator; ``taken`` messages were."""

    def __init__(self, message: str, taken: int = 0) -> None:
        super().__init__(message)
        self.taken = taken


@dataclass(frozen=True, slots=True)
class Collector:
    """Where it is, and who may have certified it: PEM, or "" for the authorities everybody trusts."""

    host: str
    port: int
    authority: str
    ground: OwnGround

    def trust(self) -> ssl.SSLContext:
        """Return what decides whom we talk to: TLS 1.2 or newer, a certificate of the authority, for this very host."""
        context = ssl.create_default_context(cadata=self.authority or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def address(self) -> str:
        """Return the address to call, looked up now."""
        try:
            return find(self.host, self.port, self.ground)
        except OffLimits as fault:
            raise Unheard(str(fault)) from fault
        except OSError as fault:
            raise Unheard(f"There is no host called {self.host}.") from fault


def send_syslog(collector: Collector, frames: Sequence[bytes]) -> None:
    """Hand over all frames, or raise Unheard: then any of them may have been taken, and all are sent again.

    Syslog has no answer. The connection is closed in order and the other side's end awaited: a collector that went away or
    broke off is not taken for one that listened.
    """
    context, address = collector.trust(), collector.address()
    try:
        with socket.create_connection((address, collector.port), PATIENCE) as plain:
            tls = context.wrap_socket(plain, server_hostname=collector.host)
            with tls:
                for each in frames:
                    tls.sendall(each)
                _farewell(tls)
    except OSError as fault:
        raise Unheard(reason(fault)) from fault


def _farewell(tls: ssl.SSLSocket) -> None:
    try:
        tls.unwrap().close()
    except ssl.SSLEOFError:
        return  # it closed its end without TLS's own goodbye, having read ours: nothing was left unread, or this were a reset


class FhirCollector:
    """One kept connection to a FHIR server."""

    def __init__(self, collector: Collector, path: str, bearer: str) -> None:
        self._collector = collector
        address = collector.address()
        literal = f"[{address}]" if ":" in address else address
        self._url = f"https://{literal}:{collector.port}{path.rstrip('/')}/AuditEvent"
        host = f"[{collector.host}]" if ":" in collector.host else collector.host
        headers = {"Host": f"{host}:{collector.port}"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        line = Punctual(collector.trust(), seconds=VISIT)
        self._client = httpx.Client(transport=line, headers=headers, timeout=PATIENCE, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def post(self, body: bytes, media_type: str) -> None:
        """Hand over one resource; Unheard unless the answer is 2xx."""
        try:
            with self._client.stream(
                "POST",
                self._url,
                content=body,
                headers={"Content-Type": media_type, "Accept": media_type, "Accept-Encoding": "identity"},
                extensions={"sni_hostname": self._collector.host},
            ) as answer:
                body_of(answer, at_most=LONGEST_ANSWER)
        except httpx.HTTPError as fault:
            raise Unheard(reason(fault)) from fault
        except TooLong as fault:
            raise Unheard("It answers endlessly.") from fault
        if not answer.is_success:
            raise Unheard(f"It answered {answer.status_code}.")


def reason(fault: BaseException) -> str:
    """Return why nobody listened, in words."""
    chain: BaseException | None = fault
    while chain is not None:
        if isinstance(chain, ssl.SSLCertVerificationError):
            return f"Its certificate is not trusted: {chain.verify_message}."
        chain = chain.__cause__ or chain.__context__
    if isinstance(fault, ssl.SSLError):
        return "It does not speak TLS as we do (1.2 or newer)."
    if isinstance(fault, TimeoutError | httpx.TimeoutException):
        return "It does not answer."
    if isinstance(fault, ConnectionRefusedError | httpx.ConnectError):
        return "Nothing listens there."
    return "It hung up."
