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
class SenderAdded(Event):
    """A DICOM sender may send from now on."""

    kind: ClassVar[str] = "organisations.sender.added"
    sender_id: UUID
    aet: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderChanged(Event):
    """A sender's title, network or description were edited."""

    kind: ClassVar[str] = "organisations.sender.changed"
    sender_id: UUID
    aet: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRemoved(Event):
    """A sender is refused from now on; what it sent stays."""

    kind: ClassVar[str] = "organisations.sender.removed"
    sender_id: UUID
    aet: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRefused(Event):
    """A cell refused a caller it had not refused before; later attempts are only counted."""

    kind: ClassVar[str] = "organisations.refusal.noticed"
    aet: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalDismissed(Event):
    """Somebody decided that a refused caller is none of ours."""

    kind: ClassVar[str] = "organisations.refusal.dismissed"
    aet: str
    address: str
