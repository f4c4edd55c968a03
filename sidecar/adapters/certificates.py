"""X.509 for DICOM over TLS: a cell's own authority, its server certificate, certificates for its callers (RFC 5280, P-256)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sidecar.kernel.errors import Invalid

AUTHORITY_LIFE = timedelta(days=20 * 365)
SERVER_LIFE = timedelta(days=2 * 365)
CLOCKS_DIFFER = timedelta(minutes=10)
"""A scanner's clock may be slow: a certificate holds from a little before its issue."""
NAME_LENGTH = 64
"""Characters in a common or organisation name (RFC 5280 appendix A.1, ub-common-name)."""
SMALLEST_RSA = 2048

Key = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """What is written down about a certificate; ``sha256`` over its DER form."""

    serial: str
    sha256: str
    subject: str
    not_before: datetime
    not_after: datetime


def make_authority(owner: str, *, now: datetime) -> Pair:
    """Make a self-signed authority that may sign end entities only (pathLenConstraint 0)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{owner} DICOM CA"[:NAME_LENGTH], owner)
    usage = _usage(key_cert_sign=True, crl_sign=True)
    built = (
        _begin(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    return _pair(built, key)


def issue_server(authority: Pair, host: str, *, now: datetime) -> Pair:
    """Issue the cell's own certificate for the host name or address its callers use."""
    key = ec.generate_private_key(ec.SECP256R1())
    built = _end_entity(authority, host[:NAME_LENGTH], key.public_key(), now, SERVER_LIFE, ExtendedKeyUsageOID.SERVER_AUTH)
    named = built.add_extension(x509.SubjectAlternativeName([_host(host)]), critical=False)
    return _pair(named.sign(_key(authority), SHA256()), key)


def issue_client(authority: Pair, aet: str, *, now: datetime, life: timedelta) -> Pair:
    """Make a key and a certificate for a caller; the key exists nowhere else."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Pair(certify(authority, aet, key.public_key(), now=now, life=life), _private(key))


def certify(authority: Pair, aet: str, public: PublicKey, *, now: datetime, life: timedelta) -> str:
    """Issue a certificate for a caller's own key."""
    built = _end_entity(authority, aet, public, now, life, ExtendedKeyUsageOID.CLIENT_AUTH)
    return built.sign(_key(authority), SHA256()).public_bytes(Encoding.PEM).decode()


def requested_key(pem: str) -> PublicKey:
    """Return the public key of a certificate signing request (RFC 2986); raise Invalid saying what is wrong with it."""
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        good = request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError):  # what the library raises for text that is no request
        raise Invalid("This is not a certificate signing request in PEM form (BEGIN CERTIFICATE REQUEST).") from None
    if not good:
        raise Invalid("The request is not signed by its own key. Make a new one at the device.")
    if isinstance(key, ec.EllipticCurvePublicKey) or (isinstance(key, rsa.RSAPublicKey) and key.key_size >= SMALLEST_RSA):
        return key
    raise Invalid(f"The key of the request is too weak: RSA of {SMALLEST_RSA} bits or more, or an elliptic curve.")


def key_of(certificate: str) -> PublicKey:
    """Return the public key a certificate was issued for."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if not isinstance(key, PublicKey):
        raise TypeError("certificates are issued for elliptic curves and RSA")
    return key


def facts(certificate: str) -> Facts:
    """Read what is written down about a certificate."""
    read = x509.load_pem_x509_certificate(certificate.encode())
    return Facts(
        serial=f"{read.serial_number:X}",
        sha256=read.fingerprint(SHA256()).hex(),
        subject=read.subject.rfc4514_string(),
        not_before=read.not_valid_before_utc,
        not_after=read.not_valid_after_utc,
    )


def as_pkcs12(pair: Pair, authority: str, *, name: str, passphrase: str) -> bytes:
    """Pack key, certificate and the authority's certificate into one encrypted file (RFC 7292)."""
    return pkcs12.serialize_key_and_certificates(
        name.encode(),
        _key(pair),
        x509.load_pem_x509_certificate(pair.certificate.encode()),
        [x509.load_pem_x509_certificate(authority.encode())],
        BestAvailableEncryption(passphrase.encode()),
    )


def _end_entity(  # noqa: PLR0913, PLR0917 - the certificate's fields
    authority: Pair,
    common_name: str,
    public: PublicKey,
    now: datetime,
    life: timedelta,
    purpose: x509.ObjectIdentifier,
) -> x509.CertificateBuilder:
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    owner = issuer.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value
    life = min(life, issuer.not_valid_after_utc - now)
    signer = _key(authority).public_key()
    return (
        _begin(_name(common_name, str(owner)), issuer.subject, public, now, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _begin(subject: x509.Name, issuer: x509.Name, public: PublicKey, now: datetime, life: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common_name: str, owner: str) -> x509.Name:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    return x509.Name([*names, x509.NameAttribute(NameOID.ORGANIZATION_NAME, owner[:NAME_LENGTH])])


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key(pair: Pair) -> Key:
    key = load_pem_private_key(pair.key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("our own keys are on P-256")
    return key


def _private(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _pair(certificate: x509.Certificate, key: Key) -> Pair:
    return Pair(certificate.public_bytes(Encoding.PEM).decode(), _private(key))
