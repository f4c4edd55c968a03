"""The self-made certificate of the web address: browsers warn of it once; a real one is given with ``--certificate``."""

import hashlib
import ipaddress
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sidecar.instance.layout import Layout, write_private
from sidecar.instance.steps import StepError

LIFE = timedelta(days=397)
"""What browsers accept at most (CA/Browser Forum Baseline Requirements 6.3.2)."""
RENEW_BEFORE = timedelta(days=60)
WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound


def files(layout: Layout) -> tuple[Path, Path] | None:
    """Return the chain and key that nginx shows, None when it speaks plain HTTP."""
    if not layout.tls:
        return None
    if layout.certificate:
        return Path(layout.certificate), Path(layout.key)
    return layout.data / "tls/certificate.pem", layout.data / "tls/key.pem"


def fingerprint(layout: Layout) -> str:
    """Return a digest of the chain in use: when it changes, nginx is started anew."""
    found = files(layout)
    return hashlib.sha256(found[0].read_bytes()).hexdigest() if found and found[0].is_file() else ""


def ready(layout: Layout) -> bool:
    """Say whether there is nothing to make: no TLS, a given certificate that can be read, or a good one of our own."""
    found = files(layout)
    if found is None:
        return True
    return all(path.is_file() for path in found) and (bool(layout.certificate) or not outdated(found[0], names(layout)))


def make(layout: Layout) -> None:
    """Write a new certificate and key of our own; raise StepError when given ones are missing."""
    if layout.certificate:
        raise StepError(f"{layout.certificate} or {layout.key} is not there, or may not be read")
    chain, key = issue(names(layout), now=datetime.now(UTC))
    (layout.data / "tls").mkdir(mode=0o700, exist_ok=True)
    write_private(layout.data / "tls/key.pem", key)
    write_private(layout.data / "tls/certificate.pem", chain)


def names(layout: Layout) -> list[str]:
    """Return the hosts and addresses people may write for this instance."""
    public = urlsplit(layout.public_url).hostname or "localhost"
    candidates = [public, "localhost", socket.gethostname(), socket.getfqdn(), "127.0.0.1", "::1"]
    if layout.bind not in WILDCARDS:
        candidates.append(layout.bind)
    return list(dict.fromkeys(candidates))


def outdated(chain: Path, wanted: Iterable[str]) -> bool:
    """Say whether a certificate ends soon or lacks a name."""
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    if certificate.not_valid_after_utc - datetime.now(UTC) < RENEW_BEFORE:
        return True
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return not {_general_name(name) for name in wanted} <= set(alternative)


def issue(wanted: Iterable[str], *, now: datetime, life: timedelta = LIFE) -> tuple[bytes, bytes]:
    """Return certificate and key in PEM: ECDSA P-256, for TLS servers only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Reading Room, self-made")])
    usage = {
        "digital_signature": True, "content_commitment": False, "key_encipherment": False, "data_encipherment": False,
        "key_agreement": False, "key_cert_sign": False, "crl_sign": False, "encipher_only": False, "decipher_only": False,
    }  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in wanted]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem), private


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
