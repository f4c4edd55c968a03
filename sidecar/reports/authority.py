"""Who vouches for the signers of an organisation: its own authority, made at the first signature, its keys in the vault."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from sidecar.adapters import signing
from sidecar.adapters.certificates import Pair, facts
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.reports.events import SigningAuthorityMade
from sidecar.reports.tables import SigningAuthority
from sidecar.vault import service as vault


@dataclass(frozen=True, slots=True)
class Authority:
    """The acting organisation's authority and its clock, keys open."""

    owner: str
    pair: Pair
    clock: Pair


def own(scope: Scope, seal: Seal, *, owner: str) -> Authority:
    """Return the authority of the acting organisation, called ``owner``; made when there is none."""
    row = _row(scope) or _make(scope, seal, owner)
    key, clock = (_open(scope, seal, row, column) for column in ("key", "clock_key"))
    return Authority(owner, Pair(row.certificate, key), Pair(row.clock_certificate, clock))


def certificate(scope: Scope, organisation_id: UUID) -> str:
    """Return the certificate (PEM) signatures of an organisation are judged by; Missing when it never signed, or is unknown."""
    found = select(SigningAuthority.certificate).where(SigningAuthority.organisation_id == organisation_id)
    return str(scope.one(found))


def _row(scope: Scope) -> SigningAuthority | None:
    found = select(SigningAuthority).where(SigningAuthority.organisation_id == scope.organisation_id)
    return scope.session.scalars(found).one_or_none()


def _make(scope: Scope, seal: Seal, owner: str) -> SigningAuthority:
    """Make the authority; where two do so at once, both end with the first one's."""
    authority = signing.make_authority(owner, now=scope.now)
    clock = signing.issue_clock(authority, owner, now=scope.now)
    row = insert(SigningAuthority).values(
        organisation_id=scope.organisation_id,
        certificate=authority.certificate,
        key_sealed=_close(scope, seal, authority.key, "key"),
        clock_certificate=clock.certificate,
        clock_key_sealed=_close(scope, seal, clock.key, "clock_key"),
        created_at=scope.now,
    )
    if scope.session.scalar(row.on_conflict_do_nothing().returning(SigningAuthority.organisation_id)):
        sha256 = facts(authority.certificate).sha256
        scope.emit(SigningAuthorityMade(organisation_id=scope.organisation_id, sha256=sha256))
    made: SigningAuthority = scope.one(select(SigningAuthority).where(SigningAuthority.organisation_id == scope.organisation_id))
    return made


def _open(scope: Scope, seal: Seal, row: SigningAuthority, column: str) -> bytes:
    sealed = row.key_sealed if column == "key" else row.clock_key_sealed
    return vault.open_sealed(scope, seal, row.organisation_id, sealed, place=_place(row.organisation_id, column))


def _close(scope: Scope, seal: Seal, key: bytes, column: str) -> bytes:
    return vault.close(scope, seal, scope.organisation_id, key, place=_place(scope.organisation_id, column))


def _place(organisation_id: UUID, column: str) -> str:
    return f"signing_authorities|{organisation_id}|{column}"
