"""Certificates: what is in them, and what openssl and Python's own TLS make of them."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from sidecar.adapters import certificates
from sidecar.kernel.errors import Invalid

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def context(directory: Path, pair: certificates.Pair, authority: str, *, server: bool) -> ssl.SSLContext:
    """Return a TLS context that shows ``pair`` and believes ``authority``, as the door and a device make theirs."""
    (directory / "own.pem").write_text(pair.key.decode() + pair.certificate)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.load_cert_chain(directory / "own.pem")
    made.load_verify_locations(cadata=authority)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def shake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bytes:
    """Let two ends shake hands in memory; return the certificate the server saw. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server, server_hostname=host), server.wrap_bio(to_server, to_client, server_side=True))
    waiting = list(ends)
    for _ in range(20):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
    shown = ends[1].getpeercert(binary_form=True)
    assert not waiting
    assert shown is not None
    return shown


@pytest.mark.parametrize("host", ["dicom.example", "10.1.2.3"])
def test_ends_of_one_authority_shake_hands_and_anothers_do_not(tmp_path: Path, host: str) -> None:
    ours, theirs = (certificates.make_authority(name, now=NOW) for name in ("Mercy", "St Luke"))
    server = certificates.issue_server(ours, host, now=NOW)
    mine, stranger = (certificates.issue_client(each, "CT1", now=NOW, life=YEAR) for each in (ours, theirs))
    door = context(tmp_path, server, ours.certificate, server=True)
    shown = shake(door, context(tmp_path, mine, ours.certificate, server=False), host)
    assert x509.load_der_x509_certificate(shown) == x509.load_pem_x509_certificate(mine.certificate.encode())
    with pytest.raises(ssl.SSLError):
        shake(door, context(tmp_path, stranger, ours.certificate, server=False), host)
    with pytest.raises(ssl.SSLError):
        shake(door, context(tmp_path, mine, theirs.certificate, server=False), host)


def test_an_ended_certificate_is_refused_by_tls_itself(tmp_path: Path) -> None:
    ours = certificates.make_authority("Mercy", now=NOW - YEAR)
    server = certificates.issue_server(ours, "dicom.example", now=NOW)
    ended = certificates.issue_client(ours, "CT1", now=NOW - YEAR, life=timedelta(days=1))
    with pytest.raises(ssl.SSLError):
        shake(
            context(tmp_path, server, ours.certificate, server=True),
            context(tmp_path, ended, ours.certificate, server=False),
            "dicom.example",
        )


def test_nothing_outlives_its_authority_and_long_names_fit() -> None:
    old = certificates.make_authority("H" * 200, now=NOW - certificates.AUTHORITY_LIFE + timedelta(days=10))
    facts = certificates.facts(certificates.issue_client(old, "A" * 16, now=NOW, life=YEAR).certificate)
    assert facts.not_after <= certificates.facts(old.certificate).not_after
    assert len(facts.sha256) == 64
    assert certificates.facts(certificates.issue_server(old, "h" * 100 + ".example", now=NOW).certificate).subject


def test_an_authority_signs_no_other_authority() -> None:
    ours = x509.load_pem_x509_certificate(certificates.make_authority("Mercy", now=NOW).certificate.encode())
    constraints = ours.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"])
def test_what_is_no_request_is_said_to_be_none(text: str) -> None:
    with pytest.raises(Invalid, match="signing request"):
        certificates.requested_key(text)
