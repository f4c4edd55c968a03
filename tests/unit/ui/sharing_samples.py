"""Sample contexts of sharing: who sees a study, links and their holders, broken glass, who opened an earlier version of a report."""

# ruff: noqa: E501 - sample rows are tables
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sidecar.sharing.readings import Reader, Told

HOUSE, OWLS = UUID(int=31), UUID(int=32)
STUDY = {
    "id": "s1", "patient_name": "Yamada^Tarou=山田^太郎", "patient_id": "4711", "patient_birth_date": "19580704", "patient_sex": "M",
    "modalities_in_study": ["CT", "SR"], "study_description": "CT Chest with contrast, early and late phase, thin slices",
    "study_date": "20261120", "accession_number": "A-2026-1120", "series_count": 3, "instance_count": 412,
}  # fmt: skip


def contexts(now: datetime, printed: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """``printed``: the context of a report on screen."""
    door = {"token": "", "needs_code": False, "error": ""}
    wrong = {"token": "x" * 43, "needs_code": True, "error": "This code is not right. Ask whoever sent you the link."}
    return {
        "study-access": ("study_access.html", _access(now)),
        "study-access-made": ("study_access.html", _access(now) | {"secrets": {"link": "https://rr.example/shared#" + "x" * 43, "code": "K7QF2M9X"}, "errors": {}}),
        "shared-door": ("shared_door.html", door),
        "shared-door-code": ("shared_door.html", wrong),
        "shared-study": ("shared_study.html", _shared(now) | printed),
        "shared-study-unsigned": ("shared_study.html", _shared(now) | {"content": None, "content_hash": "", "watermark": ""}),
        "glass": ("glass.html", _glass(errors={"reason": "Say why, in at least 10 letters."})),
        "glass-open": ("glass.html", _glass(broken={"ends_at": now + timedelta(minutes=41)}, in_use=True)),
        "glass-elsewhere": ("glass.html", _glass(broken={"ends_at": now + timedelta(minutes=41)})),
        "glass-platform": ("glass.html", _glass(hospitals=[("o1", "Mercy Hospital"), ("o2", "St Luke's")])),
    }  # fmt: skip


def _access(now: datetime) -> dict[str, Any]:
    def link(number: int, **changes: Any) -> dict[str, Any]:
        return {
            "id": f"l{number}", "what": "report", "code_hash": "x", "created_at": now - timedelta(hours=number), "views": number,
            "created_by_name": "Max Mercy", "expires_at": now + timedelta(days=7 - number), "most_views": 5, **changes,
        }  # fmt: skip

    share = {"shared_at": now - timedelta(hours=5), "shared_by_name": "Max Mercy"}
    return {
        "study": STUDY | {"reading_ends_at": now + timedelta(hours=61)}, "hold": None, "earlier": None, "reasons": {},
        "tabs": [{"href": "/studies/s1/access", "label": "Access", "current": True}, {"href": "/studies/s1/download", "label": "Download", "current": False}],
        "reader": "Nightwatch Teleradiology",
        "shared": [(share, {"id": "u1", "name": "Vic Colleague"}), (share, {"id": "u2", "name": "Dr. Wilhelmina Papadopoulos-Featherstonehaugh"})],
        "viewers": [("u3", "Grace Mwangi")],
        "links": [
            (link(1), "Dr. Kim, Lakeside practice, kim@lakeside.example", "open"),
            (link(2, what="study", code_hash=None), "Surgery", "revoked"),
            (link(3), "Dr. Lee", "locked"),
            (link(5), "Dr. Ngozi", "used up"),
        ],
        "values": {"recipient": "", "what": "report", "days": 70, "most_views": 5, "with_code": "y"},
        "errors": {"days": "Write 1 to 30."},
        "secrets": None,
    }  # fmt: skip


def _shared(now: datetime) -> dict[str, Any]:
    stacks = [
        {"series": {"id": f"r{n}", "modality": "CT", "series_description": f"Axial {n} mm"}, "pictures": 90 * n}
        for n in (1, 2, 3)
    ]
    return {
        "link": {"expires_at": now + timedelta(days=6)},
        "recipient": "Dr. Kim, Lakeside practice, kim@lakeside.example",
        "study": STUDY,
        "stacks": stacks,
    }


def _glass(**changes: Any) -> dict[str, Any]:
    values = {"patient": "4711", "reason": "", "minutes": 60, "organisation_id": ""}
    return {"broken": None, "in_use": False, "hospitals": None, "values": values, "errors": {}, **changes}


def fragments(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    def reader(number: int, name: str, house: UUID | None, *, seen: bool = False) -> Reader:
        read = now - timedelta(minutes=50 * number)
        return Reader(UUID(int=number), house, name, 1, read, now - timedelta(minutes=3) if seen else None)

    readers = [
        reader(1, "Tess Technician", HOUSE, seen=True),
        reader(2, "Dr. Rosa House", HOUSE),
        reader(3, "Dr. Sam Second", OWLS),
        reader(4, "Dr. Kim, Lakeside practice, kim@lakeside.example", None),
        reader(5, "Dr. Wilhelmina Papadopoulos-Featherstonehaugh, surgery", None),
        reader(6, "Gil Gone", HOUSE),
    ]
    told = Told(now - timedelta(minutes=12), frozenset(UUID(int=number) for number in (2, 3, 4)))
    shown = {"readers": readers, "newest": 2, "told": told, "houses": {OWLS: "Nightwatch Teleradiology"}}
    return {"/reports/7a6e1c52-8f0e-4a5b-9d2a-0c3f1f6f2b11/readers": ("_report_readers.html", shown)}
