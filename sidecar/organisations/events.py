"""What happens to organisations. AE titles and networks name devices, never patients."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationCreated(Event):
    """A tenant exists."""

    kind: ClassVar[str] = "organisations.organisation.created"
    organisation_kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationChanged(Event):
    """Name, zone or letterhead were edited."""

    kind: ClassVar[str] = "organisations.organisation.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSet(Event):
    """How many requests the organisation's people may make, and its own networks. None: as the house has it."""

    kind: ClassVar[str] = "organisations.limits.set"
    networks: tuple[str, ...]
    signed_in: int | None
    uploads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellWanted(Event):
    """Somebody wants a cell to run, to stop, or to start anew (``wanted`` is a Wanted)."""

    kind: ClassVar[str] = "organisations.cell.wanted"
    cell_id: UUID
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCreated(Event):
    """Two organisations have a contract; each of them gets the event with the other as ``counterpart_id``."""

    kind: ClassVar[str] = "organisations.contract.created"
    contract_id: UUID
    counterpart_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractEndSet(Event):
    """A contract got a last day (ISO date), or lost it again (None)."""

    kind: ClassVar[str] = "organisations.contract.end-set"
    contract_id: UUID
    counterpart_id: UUID
    ends_on: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractClosed(Event):
    """The hours to finish after its last day are over; so many unsigned studies went back to the hospital."""

    kind: ClassVar[str] = "organisations.contract.closed"
    contract_id: UUID
    counterpart_id: UUID
    studies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTermsSet(Event):
    """How long after sign-off its readers see a study, which older ones come along (``model.Priors``), hours to finish."""

    kind: ClassVar[str] = "organisations.contract.terms-set"
    contract_id: UUID
    counterpart_id: UUID
    reading_hours: int
    priors: str
    finishing_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _EntityEvent(Event):
    """An AE title with its networks and services, one text each, and where it is reached ("host:port" or "")."""

    kind: ClassVar[str] = ""
    entity_id: UUID
    aet: str
    networks: str
    services: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityAdded(_EntityEvent):
    """An AE title may call, or be sent to, from now on."""

    kind: ClassVar[str] = "organisations.ae.added"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityChanged(_EntityEvent):
    """Title, networks, services or node were edited."""

    kind: ClassVar[str] = "organisations.ae.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRemoved(_EntityEvent):
    """An AE title is refused from now on; what it sent stays."""

    kind: ClassVar[str] = "organisations.ae.removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTested(Event):
    """Somebody tried a node: ``test`` "echo" or "send"; ``answer`` is how it ended, in a word."""

    kind: ClassVar[str] = "organisations.node.tested"
    aet: str
    test: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityMade(Event):
    """The cell has a certificate authority of its own (sha256 of its certificate)."""

    kind: ClassVar[str] = "organisations.authority.made"
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertified(Event):
    """The cell's own certificate was issued, for the host its callers use."""

    kind: ClassVar[str] = "organisations.authority.server-certified"
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _CertificateEvent(Event):
    kind: ClassVar[str] = ""
    certificate_id: UUID
    aet: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateIssued(_CertificateEvent):
    """A caller has a certificate; ``key`` says where its key was made: "here", "device", or "renewed" (the earlier one's)."""

    kind: ClassVar[str] = "organisations.certificate.issued"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRevoked(_CertificateEvent):
    """A certificate opens nothing any more."""

    kind: ClassVar[str] = "organisations.certificate.revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRestored(_CertificateEvent):
    """A revocation was taken back."""

    kind: ClassVar[str] = "organisations.certificate.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPortSet(Event):
    """The DICOM port without TLS was opened or shut; ``shut_out`` names callers without a certificate."""

    kind: ClassVar[str] = "organisations.encryption.plain-port-set"
    allowed: bool
    shut_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterSetChosen(Event):
    """It was said what texts are in that name no character set."""

    kind: ClassVar[str] = "organisations.cell.character-set-chosen"
    character_set: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRefused(Event):
    """A cell refused a caller it had not refused before; later attempts are only counted."""

    kind: ClassVar[str] = "organisations.refusal.noticed"
    outcome: ClassVar[int] = 4
    aet: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalDismissed(Event):
    """Somebody decided that a refused caller is none of ours."""

    kind: ClassVar[str] = "organisations.refusal.dismissed"
    aet: str
    address: str
