"""Keys of electronic signatures: an organisation's authority, its clock, and one key per signature (RFC 5280, P-256).

A signer's key signs one report and is forgotten: it is in memory for the blink it takes, and nobody can sign with it again.
Its certificate stays with the report and says who signed. The authority vouches for the person; its own key lies in the vault.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sidecar.adapters.certificates import CLOCKS_DIFFER, NAME_LENGTH, Pair

AUTHORITY_LIFE = timedelta(days=40 * 365)
"""A signed report is kept for decades and must validate as long; nothing depends on a renewal."""
ECDSA = ec.ECDSA(SHA256())
USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
    "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def make_authority(owner: str, *, now: datetime) -> Pair:
    """Make the self-signed authority of an organisation's signatures; it signs end entities only."""
    name = _name(f"{owner} report signatures", owner)
    return _issue(name, None, now=now, usage={"key_cert_sign", "crl_sign"})


def issue_clock(authority: Pair, owner: str, *, now: datetime) -> Pair:
    """Issue the certificate of the clock that stamps signatures with their time (RFC 3161 §2.3: critical, and nothing else)."""
    stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    return _issue(_name(f"{owner} clock", owner), authority, now=now, usage={"digital_signature"}, more=stamping)


def issue_signer(authority: Pair, person: str, *, person_id: str, owner: str, now: datetime) -> Pair:
    """Make a key for one signature of one person, with its certificate."""
    number: x509.NameAttribute[str] = x509.NameAttribute(NameOID.SERIAL_NUMBER, person_id)
    return _issue(_name(person, owner, number), authority, now=now, usage={"digital_signature", "content_commitment"})


def sign(signer: Pair, data: bytes) -> bytes:
    """Return the DER signature (ECDSA with SHA-256) of data."""
    return _key(signer).sign(data, ECDSA)


def vouched(data: bytes, signature: bytes, certificate: str, *, authority: str, person_id: str) -> bool:
    """Say whether this person's certificate, issued by this authority, signed these very bytes."""
    read, issuer = (x509.load_pem_x509_certificate(text.encode()) for text in (certificate, authority))
    key = read.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        read.verify_directly_issued_by(issuer)
        key.verify(signature, data, ECDSA)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return [each.value for each in read.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)] == [person_id]


def _issue(
    subject: x509.Name, authority: Pair | None, *, now: datetime, usage: set[str], more: x509.ExtensionType | None = None
) -> Pair:
    """Make a key and its certificate, issued by ``authority`` and as long-lived, or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode()) if authority else None
    issuing = _key(authority) if authority else key
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(issuer.not_valid_after_utc if issuer else now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None if issuer else 0), critical=True)
        .add_extension(x509.KeyUsage(**{name: name in usage for name in USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key()), critical=False)
    )
    if more is not None:
        built = built.add_extension(more, critical=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(built.sign(issuing, SHA256()).public_bytes(Encoding.PEM).decode(), private)


def _name(common: str, owner: str, *more: x509.NameAttribute[str]) -> x509.Name:
    named = [(NameOID.COMMON_NAME, common), (NameOID.ORGANIZATION_NAME, owner)]
    return x509.Name([*(x509.NameAttribute(oid, text[:NAME_LENGTH]) for oid, text in named), *more])


def _key(pair: Pair) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pair.key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("our own keys are on P-256")
    return key
