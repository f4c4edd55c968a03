"""A certificate authority for tests: a cell's own for its clients, and another hospital's."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NUMBERS = itertools.count(1)
USAGE = dict.fromkeys(
    ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
)


@dataclass(frozen=True)
class Issued:
    """PEM files of a certificate and its key; `sha256` is that of its DER form, hex."""

    certificate: Path
    key: Path
    sha256: str


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates into a directory."""

    def __init__(self, directory: Path, name: str = "Mercy's clients") -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        made = self._build(self.name, self._key.public_key(), timedelta(days=30)).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        made = made.add_extension(
            x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **USAGE), critical=True
        )
        self.certificate = self._write("authority", made.sign(self._key, hashes.SHA256()))

    def issue(self, name: str, *, expired: bool = False, server: bool = False) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        made = self._build(_name(name), key.public_key(), timedelta(seconds=-60) if expired else timedelta(days=7))
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if server:
            made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        signed = made.sign(self._key, hashes.SHA256())
        stem = f"{next(NUMBERS)}"
        private = self.directory / f"{stem}.key"
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Issued(self._write(stem, signed), private, sha256(signed.public_bytes(Encoding.DER)).hexdigest())

    def server_files(self, directory: Path | None = None) -> Path:
        """The three files of a cell's TLS port, as the sidecar writes them."""
        target = directory or self.directory / "server"
        target.mkdir(parents=True, exist_ok=True)
        issued = self.issue("cell", server=True)
        for name, source in (("server.pem", issued.certificate), ("server.key", issued.key), ("clients.pem", self.certificate)):
            fresh = target / f".{name}.new"
            fresh.write_bytes(source.read_bytes())
            fresh.replace(target / name)
        return target

    def _build(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def _write(self, stem: str, certificate: x509.Certificate) -> Path:
        path = self.directory / f"{stem}.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path
