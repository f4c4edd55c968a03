"""The permissions and fields in words, as one table: ``./readingroom permissions`` and the administration page print this."""

from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.gate.actor import OrganisationKind, Role
from sidecar.gate.fields import FIELDS, Show
from sidecar.gate.permissions import GRANTS, Permission

P = Permission
MEANING: Mapping[Permission, str] = {
    P.STUDY_LIST: "see the list of studies",
    P.STUDY_READ: "open images",
    P.STUDY_STORE: "upload images",
    P.STUDY_PRIORITISE: "change the urgency of a study",
    P.STUDY_CLAIM: "take a study to read",
    P.STUDY_ASSIGN: "give a study to a reader",
    P.STUDY_TAKE_BACK: "take an unsigned study back from the reading group",
    P.STUDY_DOWNLOAD: "take a study along as files",
    P.STUDY_SEND: "send a study to another node",
    P.STUDY_DELETE: "delete a study",
    P.STUDY_HOLD: "set and lift a legal hold",
    P.JOB_READ: "follow downloads and transfers",
    P.DELETION_READ: "see what was deleted",
    P.RETENTION_MANAGE: "set how long studies are kept",
    P.EXPORT_ASK: "ask for an export without names, with a reason",
    P.EXPORT_REVIEW: "review the images of such an export",
    P.EXPLORER_OPEN: "open the archive in Orthanc Explorer",
    P.SHARE_MANAGE: "share a study: with viewers, by a link, again with its readers",
    P.GLASS_BREAK: "break the glass in an emergency, for an hour at most",
    P.GLASS_REVIEW: "review broken glass",
    P.REPORT_READ: "read signed reports",
    P.REPORT_COPY: "hand copies of reports to inspectors",
    P.REPORT_WRITE: "write reports",
    P.REPORT_SIGN: "sign reports",
    P.ORDER_MANAGE: "schedule and edit orders",
    P.SENDER_READ: "see AE titles and connections",
    P.SENDER_MANAGE: "register AE titles and issue certificates",
    P.CONTRACT_READ: "see contracts",
    P.USER_MANAGE: "manage accounts",
    P.USER_APPROVE: "approve newcomers, and changes of role as the second person",
    P.SECURITY_MANAGE: "set limits, single sign-on, and revoke API keys",
    P.AUDIT_READ: "read the audit journal",
    P.ALERT_HANDLE: "look at alerts and settle them",
    P.FORWARDING_MANAGE: "forward the journal to another system",
    P.ACCESS_REVIEW: "review who has access, each quarter",
    P.ORGANISATION_MANAGE: "manage organisations and contracts",
    P.CELL_MANAGE: "manage archives",
}
FIELD_MEANING: Mapping[str, str] = {
    "patient_name": "patient's name",
    "patient_id": "patient ID",
    "patient_birth_date": "birth date",
    "referring_physician_name": "referring physician",
    "reason_for_requested_procedure": "clinical question of the order",
    "remote_ip": "address an image came from",
    "remote_aet": "AE title an image came from",
    "http_username": "account an image was uploaded with",
}
KINDS = {
    OrganisationKind.PROVIDER: "Hospital",
    OrganisationKind.READING_GROUP: "Reading group",
    OrganisationKind.PLATFORM: "Platform",
}
SHOWN = {Show.PLAIN: "yes", Show.MASKED: "masked", Show.HIDDEN: ""}
NOTES = (
    "A role says what somebody may ever do; for which studies is decided again at each of them, in the database itself.",
    "Viewers see the signed reports and images of studies that were shared with them, and no others.",
    "A reading group sees a study from routing until its contract's hours after sign-off or until it is taken back.",
    "What a reading group signed stays its own, after the images are out of its sight.",
    "Broken glass adds list, images and signed reports of one patient of the own organisation for an hour at most.",
    "For the platform it adds those of one named hospital, whose administrators are told at once and review it in 72 hours.",
    "Masked: initials of a name, the last two characters of an ID, the year of a birth date.",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One permission or field: its name in code, what it means, and a mark per column of ``columns``."""

    name: str
    meaning: str
    marks: tuple[str, ...]


def columns() -> list[tuple[OrganisationKind, Role]]:
    """Return the roles there are, hospital first."""
    return list(GRANTS)


def titles() -> list[tuple[str, str]]:
    """Return (kind of organisation, role) of each column in words."""
    return [(KINDS[kind], role.value.capitalize()) for kind, role in columns()]


def permissions() -> list[Line]:
    """Return every permission with who holds it."""
    return [
        Line(each.value, meaning, tuple("yes" if each in GRANTS[who] else "" for who in columns()))
        for each, meaning in MEANING.items()
    ]


def fields() -> list[Line]:
    """Return every field with a rule, and how each role that sees lists of studies is shown it."""
    lists = {P.STUDY_LIST, P.STUDY_READ}

    def mark(field: str, who: tuple[OrganisationKind, Role]) -> str:
        how, whom = FIELDS[field]
        return SHOWN[how if who in whom else Show.PLAIN] if lists & GRANTS[who] else "–"  # noqa: RUF001 - a dash for people

    return [Line(field, FIELD_MEANING[field], tuple(mark(field, who) for who in columns())) for field in FIELDS]


def as_text() -> str:
    """Return both tables as Markdown, which a terminal shows as well as a page does."""
    heads = [f"{kind[0]} {role}" for kind, role in titles()]
    parts = ["H hospital, R reading group, P platform\n"]
    for first, lines in (("May", permissions()), ("Sees", fields())):
        parts.append(f"| {first} | name | {' | '.join(heads)} |\n|{' --- |' * (len(heads) + 2)}\n")
        parts += [f"| {line.meaning} | `{line.name}` | {' | '.join(line.marks)} |\n" for line in lines]
        parts.append("\n")
    return "".join(parts) + "".join(f"- {note}\n" for note in NOTES)
