"""Journal rows in plain words. A kind without words is shown as it is: nothing is left out."""

from collections.abc import Mapping
from typing import Any

WORDS = {
    "accounts.user.signed-in": "signed in",
    "accounts.user.signed-out": "signed out",
    "accounts.user.sign-in-failed": "failed to sign in ({factor})",
    "accounts.user.invited": "invited {person} as {role}",
    "accounts.user.enrolled": "set password and second factor",
    "accounts.user.disabled": "disabled the account of {person}",
    "accounts.user.enabled": "enabled the account of {person} again",
    "archive.study.downloaded": "downloaded a study as {form}",
    "archive.study.send-asked": "asked for a study to be sent to {aet}",
    "archive.job.ended": "a {job} ended: {state}",
    "archive.job.repeated": "tried a {job} again",
    "archive.study.deleted": "deleted a study of {images} images ({reason})",
    "archive.study.undeleted": "brought a deleted study back",
    "archive.study.erased": "removed the images of a deleted study for good",
    "archive.hold.set": "set a legal hold",
    "archive.hold.lifted": "lifted a legal hold",
    "archive.retention.changed": "changed the retention period to {years} years",
    "assignment.study.assigned": "assigned a study to {person}",
    "assignment.study.claimed": "took a study",
    "assignment.study.released": "gave a study back",
    "assignment.reading.started": "started reading a study",
    "assignment.reading.paused": "stopped reading a study, unsigned",
    "deidentification.export.asked": "asked for an anonymised export of a study",
    "deidentification.export.reviewed": "reviewed {images} images of an anonymised export: {decision}",
    "deidentification.export.finished": "an anonymised export {result} ({images} images, {left_out} left out)",
    "deidentification.export.downloaded": "downloaded an anonymised export",
    "intake.cell.started": "the archive started",
    "orders.order.added": "scheduled an imaging procedure",
    "orders.order.changed": "edited an order",
    "orders.order.moved": "made an order {status} (it was {previous})",
    "orders.order.matched": "found the order of a study by {basis}",
    "orders.order.unmatched": "let go the order of a study that fits no more",
    "organisations.organisation.created": "created the organisation",
    "organisations.organisation.changed": "changed name, time zone or letterhead",
    "organisations.cell.wanted": "{wanted} the archive",
    "organisations.contract.created": "made a contract with {counterpart}",
    "organisations.contract.end-set": "changed the end of the contract with {counterpart}",
    "organisations.ae.added": "registered the AE title {aet} ({services}) from {networks}",
    "organisations.ae.changed": "changed the AE title {aet} ({services}) from {networks}",
    "organisations.ae.removed": "removed the AE title {aet} from {networks}",
    "organisations.node.tested": "tried {aet} with {test}: {answer}",
    "organisations.authority.made": "the archive got a certificate authority of its own",
    "organisations.authority.server-certified": "the archive got a certificate for {host}",
    "organisations.certificate.issued": "issued a certificate for {aet}, number {serial}{key}",
    "organisations.certificate.revoked": "revoked the certificate of {aet}, number {serial}",
    "organisations.certificate.restored": "took back the revocation of the certificate of {aet}, number {serial}",
    "organisations.cell.character-set-chosen": "had texts that name no character set read as {character_set}",
    "organisations.encryption.plain-port-set": "{allowed} the port without TLS",
    "organisations.sender.added": "registered the sender {aet} from {network}",
    "organisations.sender.changed": "changed the sender {aet} from {network}",
    "organisations.sender.removed": "removed the sender {aet} from {network}",
    "organisations.refusal.noticed": "the archive refused {aet} from {address} ({reason})",
    "organisations.refusal.dismissed": "dismissed the refused sender {aet} from {address}",
    "reports.report.opened": "started a report",
    "reports.report.saved": "saved a draft",
    "reports.report.signed": "signed a report",
    "reports.report.read": "read a report",
    "studies.study.arrived": "a study arrived",
    "studies.study.grew": "more images arrived",
    "studies.study.came-back": "a study that had been deleted was sent again",
    "studies.study.completed": "a study was complete",
    "studies.study.routed": "a study went to its readers",
    "studies.study.prioritised": "changed a study's priority to {priority}",
    "studies.explorer.opened": "opened Orthanc Explorer {reach}",
    "studies.study.opened": "opened a study {purpose}",
    "dicomweb.instances.uploaded": "stored {stored} images over DICOMweb, {refused} were refused",
}

GROUPS = (
    ("", "Everything"),
    ("studies.", "Studies"),
    ("reports.", "Reports"),
    ("assignment.", "Assignment"),
    ("orders.", "Orders"),
    ("deidentification.", "Anonymised exports"),
    ("archive.", "Downloads, transfers, deletions"),
    ("accounts.", "Accounts"),
    ("organisations.ae,organisations.sender,organisations.refusal,organisations.node", "AE titles"),
    ("organisations.certificate,organisations.authority,organisations.encryption", "Encryption"),
    ("organisations.organisation,organisations.contract,organisations.cell,intake.cell", "Organisation"),
)
"""(beginnings of kinds, label): what the page can be narrowed to."""


VALUES: Mapping[str, Mapping[str, str]] = {
    "wanted": {"running": "started", "stopped": "stopped", "restarting": "restarted"},
    "reason": {
        "unknown-aet": "title not registered",
        "wrong-address": "not registered from there",
        "wrong-called-aet": "it called another title",
        "sent-in-error": "sent here in error",
        "wrong-patient": "filed under the wrong patient",
        "test-images": "test images",
        "duplicate": "a copy",
        "patients-request": "the patient asked for it",
        "retention-over": "its retention period is over",
        "other": "another reason",
        "no-certificate": "no certificate",
        "wrong-certificate": "wrong certificate",
        "service-not-allowed": "service not allowed",
    },
    "answer": {
        "answered": "it answered",
        "taken": "it took the image",
        "rejected": "it refused the call",
        "aborted": "it hung up",
        "silent": "no answer",
        "unknown-host": "no host of this name",
        "nobody-listens": "nothing listens there",
        "unreachable": "no way to it",
        "not-supported": "it does not accept that",
        "accepted": "it did not do what was asked",
    },
    "test": {"echo": "an echo", "send": "a test image"},
    "key": {"here": "", "device": ", for the device's own key", "renewed": ", for the key it has"},
    "allowed": {"True": "opened", "False": "shut"},
    "decision": {"release": "released", "mask": "blacked out and released", "drop": "left out"},
    "result": {
        "held": "waits for a review",
        "ready": "is ready",
        "failed": "failed",
        "cancelled": "was cancelled",
        "expired": "expired",
    },
    "purpose": {"reading": "for reading", "preview": "in the preview"},
    "basis": {"study-instance-uid": "its Study Instance UID", "accession-number": "its accession number"},
    "form": {"zip": "ZIP", "media": "DICOMDIR"},
    "job": {"download": "download", "send": "transfer", "export": "de-identified export"},
    "reach": {"own": "on the whole archive", "context": "on one study and its priors"},
    "factor": {"password": "wrong password", "totp": "wrong code"},
}
"""Facts whose values are ours: said as people would."""


class _Gaps(dict[str, Any]):
    """A fact an older row does not have is shown as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"  # noqa: RUF001 - a dash for people


def sentence(kind: str, facts: Mapping[str, Any], counterpart: str = "") -> str:
    """Return what happened, without its subject: "registered the sender CT7 from 10.1.2.3/32"."""
    said = {name: VALUES.get(name, {}).get(str(value), value) for name, value in facts.items()}
    return WORDS.get(kind, kind).format_map(_Gaps(said, counterpart=counterpart or "another organisation"))
