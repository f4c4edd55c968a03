"""One entry of the journal as a DICOM audit message (PS3.15 A.5.1, XML), for collectors of IHE ATNA (ITI-20)."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

from sidecar.audit.vocabulary import Code, Term, code_of
from sidecar.audit.words import sentence
from sidecar.kernel.journal import JournalRow

SOURCE = "readingroom"
ADDRESS = "2"
"""NetworkAccessPointTypeCode: an IP address (PS3.15 A.5.2.1)."""
PERSON, SYSTEM_OBJECT = "1", "2"
"""ParticipantObjectTypeCode."""
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot say, and what no terminal should obey."""
REPORT_ROLE, SECURITY_RESOURCE, USER_ROLE = "3", "13", "11"
"""ParticipantObjectTypeCodeRole: report (as the Standard has it for studies), security resource, security user entity."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry in the words of the Standard. ``actor`` is a person's id, "" for the system; no patient data."""

    organisation_id: UUID
    sequence: int
    at: datetime
    code: Code
    outcome: int
    kind: str
    actor: str
    name: str
    role: str
    actor_organisation: str
    address: str
    request: str
    study_uid: str
    subject: str
    what: str


def record(row: JournalRow) -> Record:
    """Return a row of the journal as what is told of it."""
    body: dict[str, Any] = json.loads(row.body)
    facts = body["facts"]
    return Record(
        organisation_id=row.organisation_id,
        sequence=row.sequence,
        at=row.at,
        code=code_of(row.kind),
        outcome=int(body.get("outcome", 0)),
        kind=row.kind,
        actor=str(row.actor_id or ""),
        name=_clean(str(body.get("name") or "")),
        role=str(body.get("role") or ""),
        actor_organisation=str(row.actor_organisation_id or ""),
        address=str(body.get("address") or ""),
        request=str(body.get("request") or ""),
        study_uid=str(body.get("study_uid") or facts.get("study_instance_uid") or ""),
        subject=str(facts.get("user_id") or facts.get("assignee_id") or ""),
        what=_clean(sentence(row.kind, facts | {"person": "a person"})),
    )


def _clean(text: str) -> str:
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def message(told: Record) -> str:
    """Return the audit message as XML of one line."""
    root = ET.Element("AuditMessage")
    event = ET.SubElement(
        root,
        "EventIdentification",
        EventActionCode=told.code.action,
        EventDateTime=told.at.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=str(told.outcome),
    )
    _code(event, "EventID", told.code.event)
    if told.code.type:
        _code(event, "EventTypeCode", told.code.type)
    _code(event, "EventTypeCode", Term(told.kind, told.what), scheme="readingroom")
    _participant(root, told)
    source = ET.SubElement(
        root, "AuditSourceIdentification", AuditSourceID=SOURCE, AuditEnterpriseSiteID=str(told.organisation_id)
    )
    ET.SubElement(source, "AuditSourceTypeCode", {"csd-code": "4"})  # application server (PS3.15 A.5.2.1)
    _objects(root, told)
    return ET.tostring(root, encoding="unicode")


def _code(parent: ET.Element, name: str, term: Term, *, scheme: str = "DCM") -> None:
    ET.SubElement(parent, name, {"csd-code": term.code, "codeSystemName": scheme, "originalText": term.meaning})


def _participant(root: ET.Element, told: Record) -> None:
    who = {"UserID": told.actor or "system", "UserIsRequestor": "true"}
    if told.name:
        who["UserName"] = told.name
    if told.actor_organisation:
        who["AlternativeUserID"] = told.actor_organisation
    if told.address:
        who |= {"NetworkAccessPointID": told.address, "NetworkAccessPointTypeCode": ADDRESS}
    participant = ET.SubElement(root, "ActiveParticipant", who)
    if told.role:
        _code(participant, "RoleIDCode", Term(told.role, told.role), scheme="readingroom")


def _objects(root: ET.Element, told: Record) -> None:
    if told.study_uid:
        _object(root, told.study_uid, (SYSTEM_OBJECT, REPORT_ROLE), Term("110180", "Study Instance UID"))
    if told.subject:
        _object(root, told.subject, (PERSON, USER_ROLE), Term("11", "User Identifier"))
    entry = _object(root, f"{told.organisation_id}/{told.sequence}", (SYSTEM_OBJECT, SECURITY_RESOURCE), Term("12", "URI"))
    if told.request:
        ET.SubElement(entry, "ParticipantObjectDetail", type="request", value=base64.b64encode(told.request.encode()).decode())


def _object(root: ET.Element, name: str, kinds: tuple[str, str], of: Term) -> ET.Element:
    attributes = {
        "ParticipantObjectID": name,
        "ParticipantObjectTypeCode": kinds[0],
        "ParticipantObjectTypeCodeRole": kinds[1],
    }
    made = ET.SubElement(root, "ParticipantObjectIdentification", attributes)
    _code(made, "ParticipantObjectIDTypeCode", of, scheme="DCM" if of.code.startswith("110") else "RFC-3881")
    return made
