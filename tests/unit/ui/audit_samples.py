"""Contexts of the audit's pages."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sidecar.audit.checkpoints import Checkpoint, Kind
from sidecar.audit.forms import OUTCOMES, Filters
from sidecar.audit.model import Cursor, Entry, Question
from sidecar.audit.patients import StudyOf
from sidecar.audit.tables import Keeping
from sidecar.audit.vocabulary import code_of
from sidecar.audit.web.blueprint import tabs
from sidecar.audit.web.patient import VIEWS, Asked

HOUSE, STUDY, PERSON = (UUID(int=number) for number in (1, 2, 3))
SAID = (
    ("Dr. Nora Reader", "Night Owls Radiology", "studies.study.opened", "opened a study for reading", 0),
    ("Noor Haddad", "", "gate.door.denied", "tried what their role may not: GET /orders (attempt 1)", 4),
    ("", "", "studies.study.arrived", "a study arrived", 0),
    ("Noor Haddad", "", "audit.list.shown", "was shown 42 entries of studies", 0),
)


def entries(now: datetime) -> list[Entry]:
    """Return a few lines of the journal."""
    return [
        Entry(
            at=now - timedelta(minutes=number),
            organisation_id=HOUSE,
            sequence=4120 - number,
            kind=kind,
            code=code_of(kind),
            outcome=outcome,
            actor_id=PERSON if who else None,
            who=who,
            role="admin",
            of=of,
            inside="",
            what=what,
            study_id=STUDY if "study" in kind else None,
            study_uid="1.2.3",
            address="10.1.2.3" if who else "",
            request="",
        )
        for number, (who, of, kind, what, outcome) in enumerate(SAID)
    ]


def contexts(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return page → (template, context)."""
    shown, following = entries(now), Cursor(now, HOUSE, 4000)
    study = StudyOf(STUDY, HOUSE, "1.2.826.0.1.3680043.8.498.1", f"{date(2026, 11, 20):%Y%m%d}", "CT", deleted=False)
    keeping = Keeping(
        organisation_id=HOUSE, years=6, fault="", checked_rows=4120, checked_at=now, held_at=now, held_by_name="Noor Haddad",
        hold_reason="case 26-118",
    )  # fmt: skip
    filters = Filters({"group": "studies.", "person": "", "outcome": "", "since": "", "until": ""}, Question())
    lists = {"entries": shown, "first": False, "following": following}
    signed = Checkpoint(HOUSE, 4100, Kind.PERIODIC, b"\x01" * 32, now, "ab" * 32, b"\x02" * 64)
    return {
        "admin-audit": (
            "admin_audit.html",
            {
                "tabs": tabs("/admin/audit"),
                "filters": filters,
                "groups": [("", "Everything"), ("studies.", "Studies")],
                "people": [("", "Everybody"), (str(PERSON), "Noor Haddad")],
                "outcomes": OUTCOMES,
                "keeping": keeping,
                **lists,
            },
        ),
        "audit-study": ("audit_study.html", {"tabs": tabs(""), "study": study, **lists}),
        "audit-patient": (
            "audit_patient.html",
            {
                "tabs": tabs("/admin/audit/patient"),
                "asked": Asked("MRN-4711", "everything", [study], Question()),
                "views": VIEWS,
                **lists,
            },
        ),
        "audit-keeping": (
            "audit_keeping.html",
            {
                "tabs": tabs("/admin/audit/keeping"),
                "keeping": keeping,
                "least": 6,
                "values": {},
                "errors": {},
                "entries": 4120,
                "newest": signed,
                "fingerprint": signed.key,
            },
        ),
    }
