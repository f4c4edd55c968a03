"""Contexts of the pages of alerts, forwarding and access review."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sidecar.adapters.certificates import Facts
from sidecar.alerts import words
from sidecar.alerts.forwarding import Progress
from sidecar.alerts.model import GRAVE, Kind
from sidecar.alerts.quarters import Quarter
from sidecar.alerts.reviews import Line
from sidecar.alerts.rules import CHOICES, Limits
from sidecar.alerts.tables import AccessReview, Alert, Forwarding
from sidecar.sharing.model import Verdict
from sidecar.sharing.tables import BrokenGlass

HOUSE, PERSON = UUID(int=1), UUID(int=2)


def alert(number: int, kind: Kind, now: datetime, **facts: Any) -> Alert:
    at = now - timedelta(minutes=7 * number)
    return Alert(
        organisation_id=HOUSE,
        id=UUID(int=100 + number),
        kind=kind.value,
        subject="2026-Q3",
        facts=facts,
        first_at=at,
        last_at=at + timedelta(minutes=4 if number else 0),
        raised_at=at,
        acknowledged_name="",
        note="",
    )


def contexts(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return page → (template, context)."""
    standing = [
        alert(0, Kind.MASS_DOWNLOAD, now, count=34, addresses=["10.20.3.17"]),
        alert(1, Kind.FAILED_SIGN_INS, now, count=11, addresses=["203.0.113.9", "203.0.113.14"]),
        alert(2, Kind.NEW_PLACE, now, place="198.51.100.0/24"),
        alert(3, Kind.BREAK_GLASS, now),
        alert(4, Kind.GLASS_UNREVIEWED, now, days=4),
    ]
    settled = alert(30, Kind.LOCKED, now)
    settled.acknowledged_at, settled.acknowledged_name, settled.note = now, "Ada Mercy", "Asked her: new phone, three tries"
    people = {
        standing[0].id: "Tess Owner",
        standing[1].id: "Dr. Nora Reader",
        standing[2].id: "Max Mercy",
        settled.id: "Vic Colleague",
    }
    choosing = {"choices": CHOICES, "house": Limits(), "limits": asdict(Limits()), "wrong_limits": {}}
    alerts = {
        **choosing,
        "standing": standing,
        "done": [settled],
        "said": {
            each.id: words.happened(each.kind, each.facts, people.get(each.id, "Ada Mercy")) for each in (*standing, settled)
        },
        "label": words.label,
        "advice": words.advice,
        "grave": {each.value for each in GRAVE},
        "brief": timedelta(minutes=1),
        "refused": standing[1].id,
        "error": "Fill this in.",
    }
    none = {
        **choosing,
        "wrong_limits": {"downloads": "At most 200."},
        "standing": [],
        "done": [],
        "said": {},
        "label": words.label,
        "advice": words.advice,
        "grave": set(),
        "brief": timedelta(),
        "refused": None,
    }
    return {
        "alerts": ("admin_alerts.html", alerts),
        "alerts-none": ("admin_alerts.html", {**none, "error": ""}),
        "forwarding": ("admin_forwarding.html", forwarding(now)),
        "forwarding-none": (
            "admin_forwarding.html",
            {"known": {}, "values": dict.fromkeys(FORMS, EMPTY), "errors": FORMS, "certificate": None},
        ),
        "glasses": ("admin_glass.html", glasses(now)),
        "access-review": ("admin_access_review.html", review(now)),
    }


FORMS: dict[str, dict[str, str]] = {"syslog": {}, "fhir": {}}
EMPTY = {"start": "now", "authority": "", "host": "", "port": 6514, "url": "", "bearer": "", "client_certificate": ""}


def forwarding(now: datetime) -> dict[str, Any]:
    common = {
        "organisation_id": HOUSE,
        "authority": "",
        "bearer_sealed": None,
        "set_at": now,
        "client_certificate": "",
        "client_key_sealed": None,
    }
    syslog = Forwarding(
        target="syslog",
        host="siem.mercy.example",
        port=6514,
        path="",
        sequence=4093,
        attempts=3,
        last_error="Its certificate is not trusted: self-signed certificate in certificate chain.",
        next_try_at=now + timedelta(seconds=20),
        delivered_at=now - timedelta(minutes=9),
        **common,
    )
    fhir = Forwarding(
        target="fhir",
        host="fhir.mercy.example",
        port=443,
        path="/r4",
        sequence=4120,
        attempts=0,
        last_error="",
        next_try_at=now,
        delivered_at=now,
        **common,
    )
    known = {"syslog": Progress(syslog, 27, now - timedelta(minutes=8)), "fhir": Progress(fhir, 0, None)}
    values = {
        "syslog": EMPTY
        | {"host": syslog.host, "authority": "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUX\n-----END CERTIFICATE-----"},
        "fhir": EMPTY | {"url": "https://fhir.mercy.example:443/r4"},
    }
    certificate = Facts("1F", "ab" * 32, "CN=readingroom.example,O=Mercy", now - timedelta(days=30), now + timedelta(days=300))
    errors = {"syslog": {"port": "At most 65535."}, "fhir": {}}
    return {"known": known, "values": values, "errors": errors, "certificate": certificate}


def glasses(now: datetime) -> dict[str, Any]:
    """One overdue, one to be reviewed, one's own that is open, one reviewed."""

    def broken(number: int, name: str, hours: float, **more: Any) -> BrokenGlass:
        at = now - timedelta(hours=hours)
        common = {"user_organisation_id": HOUSE, "study_ids": [UUID(int=7)], "remark": "", "verdict": "", "reviewed_by_name": ""}
        return BrokenGlass(
            organisation_id=HOUSE, id=UUID(int=300 + number), user_id=UUID(int=400 + number), user_name=name, role="viewer",
            reason="Unconscious in the emergency room, trauma call", opened_at=at, ends_at=at + timedelta(hours=1),
            review_due_at=at + timedelta(hours=72), **{**common, **more},
        )  # fmt: skip

    reviewed = {"reviewed_at": now, "reviewed_by_name": "Ada Mercy", "verdict": "justified", "remark": "Trauma call on record"}
    platform = {"user_organisation_id": UUID(int=9), "study_ids": None}
    found = [
        broken(0, "Vic Colleague", 80),
        broken(1, "Pat Platform", 30, **platform),
        broken(2, "Ada Mercy", 0.5),
        broken(3, "Vic Colleague", 400, **reviewed),
    ]
    return {"found": found, "overdue": 1, "own_id": UUID(int=402), "verdicts": list(Verdict)}


def review(now: datetime) -> dict[str, Any]:
    quarter = Quarter.of(now)
    people = (
        ("Ada Mercy", "admin", "active", 0),
        ("Max Mercy", "manager", "active", 3),
        ("Dr. Rosa House", "radiologist", "active", 1),
        ("Tess Owner", "technician", "active", 0),
        ("Vic Colleague", "viewer", "disabled", 40),
        ("Noor Haddad", "technician", "invited", -1),
    )
    change = (now - timedelta(days=12), "changed the role of this person from viewer to technician", "Ada Mercy")
    lines = [
        Line(
            user_id=UUID(int=number),
            name=name,
            email=f"{name.rsplit(maxsplit=1)[-1].lower()}@mercy.example",
            role=role,
            state=state,
            created_at=now - timedelta(days=200),
            last_sign_in=None if days < 0 else now - timedelta(days=days),
            factor="not set" if state == "invited" else "set",
            rights=[] if state == "disabled" else ["reports:report:read", "studies:study:list", "studies:study:read"],
            changes=[change] if role == "technician" else [],
        )
        for number, (name, role, state, days) in enumerate(people)
    ]
    done = AccessReview(
        organisation_id=HOUSE,
        id=UUID(int=9),
        quarter=str(quarter),
        people=6,
        content_sealed=b"",
        content_hash="",
        reviewer_id=PERSON,
        reviewer_name="Ada Mercy",
        note="Vic left in October.",
        reviewed_at=now - timedelta(days=2),
    )
    quarters = [(str(quarter), quarter.label), (str(quarter.before), quarter.before.label)]
    return {"lines": lines, "quarter": quarter, "quarters": quarters, "seen": "0" * 64, "confirmed": [done]}
