"""DICOM over TLS (PS3.15 annex B, BCP 195): the context of the TLS port, and what a failed handshake means."""

from __future__ import annotations

import ssl
from hashlib import sha256
from pathlib import Path

from orthanc_plugin.door.admission import Outcome

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"
"""For TLS 1.2: forward secrecy and AEAD only (RFC 9325 section 4.2), which includes the four suites that the
non-downgrading BCP 195 profile of PS3.15 names. TLS 1.3 has no others."""
_MODERN = ssl.TLSVersion.TLSv1_2


def server_context(directory: Path) -> ssl.SSLContext:
    """Build the context from `server.pem`, `server.key` and `clients.pem` of a directory.

    A caller must present a certificate that one of `clients.pem` signed. Nothing is resumed: each association shows
    its certificate anew, so a revoked one ends at once.

    Raises:
        OSError: a file is missing or unusable (ssl.SSLError is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _MODERN
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=directory / "clients.pem")
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    return context


def outcome_of(error: ssl.SSLError) -> Outcome:
    """What a failed handshake says about the caller."""
    if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE" in (error.reason or ""):
        missing = "DID_NOT_RETURN_A_CERTIFICATE" in (error.reason or "")
        return Outcome.NO_CERTIFICATE if missing else Outcome.WRONG_CERTIFICATE
    return Outcome.MALFORMED


def fingerprint(connection: ssl.SSLSocket) -> str:
    """The sha256 (hex) of the caller's verified certificate."""
    certificate = connection.getpeercert(binary_form=True)
    return sha256(certificate).hexdigest() if certificate else ""


class TlsFiles:
    """The context in force; read again when one of its files changes."""

    NAMES = ("server.pem", "server.key", "clients.pem")

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: list[tuple[int, int]] | None = None
        self.context: ssl.SSLContext | None = None

    def refresh(self) -> bool:
        """Look at the files; return whether there is a new context.

        Raises:
            OSError: they are missing or do not fit together; told once per change. The last good context stays.
        """
        marks = []
        for name in self.NAMES:
            file = self._directory / name
            status = file.stat() if file.exists() else None
            marks.append((status.st_mtime_ns, status.st_ino) if status else (0, 0))
        if marks == self._seen:
            return False
        self._seen = marks
        self.context = server_context(self._directory)
        return True
