"""What happens to alerts, to the forwarding of the journal and to access reviews."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised(Event):
    """Somebody should look at something (DICOM PS3.15 A.5.3.11, Security Alert). ``alert`` is its kind (model.Kind)."""

    kind: ClassVar[str] = "alerts.alert.raised"
    alert_id: UUID
    alert: str
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAcknowledged(Event):
    """Somebody looked, and wrote down what it was."""

    kind: ClassVar[str] = "alerts.alert.acknowledged"
    alert_id: UUID
    alert: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLimitsSet(Event):
    """From which number on the organisation is told. ``changes``: each limit with its number before and after."""

    kind: ClassVar[str] = "alerts.limits.set"
    changes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingSet(Event):
    """The journal goes to a collector from now on, or to another one. ``target`` is syslog or fhir."""

    kind: ClassVar[str] = "alerts.forwarding.set"
    target: str
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingEnded(Event):
    """The journal goes there no more. ``sequence`` is the last entry that went."""

    kind: ClassVar[str] = "alerts.forwarding.ended"
    target: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewConfirmed(Event):
    """An administrator went through who may do what. ``content_hash`` is the SHA-256 of the list as it was then."""

    kind: ClassVar[str] = "alerts.review.confirmed"
    review_id: UUID
    quarter: str
    people: int
    content_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewExported(Event):
    """The list of who may do what was taken along."""

    kind: ClassVar[str] = "alerts.review.exported"
    quarter: str
    people: int
