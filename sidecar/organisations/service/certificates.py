"""Certificates: the own cell's authority, what it issued to callers, and whether the port without TLS is open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from sidecar.adapters import certificates
from sidecar.adapters.certificates import Pair
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict
from sidecar.organisations import queries
from sidecar.organisations.errors import LocksOut
from sidecar.organisations.events import (
    AuthorityMade,
    CertificateIssued,
    CertificateRestored,
    CertificateRevoked,
    PlainPortSet,
    ServerCertified,
)
from sidecar.organisations.service.cells import bump_policy
from sidecar.organisations.service.refusals import forget_explained
from sidecar.organisations.tables import CellAuthority, ClientCertificate
from sidecar.vault import service as vault

SERVER_RENEWED_BEFORE = timedelta(days=60)
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as it is handed over. ``pair.key`` is empty where the key was made at the device; it is kept nowhere."""

    row: ClientCertificate
    pair: Pair
    authority: str


def authority(scope: Scope, seal: Seal, *, host: str) -> CellAuthority:
    """Return the own cell's authority with a server certificate for ``host``; both are made, or renewed, when due."""
    queries.own_cell(scope)
    found = scope.session.scalar(select(CellAuthority)) or _make_authority(scope, seal)
    if found.server_host != host or found.server_not_after - scope.now < SERVER_RENEWED_BEFORE:
        server = certificates.issue_server(_signer(scope, found, seal), host, now=scope.now)
        found.server_certificate, found.server_host = server.certificate, host
        found.server_not_after = certificates.facts(server.certificate).not_after
        found.server_key_sealed = _close(scope, seal, server.key, "server_key")
        scope.session.flush()
        bump_policy(scope)
        scope.emit(ServerCertified(organisation_id=found.organisation_id, host=host))
    return found


def _make_authority(scope: Scope, seal: Seal) -> CellAuthority:
    """Make the authority; where two do so at once, both end with the first one's."""
    made = certificates.make_authority(queries.organisation(scope, scope.organisation_id).organisation.name, now=scope.now)
    row = insert(CellAuthority).values(
        organisation_id=scope.organisation_id,
        certificate=made.certificate,
        key_sealed=_close(scope, seal, made.key, "key"),
        server_certificate="",
        server_key_sealed=b"",
        server_host="",
        server_not_after=scope.now,
        created_at=scope.now,
    )
    if scope.session.scalar(row.on_conflict_do_nothing().returning(CellAuthority.organisation_id)):
        sha256 = certificates.facts(made.certificate).sha256
        scope.emit(AuthorityMade(organisation_id=scope.organisation_id, sha256=sha256))
    found: CellAuthority = scope.one(select(CellAuthority).with_for_update())
    return found


def tls_files(scope: Scope, seal: Seal, *, host: str) -> dict[str, str]:
    """Return the files of the own cell's TLS port by name: its chain, its key, the authority its callers must be of."""
    row = authority(scope, seal, host=host)
    key = _open(scope, seal, row.server_key_sealed, "server_key")
    return {"server.key": key.decode(), "server.pem": row.server_certificate + row.certificate, "clients.pem": row.certificate}


def issue_certificate(  # noqa: PLR0913 - the certificate's facts
    scope: Scope, entity_id: UUID, seal: Seal, *, host: str, years: int, request: str = ""
) -> Issued:
    """Issue a certificate for an AE title: with a key made here, or for the key of a signing ``request`` (PEM).

    Raises Missing, and Invalid for a request that cannot be used.
    """
    entity = queries.entity(scope, entity_id)
    row = authority(scope, seal, host=host)
    signer, life = _signer(scope, row, seal), YEAR * years
    if request:
        key = certificates.requested_key(request)
        pair = Pair(certificates.certify(signer, entity.aet, key, now=scope.now, life=life), b"")
    else:
        pair = certificates.issue_client(signer, entity.aet, now=scope.now, life=life)
    issued = _keep(scope, entity.aet, pair.certificate, key="device" if request else "here")
    forget_explained(scope, entity)
    return Issued(issued, pair, row.certificate)


def renew_certificate(scope: Scope, certificate_id: UUID, seal: Seal, *, host: str, years: int) -> Issued:
    """Issue the same key another certificate; the earlier one holds until it is revoked or ends. Raises Missing, Conflict."""
    earlier = queries.certificate(scope, certificate_id)
    if earlier.revoked_at is not None:
        raise Conflict("This certificate was revoked, and with it its key. Issue a new one.")
    row = authority(scope, seal, host=host)
    key = certificates.key_of(earlier.certificate)
    text = certificates.certify(_signer(scope, row, seal), earlier.aet, key, now=scope.now, life=YEAR * years)
    return Issued(_keep(scope, earlier.aet, text, key="renewed"), Pair(text, b""), row.certificate)


def revoke_certificate(scope: Scope, certificate_id: UUID) -> ClientCertificate:
    """Let a certificate open nothing any more; in force within two seconds. Raises Missing."""
    row = queries.certificate(scope, certificate_id)
    if row.revoked_at is None:
        _set_revoked(scope, row, scope.now)
        scope.emit(CertificateRevoked(**_said(row)))
    return row


def restore_certificate(scope: Scope, certificate_id: UUID) -> ClientCertificate:
    """Take a revocation back. Raises Missing."""
    row = queries.certificate(scope, certificate_id)
    if row.revoked_at is not None:
        _set_revoked(scope, row, None)
        scope.emit(CertificateRestored(**_said(row)))
    return row


def set_plain_port(scope: Scope, *, allowed: bool, shut_out: bool = False) -> None:
    """Open or shut the DICOM port without TLS. Raises LocksOut naming callers without a certificate, unless ``shut_out``."""
    cell = queries.own_cell(scope)
    without = [] if allowed else without_certificate(scope)
    if without and not shut_out:
        raise LocksOut(without)
    if cell.plain_allowed != allowed:
        cell.plain_allowed = allowed
        scope.session.flush()
        bump_policy(scope)
        scope.emit(PlainPortSet(organisation_id=cell.organisation_id, allowed=allowed, shut_out=", ".join(without)))


def without_certificate(scope: Scope) -> list[str]:
    """Return the AE titles that may call and have no certificate that holds now."""
    views = queries.entity_views(scope)
    return [each.entity.aet for each in views if each.entity.networks and not (each.certificate and each.certificate.good)]


def _keep(scope: Scope, aet: str, certificate: str, *, key: str) -> ClientCertificate:
    known = certificates.facts(certificate)
    row = ClientCertificate(
        organisation_id=scope.organisation_id,
        id=uuid4(),
        aet=aet,
        serial=known.serial,
        sha256=known.sha256,
        subject=known.subject,
        certificate=certificate,
        not_before=known.not_before,
        not_after=known.not_after,
        issued_by=scope.actor.user_id,
        issued_at=scope.now,
    )
    scope.session.add(row)
    scope.session.flush()
    bump_policy(scope)
    scope.emit(CertificateIssued(**_said(row), key=key))
    return row


def _set_revoked(scope: Scope, row: ClientCertificate, at: datetime | None) -> None:
    row.revoked_at = at
    scope.session.flush()
    bump_policy(scope)


def _said(row: ClientCertificate) -> dict[str, Any]:
    return {"organisation_id": row.organisation_id, "certificate_id": row.id, "aet": row.aet, "serial": row.serial}


def _signer(scope: Scope, row: CellAuthority, seal: Seal) -> Pair:
    return Pair(row.certificate, _open(scope, seal, row.key_sealed, "key"))


def _close(scope: Scope, seal: Seal, key: bytes, column: str) -> bytes:
    return vault.close(scope, seal, scope.organisation_id, key, place=_place(scope.organisation_id, column))


def _open(scope: Scope, seal: Seal, sealed: bytes, column: str) -> bytes:
    return vault.open_sealed(scope, seal, scope.organisation_id, sealed, place=_place(scope.organisation_id, column))


def _place(organisation_id: UUID, column: str) -> str:
    return f"cell_authorities|{organisation_id}|{column}"
