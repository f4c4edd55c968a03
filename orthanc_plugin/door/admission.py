"""Who may come in: policy, caller and request in, outcome out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orthanc_plugin.door.pdu import AssociateRequest, Rejection
from orthanc_plugin.door.services import services_of
from orthanc_plugin.entities import ApplicationEntity
from orthanc_plugin.policy import Policy


class Outcome(StrEnum):
    """How an association ended, in the words of wire format 3."""

    ACCEPTED = "accepted"
    UNKNOWN_AET = "unknown-aet"
    WRONG_ADDRESS = "wrong-address"
    WRONG_CALLED_AET = "wrong-called-aet"
    NO_CERTIFICATE = "no-certificate"
    WRONG_CERTIFICATE = "wrong-certificate"
    SERVICE_NOT_ALLOWED = "service-not-allowed"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    TOO_MANY = "too-many"
    NO_ROOM = "no-room"
    UNKNOWN_DESTINATION = "unknown-destination"
    INCOMPLETE = "incomplete"


REJECTIONS = {
    Outcome.UNKNOWN_AET: Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED,
    # As for an unknown title: a stranger does not learn which titles exist.
    Outcome.WRONG_ADDRESS: Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED,
    Outcome.WRONG_CERTIFICATE: Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED,
    Outcome.WRONG_CALLED_AET: Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED,
    Outcome.SERVICE_NOT_ALLOWED: Rejection.NO_REASON,
    Outcome.TOO_MANY: Rejection.LOCAL_LIMIT_EXCEEDED,
    Outcome.NO_ROOM: Rejection.TEMPORARY_CONGESTION,
}
"""How each refusal is said."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a connection comes from. `certificate` is the sha256 (hex) of the verified one; "" at the plain port."""

    address: str
    tls: bool = False
    certificate: str = ""


def judge(policy: Policy, own_aet: str, caller: Caller, request: AssociateRequest) -> Outcome:
    """Decide on one request; titles are compared exactly."""
    entity = next((each for each in policy.entities if each.aet == request.calling), None)
    if entity is None:
        return Outcome.UNKNOWN_AET
    if not entity.calls_from(caller.address):
        return Outcome.WRONG_ADDRESS
    if not _port_open(policy, entity, caller):
        return Outcome.WRONG_CERTIFICATE
    if request.called != own_aet:
        return Outcome.WRONG_CALLED_AET
    if not services_of(request.abstract_syntaxes) & entity.services:
        return Outcome.SERVICE_NOT_ALLOWED
    return Outcome.ACCEPTED


def _port_open(policy: Policy, entity: ApplicationEntity, caller: Caller) -> bool:
    """Whether it may come by this port: with one of its own certificates, or without any where that is allowed."""
    return caller.certificate in entity.certificates if caller.tls else policy.plain
