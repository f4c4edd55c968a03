"""The catalogue of permissions and which role of which kind of organisation holds them. Undeclared means refused."""

from enum import StrEnum

from sidecar.gate.actor import Actor, OrganisationKind, Role


class Permission(StrEnum):
    """``scope:resource:action``. PUBLIC and SIGNED_IN are for doors, never granted to roles."""

    PUBLIC = "gate:door:public"
    SIGNED_IN = "gate:door:signed-in"
    STUDY_LIST = "studies:study:list"
    STUDY_READ = "studies:study:read"
    STUDY_STORE = "studies:study:store"
    STUDY_PRIORITISE = "studies:study:prioritise"
    STUDY_CLAIM = "assignment:study:claim"
    STUDY_ASSIGN = "assignment:study:assign"
    STUDY_TAKE_BACK = "assignment:study:take-back"
    STUDY_DOWNLOAD = "archive:study:download"
    STUDY_SEND = "archive:study:send"
    STUDY_DELETE = "archive:study:delete"
    STUDY_HOLD = "archive:study:hold"
    JOB_READ = "archive:job:read"
    DELETION_READ = "archive:deletion:read"
    RETENTION_MANAGE = "archive:retention:manage"
    EXPORT_ASK = "deidentification:export:ask"
    EXPORT_REVIEW = "deidentification:export:review"
    EXPLORER_OPEN = "explorer:archive:open"
    SHARE_MANAGE = "sharing:study:share"
    GLASS_BREAK = "sharing:glass:break"
    GLASS_REVIEW = "sharing:glass:review"
    REPORT_READ = "reports:report:read"
    REPORT_WRITE = "reports:report:write"
    REPORT_SIGN = "reports:report:sign"
    REPORT_COPY = "reports:report:copy"
    ORDER_MANAGE = "orders:order:manage"
    SENDER_READ = "organisations:sender:read"
    SENDER_MANAGE = "organisations:sender:manage"
    CONTRACT_READ = "organisations:contract:read"
    USER_MANAGE = "accounts:user:manage"
    USER_APPROVE = "accounts:user:approve"
    SECURITY_MANAGE = "accounts:security:manage"
    AUDIT_READ = "audit:journal:read"
    ALERT_HANDLE = "alerts:alert:handle"
    FORWARDING_MANAGE = "alerts:forwarding:manage"
    ACCESS_REVIEW = "alerts:access:review"
    ORGANISATION_MANAGE = "platform:organisation:manage"
    CELL_MANAGE = "platform:cell:manage"


P = Permission
_STAFF = frozenset({P.STUDY_LIST, P.STUDY_READ, P.REPORT_READ})
_TAKER = frozenset({P.STUDY_DOWNLOAD, P.JOB_READ})
_SENDER = _TAKER | {P.STUDY_SEND, P.EXPLORER_OPEN}
_DELETER = _SENDER | {P.STUDY_DELETE, P.DELETION_READ}
_KEEPER = frozenset({P.STUDY_HOLD, P.DELETION_READ, P.RETENTION_MANAGE})
_READER = _STAFF | {P.STUDY_CLAIM, P.REPORT_WRITE, P.REPORT_SIGN}
_LEAD = _STAFF | {P.REPORT_COPY, P.STUDY_ASSIGN, P.STUDY_PRIORITISE, P.CONTRACT_READ, P.USER_APPROVE}
_OVERSEER = frozenset({P.AUDIT_READ, P.ALERT_HANDLE, P.FORWARDING_MANAGE, P.ACCESS_REVIEW})
_ADMIN = frozenset({P.STUDY_LIST, P.USER_MANAGE, P.SECURITY_MANAGE, P.USER_APPROVE, P.CONTRACT_READ}) | _OVERSEER
_UNDER_GLASS = _STAFF
"""What broken glass adds to any role; the walls narrow it to the studies it was broken for."""

GRANTS: dict[tuple[OrganisationKind, Role], frozenset[Permission]] = {
    (OrganisationKind.PROVIDER, Role.ADMIN): _ADMIN
    | _KEEPER
    | {P.SENDER_READ, P.SENDER_MANAGE, P.GLASS_BREAK, P.GLASS_REVIEW, P.STUDY_TAKE_BACK},
    (OrganisationKind.PROVIDER, Role.MANAGER): _LEAD
    | _DELETER
    | _KEEPER
    | {P.SENDER_READ, P.ORDER_MANAGE, P.EXPORT_ASK, P.EXPORT_REVIEW, P.SHARE_MANAGE, P.STUDY_TAKE_BACK},
    (OrganisationKind.PROVIDER, Role.RADIOLOGIST): _READER | {P.STUDY_STORE, P.SHARE_MANAGE} | _SENDER,
    (OrganisationKind.PROVIDER, Role.TECHNICIAN): _STAFF
    | _DELETER
    | {P.STUDY_PRIORITISE, P.STUDY_STORE, P.SENDER_READ, P.SENDER_MANAGE, P.ORDER_MANAGE},
    (OrganisationKind.PROVIDER, Role.VIEWER): _STAFF | {P.GLASS_BREAK},
    (OrganisationKind.READING_GROUP, Role.ADMIN): _ADMIN,
    (OrganisationKind.READING_GROUP, Role.MANAGER): _LEAD | _TAKER,
    (OrganisationKind.READING_GROUP, Role.RADIOLOGIST): _READER | _TAKER,
    (OrganisationKind.READING_GROUP, Role.TECHNICIAN): frozenset({P.STUDY_LIST}),
    (OrganisationKind.READING_GROUP, Role.VIEWER): frozenset({P.STUDY_LIST, P.REPORT_READ}),
    (OrganisationKind.PLATFORM, Role.ADMIN): frozenset(
        {
            P.ORGANISATION_MANAGE,
            P.CELL_MANAGE,
            P.USER_MANAGE,
            P.USER_APPROVE,
            P.SECURITY_MANAGE,
            P.CONTRACT_READ,
            P.AUDIT_READ,
            P.GLASS_BREAK,
        }
    )
    | _OVERSEER,
}


def permissions_of(actor: Actor) -> frozenset[Permission]:
    """Return all that the actor's role may ever do; whether on this very thing is asked by the rooms' policies."""
    if actor.role is None or actor.kind is None:
        return frozenset()
    held = GRANTS.get((actor.kind, actor.role), frozenset()) | (_UNDER_GLASS if actor.glass else frozenset())
    return held if actor.scopes is None else frozenset(each for each in held if each in actor.scopes)


def may_ever(actor: Actor, needs: Permission) -> bool:
    """Answer the door's question: may this role ever pass here?"""
    if needs is Permission.PUBLIC:
        return True
    if needs is Permission.SIGNED_IN:
        return actor.known and actor.scopes is None  # a key opens what it names; the account itself it never names
    return needs in permissions_of(actor)
