"""DICOM over TLS: an authority per hospital; certificates issued, signed, renewed, revoked; nobody locked out by accident."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import NameOID
from sqlalchemy import select, update

from sidecar.adapters.seals import Seal
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.organisations import queries, service
from sidecar.organisations.errors import LocksOut
from sidecar.organisations.events import AuthorityMade, CertificateIssued, ServerCertified
from sidecar.organisations.tables import CellAuthority, ClientCertificate
from sidecar.vault import service as vault
from tests.browser import Browser, alike
from tests.cast import Cast

Browse = Callable[..., Browser]
HOST = "dicom.example"


@pytest.fixture
def scanner(scopes: Scopes, cast: Cast) -> UUID:
    with scopes.open(cast.owner.actor) as scope:
        return service.add_sender(scope, aet="CT1", network="10.1.2.0/24").id


def openssl_verifies(directory: Path, authority: str, certificate: str, *, purpose: str, host: str = "") -> bool:
    """Let openssl judge, as the device's TLS library will."""
    (directory / "ca.pem").write_text(authority)
    (directory / "c.pem").write_text(certificate)
    named = ["-verify_hostname", host] if host else []
    command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, *named, "-CAfile", "ca.pem", "c.pem"]
    return subprocess.run(command, cwd=directory, capture_output=True, check=False).returncode == 0


def signing_request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whatever the device says")])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def test_chains_verify_and_anothers_do_not(scopes: Scopes, cast: Cast, seal: Seal, scanner: UUID, tmp_path: Path) -> None:
    with scopes.open(cast.owner.actor) as scope:
        issued = service.issue_certificate(scope, scanner, seal, host=HOST, years=2)
        assert [type(each) for each in scope.events] == [AuthorityMade, ServerCertified, CertificateIssued]
        files = service.tls_files(scope, seal, host=HOST)
    with scopes.open(system_actor(cast.luke)) as scope:
        other = service.tls_files(scope, seal, host=HOST)
    client, server = issued.pair.certificate, files["server.pem"]
    assert openssl_verifies(tmp_path, files["clients.pem"], client, purpose="sslclient")
    assert openssl_verifies(tmp_path, files["clients.pem"], server, purpose="sslserver", host=HOST)
    assert not openssl_verifies(tmp_path, files["clients.pem"], server, purpose="sslserver", host="elsewhere.example")
    assert not openssl_verifies(tmp_path, files["clients.pem"], client, purpose="sslserver"), "a scanner is no archive"
    assert not openssl_verifies(tmp_path, other["clients.pem"], client, purpose="sslclient"), "another hospital's authority"
    assert issued.row.subject.startswith("O=Mercy")
    assert "CN=CT1" in issued.row.subject
    assert (issued.row.not_after - issued.row.issued_at).days in {729, 730}, "whole seconds"


def test_keys_are_sealed_to_their_place(scopes: Scopes, cast: Cast, seal: Seal) -> None:
    for owner in (cast.mercy, cast.luke):
        with scopes.open(system_actor(owner)) as scope:
            row = service.authority(scope, seal, host=HOST)
            assert b"PRIVATE KEY" not in row.key_sealed + row.server_key_sealed
            key = vault.open_sealed(scope, seal, owner, row.key_sealed, place=f"cell_authorities|{owner}|key")
            assert key.startswith(b"-----BEGIN PRIVATE KEY-----")
    with scopes.open(system_actor(cast.luke)) as scope:
        row = scope.one(select(CellAuthority))
        with pytest.raises(InvalidTag):
            vault.open_sealed(scope, seal, cast.luke, row.key_sealed, place=f"cell_authorities|{cast.mercy}|key")


def test_the_servers_certificate_follows_the_host_and_is_renewed_in_time(scopes: Scopes, cast: Cast, seal: Seal) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        first = service.tls_files(scope, seal, host="10.1.1.1")
        assert service.tls_files(scope, seal, host="10.1.1.1") == first
        moved = service.tls_files(scope, seal, host=HOST)
        assert moved["clients.pem"] == first["clients.pem"]
        assert moved["server.pem"] != first["server.pem"]
        scope.session.execute(update(CellAuthority).values(server_not_after=scope.now + timedelta(days=59)))
        scope.session.expire_all()
        assert service.tls_files(scope, seal, host=HOST)["server.key"] != moved["server.key"]


def test_a_certificate_is_downloaded_once_with_its_key(browse: Browse, scopes: Scopes, cast: Cast, scanner: UUID) -> None:
    technician = browse(cast.owner)
    issue = f"/admin/ae-titles/{scanner}/certificates"
    packed = technician.post(issue, data={"form": "p12", "passphrase": "correct horse", "years": "1"})
    assert packed.headers["Content-Disposition"].startswith('attachment; filename="CT1-')
    assert packed.headers["Cache-Control"] == "no-store"
    key, certificate, others = pkcs12.load_key_and_certificates(packed.data, b"correct horse")
    assert key is not None
    assert certificate is not None
    assert len(others) == 1
    text = technician.post(issue, data={"form": "pem", "years": "5"}).text
    assert [text.count(f"BEGIN {what}") for what in ("PRIVATE KEY", "CERTIFICATE")] == [1, 2]
    refused = technician.post(issue, data={"form": "p12", "passphrase": "short", "years": "1"})
    assert (refused.status_code, "passphrase of 8" in refused.text) == (400, True)
    with scopes.open(cast.owner.actor) as scope:
        rows = queries.certificates(scope)
        assert certificate.fingerprint(SHA256()).hex() in {row.sha256 for row in rows}
        assert all("PRIVATE KEY" not in row.certificate for row in rows)
        (caller,) = queries.callers(scope)
        assert sorted(caller.certificates) == sorted(row.sha256 for row in rows)
    again = technician.get(f"/admin/certificates/{rows[0].id}.pem").text
    assert (again.count("BEGIN CERTIFICATE"), "PRIVATE" in again) == (2, False)
    assert technician.get("/admin/ae-titles/encryption/authority.pem").text in again


def test_a_devices_own_request_is_signed_for_its_title(browse: Browse, cast: Cast, scanner: UUID) -> None:
    technician, key = browse(cast.owner), rsa.generate_private_key(65537, 2048)
    answer = technician.post(
        f"/admin/ae-titles/{scanner}/certificates/sign", data={"request": signing_request(key), "years": "1"}
    )
    certificate = x509.load_pem_x509_certificate(answer.data)
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "CT1", "not what the request says"
    assert "PRIVATE" not in answer.text
    weak = signing_request(rsa.generate_private_key(65537, 1024))  # noqa: S505 - weak on purpose
    for request, words in ((weak, "too weak"), ("nonsense", "not a certificate signing request"), ("", "Fill this in")):
        refused = technician.post(f"/admin/ae-titles/{scanner}/certificates/sign", data={"request": request})
        assert (refused.status_code, words in refused.text) == (400, True)


def test_renewing_keeps_the_key_and_revoking_can_be_taken_back(
    browse: Browse, scopes: Scopes, cast: Cast, seal: Seal, scanner: UUID
) -> None:
    with scopes.open(cast.owner.actor) as scope:
        first = service.issue_certificate(scope, scanner, seal, host=HOST, years=1)
        before = queries.own_cell(scope).policy_revision
    technician = browse(cast.owner)
    renewed = x509.load_pem_x509_certificate(
        technician.post(f"/admin/certificates/{first.row.id}/renew", data={"years": "2"}).data
    )
    assert renewed.public_key() == x509.load_pem_x509_certificate(first.pair.certificate.encode()).public_key()
    assert technician.post(f"/admin/certificates/{first.row.id}/revoke").location == f"/admin/ae-titles/{scanner}"
    with scopes.open(cast.owner.actor) as scope:
        assert queries.callers(scope)[0].certificates == [renewed.fingerprint(SHA256()).hex()]
        assert queries.own_cell(scope).policy_revision >= before + 2
    assert "Revoked" in technician.get(f"/admin/ae-titles/{scanner}").text
    assert technician.post(f"/admin/certificates/{first.row.id}/renew", data={"years": "2"}).status_code == 409
    technician.post(f"/admin/certificates/{first.row.id}/restore")
    with scopes.open(cast.owner.actor) as scope:
        assert len(queries.callers(scope)[0].certificates) == 2
    told = browse(cast.mercy_admin).get("/admin/audit").text
    for words in ("issued a certificate for CT1", "for the key it has", "revoked the certificate", "took back the revocation"):
        assert words in told


def test_a_renamed_title_takes_its_certificates_along(scopes: Scopes, cast: Cast, seal: Seal, scanner: UUID) -> None:
    with scopes.open(cast.owner.actor) as scope:
        issued = service.issue_certificate(scope, scanner, seal, host=HOST, years=1)
        entity = queries.entity(scope, scanner)
        service.change_entity(
            scope, scanner, aet="CT9", networks=entity.networks, services=entity.services, host="", port=0, description=""
        )
        assert queries.callers(scope)[0].certificates == [issued.row.sha256]


def test_the_end_of_a_certificate_is_announced(browse: Browse, scopes: Scopes, cast: Cast, seal: Seal, scanner: UUID) -> None:
    with scopes.open(cast.owner.actor) as scope:
        service.issue_certificate(scope, scanner, seal, host=HOST, years=1)
    technician = browse(cast.owner)
    for days, words in ((31, ""), (29, "ends soon"), (-1, "has ended")):
        with scopes.open(cast.owner.actor) as scope:
            scope.session.execute(update(ClientCertificate).values(not_after=datetime.now(UTC) + timedelta(days=days)))
        page = technician.get("/admin/ae-titles").text
        assert (f"The certificate of CT1 {words}" in page) is bool(words)


def test_the_plain_port_is_shut_only_knowingly(browse: Browse, scopes: Scopes, cast: Cast, seal: Seal, scanner: UUID) -> None:
    with scopes.open(cast.owner.actor) as scope:
        service.add_entity(scope, aet="MR1", networks=["10.1.9.0/24"])
        service.add_entity(scope, aet="STATION", host="10.1.9.9", port=104)
        service.issue_certificate(scope, scanner, seal, host=HOST, years=1)
        with pytest.raises(LocksOut) as shut:
            service.set_plain_port(scope, allowed=False)
        assert shut.value.aets == ["MR1"], "who has a certificate, or never calls, is not shut out"
    technician = browse(cast.owner)
    switch = "/admin/ae-titles/encryption/plain"
    answer = technician.post(switch, data={"allowed": "n"})
    assert (answer.status_code, "could not call any more: MR1" in answer.text) == (409, True)
    assert technician.post(switch, data={"allowed": "n", "shut_out": "y"}).status_code == 302
    with scopes.open(cast.owner.actor) as scope:
        assert not queries.own_cell(scope).plain_allowed
    assert "Refused for want of a certificate" in technician.get("/admin/ae-titles/encryption").text
    assert technician.post(switch, data={"allowed": "y", "shut_out": "n"}).status_code == 302
    told = browse(cast.mercy_admin).get("/admin/audit").text
    assert "shut the port without TLS" in told
    assert "opened the port without TLS" in told


def test_a_stranger_gets_what_an_unknown_certificate_gets(
    browse: Browse, scopes: Scopes, cast: Cast, seal: Seal, scanner: UUID
) -> None:
    with scopes.open(cast.owner.actor) as scope:
        issued = service.issue_certificate(scope, scanner, seal, host=HOST, years=1)
    stranger, unknown = browse(cast.luke_technician), uuid4()
    for method, path in (("GET", ".pem"), ("POST", "/renew"), ("POST", "/revoke"), ("POST", "/restore")):
        theirs, nobodys = (stranger.ask(method, f"/admin/certificates/{each}{path}") for each in (issued.row.id, unknown))
        assert theirs.status_code == nobodys.status_code == 404
        assert alike(theirs, issued.row.id) == alike(nobodys, unknown)
    assert stranger.post(f"/admin/ae-titles/{scanner}/certificates", data={"form": "pem"}).status_code == 404
    assert "CT1" not in stranger.get("/admin/ae-titles/encryption").text
    with scopes.open(cast.luke_technician.actor) as scope:
        assert queries.certificates(scope) == []
