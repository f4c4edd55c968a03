"""Audit messages as FHIR AuditEvent, release 4 (4.0.1; ITI-20 "Send Audit Resource" asks for that one).

https://hl7.org/fhir/R4/auditevent.html. The same shape is valid in R4B; R5 has other names.
"""

from typing import Any

from sidecar.audit.atna import Record
from sidecar.audit.vocabulary import Term

MEDIA_TYPE = "application/fhir+json"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
OURS = "urn:readingroom:event"
JOURNAL = "urn:readingroom:journal"
PEOPLE = "urn:readingroom:user"
ROLES = "urn:readingroom:role"
OBJECT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
OUTCOMES = {0: "0", 4: "4", 8: "8", 12: "12"}


def audit_event(told: Record) -> dict[str, Any]:
    """Return the resource as JSON. The journal's own number is an entity of it: by it a collector knows what came twice."""
    at = told.at.isoformat(timespec="milliseconds")
    types = [told.code.type] if told.code.type else []
    return {
        "resourceType": "AuditEvent",
        "type": _coding(told.code.event),
        "subtype": [*(_coding(each) for each in types), {"system": OURS, "code": told.kind, "display": told.what}],
        "action": told.code.action,
        "recorded": at,
        "outcome": OUTCOMES.get(told.outcome, "8"),
        "agent": [_agent(told)],
        "source": {
            "site": str(told.organisation_id),
            "observer": {"identifier": {"system": JOURNAL, "value": str(told.organisation_id)}, "display": "Reading Room"},
            "type": [{"system": SOURCE_TYPE, "code": "4", "display": "Application Server"}],
        },
        "entity": _entities(told),
    }


def _agent(told: Record) -> dict[str, Any]:
    agent: dict[str, Any] = {"requestor": True, "who": {"identifier": {"system": PEOPLE, "value": told.actor or "system"}}}
    if told.name:
        agent["name"] = told.name
    if told.role:
        agent["role"] = [{"coding": [{"system": ROLES, "code": told.role}]}]
    if told.address:
        agent["network"] = {"address": told.address, "type": "2"}
    return agent


def _entities(told: Record) -> list[dict[str, Any]]:
    found = []
    if told.study_uid:
        found.append(_entity("urn:dicom:uid", f"urn:oid:{told.study_uid}", "2"))
    if told.subject:
        found.append(_entity(PEOPLE, told.subject, "1"))
    number = _entity(JOURNAL, f"{told.organisation_id}/{told.sequence}", "2")
    if told.request:
        number["detail"] = [{"type": "request", "valueString": told.request}]
    return [*found, number]


def _entity(system: str, value: str, kind: str) -> dict[str, Any]:
    return {"what": {"identifier": {"system": system, "value": value}}, "type": {"system": OBJECT_TYPE, "code": kind}}


def _coding(term: Term) -> dict[str, str]:
    return {"system": DCM, "code": term.code, "display": term.meaning}
