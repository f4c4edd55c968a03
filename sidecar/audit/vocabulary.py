"""What each kind of event is in the words of DICOM PS3.15 A.5: EventID, EventTypeCode, EventActionCode.

The journal's ``kind`` says it in ours; auditors' systems read these. Codes are of the scheme DCM (PS3.16, CID 400 and 401).
Whoever adds an Event adds its line to CODES here and its sentence to ``words``: a unit test asks for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A code of the scheme DCM with its meaning."""

    code: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Code:
    """EventID, EventActionCode (C create, R read, U update, D delete, E execute) and, where one fits, EventTypeCode."""

    event: Term
    action: str
    type: Term | None = None


APPLICATION_ACTIVITY = Term("110100", "Application Activity")
AUDIT_LOG_USED = Term("110101", "Audit Log Used")
INSTANCES_ACCESSED = Term("110103", "DICOM Instances Accessed")
INSTANCES_TRANSFERRED = Term("110104", "DICOM Instances Transferred")
STUDY_DELETED = Term("110105", "DICOM Study Deleted")
EXPORT = Term("110106", "Export")
IMPORT = Term("110107", "Import")
ORDER_RECORD = Term("110109", "Order Record")
PATIENT_RECORD = Term("110110", "Patient Record")
PROCEDURE_RECORD = Term("110111", "Procedure Record")
QUERY = Term("110112", "Query")
SECURITY_ALERT = Term("110113", "Security Alert")
USER_AUTHENTICATION = Term("110114", "User Authentication")

STARTED = Term("110120", "Application Start")
LOGIN = Term("110122", "Login")
LOGOUT = Term("110123", "Logout")
NODE_AUTHENTICATION = Term("110126", "Node Authentication")
OVERRIDE_STARTED = Term("110127", "Emergency Override Started")
NETWORK_CONFIGURATION = Term("110128", "Network Configuration")
SECURITY_CONFIGURATION = Term("110129", "Security Configuration")
SOFTWARE_CONFIGURATION = Term("110131", "Software Configuration")
RESTRICTED_FUNCTION = Term("110132", "Use of Restricted Function")
OBJECT_SECURITY = Term("110135", "Object Security Attributes Changed")
ROLES_CHANGED = Term("110136", "Security Roles Changed")
USER_SECURITY = Term("110137", "User Security Attributes Changed")
OVERRIDE_STOPPED = Term("110138", "Emergency Override Stopped")

ALERTED = Code(SECURITY_ALERT, "E")
ACTIVITY = Code(APPLICATION_ACTIVITY, "E")
LOG_USED = Code(AUDIT_LOG_USED, "R")
ACCESSED = Code(INSTANCES_ACCESSED, "R")
SENT = Code(INSTANCES_TRANSFERRED, "R")
STORED = Code(INSTANCES_TRANSFERRED, "C")
DELETED = Code(STUDY_DELETED, "D")
EXPORTED = Code(EXPORT, "R")
IMPORTED = Code(IMPORT, "C")
ORDERED, REORDERED = Code(ORDER_RECORD, "C"), Code(ORDER_RECORD, "U")
RECORD_MADE, RECORD_READ, RECORD_CHANGED = (Code(PATIENT_RECORD, action) for action in "CRU")
PROCEDURE_CHANGED = Code(PROCEDURE_RECORD, "U")
QUERIED = Code(QUERY, "E")
SIGNED_IN, SIGNED_OUT = Code(USER_AUTHENTICATION, "E", LOGIN), Code(USER_AUTHENTICATION, "E", LOGOUT)
NODE_REFUSED = Code(SECURITY_ALERT, "E", NODE_AUTHENTICATION)
EMERGENCY, EMERGENCY_OVER = Code(SECURITY_ALERT, "E", OVERRIDE_STARTED), Code(SECURITY_ALERT, "E", OVERRIDE_STOPPED)
NETWORK_CHANGED = Code(SECURITY_ALERT, "E", NETWORK_CONFIGURATION)
SECURITY_CHANGED = Code(SECURITY_ALERT, "E", SECURITY_CONFIGURATION)
SOFTWARE_CHANGED = Code(SECURITY_ALERT, "E", SOFTWARE_CONFIGURATION)
REFUSED = Code(SECURITY_ALERT, "E", RESTRICTED_FUNCTION)
SHARED = Code(SECURITY_ALERT, "E", OBJECT_SECURITY)
ROLE_CHANGED = Code(SECURITY_ALERT, "E", ROLES_CHANGED)
USER_CHANGED = Code(SECURITY_ALERT, "E", USER_SECURITY)

CODES: Mapping[str, Code] = {
    "accounts.code.": SECURITY_CHANGED,
    "accounts.registration.": USER_CHANGED,
    "accounts.remains.": SECURITY_CHANGED,
    "accounts.role.": ROLE_CHANGED,
    "accounts.unknown.": SIGNED_IN,
    "alerts.alert.": ALERTED,
    "alerts.forwarding.": SECURITY_CHANGED,
    "alerts.limits.": SECURITY_CHANGED,
    "alerts.review.": LOG_USED,
    "accounts.key.": USER_CHANGED,
    "accounts.sso.linked": USER_CHANGED,
    "accounts.sso.refused": SIGNED_IN,
    "accounts.sso.removed": SECURITY_CHANGED,
    "accounts.sso.set": SECURITY_CHANGED,
    "accounts.token.reused": REFUSED,
    "accounts.user.": USER_CHANGED,
    "accounts.user.signed-in": SIGNED_IN,
    "accounts.user.signed-out": SIGNED_OUT,
    "accounts.user.sign-in-failed": SIGNED_IN,
    "archive.study.downloaded": EXPORTED,
    "archive.study.send-asked": SENT,
    "archive.job.": ACTIVITY,
    "archive.study.deleted": DELETED,
    "archive.study.undeleted": PROCEDURE_CHANGED,
    "archive.study.returned": PROCEDURE_CHANGED,
    "archive.study.erased": DELETED,
    "archive.hold.": PROCEDURE_CHANGED,
    "archive.retention.changed": SECURITY_CHANGED,
    "assignment.study.": PROCEDURE_CHANGED,
    "assignment.reading.": PROCEDURE_CHANGED,
    "audit.list.shown": QUERIED,
    "audit.record.shown": RECORD_READ,
    "audit.journal.": LOG_USED,
    "audit.journal.forgotten": Code(AUDIT_LOG_USED, "D"),
    "audit.keeping.changed": SECURITY_CHANGED,
    "audit.hold.": SECURITY_CHANGED,
    "deidentification.export.asked": EXPORTED,
    "deidentification.export.reviewed": ACCESSED,
    "deidentification.export.finished": ACTIVITY,
    "deidentification.export.downloaded": EXPORTED,
    "dicomweb.instances.uploaded": STORED,
    "gate.door.": REFUSED,
    "intake.cell.started": Code(APPLICATION_ACTIVITY, "E", STARTED),
    "orders.order.": REORDERED,
    "orders.order.added": ORDERED,
    "organisations.limits.set": SECURITY_CHANGED,
    "organisations.ae.": NETWORK_CHANGED,
    "organisations.authority.": SECURITY_CHANGED,
    "organisations.cell.": SOFTWARE_CHANGED,
    "organisations.certificate.": SECURITY_CHANGED,
    "organisations.contract.": SECURITY_CHANGED,
    "organisations.encryption.": SECURITY_CHANGED,
    "organisations.node.tested": ACTIVITY,
    "organisations.organisation.": SOFTWARE_CHANGED,
    "organisations.refusal.": NODE_REFUSED,
    "organisations.sender.": NETWORK_CHANGED,
    "archive.study.damaged": ALERTED,
    "vault.key.": SECURITY_CHANGED,
    "vault.keys.": SECURITY_CHANGED,
    "vault.copy.made": EXPORTED,
    "vault.copy.restored": IMPORTED,
    "reports.authority.made": SECURITY_CHANGED,
    "reports.addendum.discarded": RECORD_CHANGED,
    "reports.addendum.opened": RECORD_MADE,
    "reports.addendum.saved": RECORD_CHANGED,
    "reports.addendum.signed": RECORD_CHANGED,
    "reports.report.copied": EXPORTED,
    "reports.report.opened": RECORD_MADE,
    "reports.report.saved": RECORD_CHANGED,
    "reports.report.signed": RECORD_CHANGED,
    "reports.report.read": RECORD_READ,
    "sharing.glass.broken": EMERGENCY,
    "sharing.glass.closed": EMERGENCY_OVER,
    "sharing.glass.missed": EMERGENCY,
    "sharing.glass.overdue": ALERTED,
    "sharing.glass.reviewed": LOG_USED,
    "sharing.link.made": SHARED,
    "sharing.link.opened": EXPORTED,  # to somebody outside: a disclosure (45 CFR 164.528)
    "sharing.link.refused": REFUSED,
    "sharing.link.revoked": SHARED,
    "sharing.link.used": ACCESSED,
    "sharing.readers.told": ACTIVITY,
    "sharing.study.": SHARED,
    "studies.archive.searched": QUERIED,
    "studies.explorer.opened": ACCESSED,
    "studies.gate.": REFUSED,
    "studies.images.accessed": ACCESSED,
    "studies.priors.": SHARED,
    "studies.reading.": SHARED,
    "studies.study.": PROCEDURE_CHANGED,
    "studies.study.arrived": STORED,
    "studies.study.came-back": STORED,
    "studies.study.grew": STORED,
    "studies.study.opened": ACCESSED,
}
"""Kind, or beginning of kinds that ends in "."; the longest that fits counts."""


def discloses(kind: str) -> bool:
    """Say whether an event is a disclosure to account for (45 CFR 164.528): data left the system, as a file or to a node."""
    code = code_of(kind)
    return code.event is EXPORT or code == SENT


def has_code(kind: str) -> bool:
    """Say whether CODES speaks of this kind at all."""
    return any(each in CODES for each in _fitting(kind))


def code_of(kind: str) -> Code:
    """Return the codes of a kind. One that the program no longer knows is an activity of an application, never left out."""
    return next((CODES[each] for each in _fitting(kind) if each in CODES), ACTIVITY)


def _fitting(kind: str) -> list[str]:
    """Return the kind itself, then its beginnings up to a full stop, longest first."""
    stops = [at for at, letter in enumerate(kind) if letter == "."]
    return [kind, *(kind[: at + 1] for at in reversed(stops))]
