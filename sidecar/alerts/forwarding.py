"""Where an organisation's journal goes besides: set, ended, and how far it is."""

import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select

from sidecar.adapters.collectors import Identity
from sidecar.adapters.seals import Seal
from sidecar.alerts.events import ForwardingEnded, ForwardingSet
from sidecar.alerts.tables import Forwarding
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.kernel.journal import JournalRow
from sidecar.vault.service import close, open_sealed

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
"""Between two tries while a collector does not answer."""


class Target(StrEnum):
    """In which form."""

    SYSLOG = "syslog"
    FHIR = "fhir"


@dataclass(frozen=True, slots=True)
class Destination:
    """A collector. ``path``: of the FHIR base. ``bearer``: None keeps the one that is there, "" is none.

    ``client_certificate``: what we prove ourselves with, "" for nothing. ``client_key``: its private key, "" keeps the one
    that is there.
    """

    host: str
    port: int
    authority: str
    path: str = ""
    bearer: str | None = ""
    client_certificate: str = ""
    client_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a forwarding is: ``waiting`` entries were not taken yet, the oldest of them written at ``since``."""

    forwarding: Forwarding
    waiting: int
    since: datetime | None


def pause(attempts: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    doublings: int = 2 ** min(attempts - 1, 10)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doublings)


def require_authority(pem: str) -> None:
    """Refuse what is no certificate of an authority; "" is none. Raises Invalid."""
    if not pem:
        return
    try:
        ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise Invalid("This is no certificate. Paste the PEM text, from -----BEGIN CERTIFICATE----- on.") from None


def set_target(scope: Scope, seal: Seal, target: Target, to: Destination, *, everything: bool = False) -> Forwarding:
    """Send the journal there from now on; ``everything``: what is in it already as well. Another address goes on where it was."""
    require_authority(to.authority)
    sealed = _sealed(scope, seal, to.bearer, place=_place(target)) if to.bearer else None
    row = _find(scope, target)
    identity = _identity(scope, seal, row, to)
    if row is None:
        last = 0 if everything else _last(scope)
        row = Forwarding(organisation_id=scope.organisation_id, target=target.value, sequence=last)
    elif everything:
        row.sequence = 0
    row.host, row.port, row.path, row.authority = to.host, to.port, to.path, to.authority
    row.attempts, row.last_error, row.next_try_at, row.set_at = 0, "", scope.now, scope.now
    if to.bearer is not None:
        row.bearer_sealed = sealed
    row.client_certificate = identity.certificate if identity else ""
    row.client_key_sealed = _sealed(scope, seal, identity.key.decode(), place=_key_place(target)) if identity else None
    scope.session.add(row)
    scope.session.flush()
    scope.emit(ForwardingSet(organisation_id=scope.organisation_id, target=target.value, host=to.host, port=to.port))
    return row


def _identity(scope: Scope, seal: Seal, row: Forwarding | None, to: Destination) -> Identity | None:
    """Return what we prove ourselves with from now on. Raises Invalid when certificate and key do not belong together."""
    if not to.client_certificate:
        return None
    before = identity(scope, seal, row) if row else None
    found = Identity(to.client_certificate, to.client_key.encode() or (before.key if before else b""))
    if not found.key:
        raise Invalid("Paste the private key of the client certificate.")
    try:
        found.present(ssl.create_default_context())
    except (ssl.SSLError, ValueError):
        raise Invalid("Certificate and private key do not belong together, or are not PEM text without a passphrase.") from None
    return found


def end_target(scope: Scope, target: Target) -> None:
    """Send nothing there any more; the credential goes too. Ending what is not there changes nothing."""
    row = _find(scope, target)
    if row is None:
        return
    scope.session.delete(row)
    scope.emit(ForwardingEnded(organisation_id=row.organisation_id, target=target.value, sequence=row.sequence))


def try_now(scope: Scope, target: Target) -> None:
    """Do not wait for the next try."""
    row = _find(scope, target)
    if row is not None:
        row.next_try_at = scope.now


def progress(scope: Scope) -> dict[Target, Progress]:
    """Return what is set and how far it is."""
    own = Forwarding.organisation_id == scope.organisation_id
    return {Target(row.target): _progress(scope, row) for row in scope.session.scalars(select(Forwarding).where(own))}


def bearer(scope: Scope, seal: Seal, row: Forwarding) -> str:
    """Open a forwarding's credential."""
    if row.bearer_sealed is None:
        return ""
    return open_sealed(scope, seal, row.organisation_id, row.bearer_sealed, place=_place(Target(row.target))).decode()


def identity(scope: Scope, seal: Seal, row: Forwarding) -> Identity | None:
    """Open what a forwarding proves itself with."""
    if row.client_key_sealed is None:
        return None
    place = _key_place(Target(row.target))
    return Identity(row.client_certificate, open_sealed(scope, seal, row.organisation_id, row.client_key_sealed, place=place))


def _progress(scope: Scope, row: Forwarding) -> Progress:
    ahead = (JournalRow.organisation_id == row.organisation_id, JournalRow.sequence > row.sequence)
    since = scope.session.scalar(select(JournalRow.at).where(*ahead).order_by(JournalRow.sequence).limit(1))
    return Progress(row, max(0, _last(scope) - row.sequence), since)


def _last(scope: Scope) -> int:
    own = JournalRow.organisation_id == scope.organisation_id
    return scope.session.scalar(select(func.max(JournalRow.sequence)).where(own)) or 0


def _find(scope: Scope, target: Target) -> Forwarding | None:
    own = (Forwarding.organisation_id == scope.organisation_id, Forwarding.target == target.value)
    return scope.session.scalars(select(Forwarding).where(*own).with_for_update()).one_or_none()


def _sealed(scope: Scope, seal: Seal, plain: str, *, place: str) -> bytes:
    return close(scope, seal, scope.organisation_id, plain.encode(), place=place)


def _place(target: Target) -> str:
    return f"forwardings|{target.value}|bearer"


def _key_place(target: Target) -> str:
    return f"forwardings|{target.value}|client key"
