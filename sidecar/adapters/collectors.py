"""Handing audit messages over: syslog over TLS (RFC 5425), or HTTPS. Who cannot prove to be the host set gets nothing."""

import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from sidecar.adapters.deadline import Punctual, TooLong, body_of
from sidecar.adapters.outbound import OffLimits, OwnGround, find
from sidecar.adapters.tls_line import TlsLine

PATIENCE = 10.0
"""Seconds for a collector to answer at each step."""
VISIT = 60.0
"""Seconds from connecting to a collector until it has taken a batch: other hospitals' entries wait behind it."""
LONGEST_ANSWER = 1024 * 1024
"""Bytes: a server may give the resource back, which nobody reads."""


class Unheard(Exception):  # noqa: N818 - named for what it says
    """Nothing (more) was handed over. The message is for the administrator; ``taken`` messages were."""

    def __init__(self, message: str, taken: int = 0) -> None:
        super().__init__(message)
        self.taken = taken


CERTIFICATE_ASKED = {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE"}
CERTIFICATE_REFUSED = {
    "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_REVOKED", "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "TLSV1_ALERT_ACCESS_DENIED", "TLSV1_ALERT_DECRYPT_ERROR", "TLSV1_ALERT_UNKNOWN_CA",
}  # fmt: skip
CERTIFICATE_EXPIRED = {"SSLV3_ALERT_CERTIFICATE_EXPIRED"}
"""What the other side says of us (RFC 8446, section 6.2), by OpenSSL's names."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What we prove ourselves with: a certificate, with those between it and its authority, and its private key, in PEM."""

    certificate: str
    key: bytes = field(repr=False)

    def present(self, context: ssl.SSLContext) -> None:
        """Let a context show it to whoever asks. OpenSSL reads files only: this one lies in memory and has no name."""
        with os.fdopen(os.memfd_create("identity", os.MFD_CLOEXEC), "wb") as memory:
            memory.write(self.certificate.encode() + b"\n" + self.key)
            memory.flush()
            context.load_cert_chain(f"/proc/self/fd/{memory.fileno()}", password="")  # with none OpenSSL asks the terminal


@dataclass(frozen=True, slots=True)
class Collector:
    """Where it is, and who may have certified it: PEM, or "" for the authorities everybody trusts.

    ``identity``: who we are, for one that asks (RFC 5425, section 4.2.2).
    """

    host: str
    port: int
    authority: str
    ground: OwnGround
    identity: Identity | None = None

    def trust(self) -> ssl.SSLContext:
        """Return what decides whom we talk to: TLS 1.2 or newer, a certificate of the authority, for this very host."""
        context = ssl.create_default_context(cadata=self.authority or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.identity:
            self.identity.present(context)
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

    Syslog has no answer. The connection is closed in order and the other side's end awaited: a collector that went away, broke
    off or refused us is not taken for one that listened.
    """
    context, address = collector.trust(), collector.address()
    try:
        with socket.create_connection((address, collector.port), PATIENCE) as plain:
            line = TlsLine(plain, context, host=collector.host, seconds=VISIT)
            for each in frames:
                line.say(each)
            line.part()
    except OSError as fault:
        raise Unheard(reason(fault)) from fault


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
    if isinstance(fault, ssl.SSLError) and (said := _of_our_certificate(fault.reason or "")):
        return said
    if isinstance(fault, ssl.SSLError):
        return "It does not speak TLS as we do (1.2 or newer)."
    if isinstance(fault, TimeoutError | httpx.TimeoutException):
        return "It does not answer."
    if isinstance(fault, ConnectionRefusedError | httpx.ConnectError):
        return "Nothing listens there."
    return "It hung up."


def _of_our_certificate(alert: str) -> str:
    """Return in words what the other side's alert says of our certificate; "" when it is about something else."""
    if alert in CERTIFICATE_ASKED:
        return "It asks for a client certificate, and got none it could use."
    if alert in CERTIFICATE_EXPIRED:
        return "It does not accept our client certificate: it has run out."
    return "It does not accept our client certificate." if alert in CERTIFICATE_REFUSED else ""
