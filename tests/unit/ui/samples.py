"""Sample contexts for every template: plausible, in several scripts, with the awkward cases. Used by unit tests and the gallery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Environment, FileSystemLoader

from sidecar.ui import jinja

TEMPLATES = jinja.STATIC.parent / "templates"
NOW = datetime(2026, 11, 21, 20, 4, 7, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def ahead(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def page(**changes: Any) -> dict[str, Any]:
    nav = [
        {"href": "/worklist", "label": "Worklist", "key": "w", "current": False},
        {"href": "/studies", "label": "Studies", "key": "s", "current": False},
        {"href": "/admin/users", "label": "Admin", "key": "a", "current": False},
    ]
    return {
        "now": NOW,
        "zone": "Europe/Berlin",
        "theme": "dark",
        "csrf_token": "sample-token",
        "session_expires_at": ahead(60 * 24 * 365),
        "user": {"name": "Dr. Amara Okafor", "organisation": "Nightwatch Teleradiology"},
        "nav": nav,
        "live": False,
        **changes,
    }


def study(number: int, **values: Any) -> dict[str, Any]:
    """A study with the names of `sidecar.studies.tables.Study`."""
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "patient_id": f"P{1000 + number}",
        "patient_name": "Doe^Jane",
        "patient_birth_date": "19700131",
        "patient_sex": "F",
        "accession_number": f"ACC-26-{4400 + number}",
        "study_date": "20261121",
        "study_time": "200112",
        "study_description": "CT Thorax mit KM",
        "referring_physician_name": "Haddad^Nour",
        "modalities_in_study": ["CT"],
        "series_count": 4,
        "instance_count": 412,
        "arrival": "complete",
        "arrived_at": ago(30),
        "last_image_at": ago(28),
        "priority": "routine",
        "due_at": ahead(200),
        "status": "unread",
        "assignee_id": None,
        "assignee_name": "",
        "signed_at": None,
        **values,
    }


def row(number: int, site: str, values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "study": study(number, **values),
        "site": site,
        "priors": 0,
        "mine": False,
        "locked_by": "",
        "sort": f"{number:04d}",
        "gone": False,
        "href": f"/reading/{number}",
        "may": {"claim", "assign", "open"},
        "why": "",
        **changes,
    }


MERCY, HARBOUR = "Mercy Hospital", "Harbour Imaging Centre"
_CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (MERCY, {"patient_name": "Okonkwo^Adaeze", "patient_birth_date": "19580704", "study_description": "CT Head stroke protocol", "priority": "stat", "due_at": ago(4), "instance_count": 318}, {"priors": 3}),
    (HARBOUR, {"patient_name": "Yamada^Tarou=山田^太郎=やまだ^たろう", "patient_birth_date": "19640312", "patient_sex": "M", "study_description": "CT Angiography thorax, pulmonary embolism", "priority": "stat", "due_at": ahead(11), "arrival": "arriving", "instance_count": 128}, {}),
    (MERCY, {"patient_name": "Müller-Lüdenscheidt^Hans Georg", "patient_birth_date": "19391108", "patient_sex": "M", "study_description": "CT Abdomen and pelvis with contrast", "priority": "urgent", "due_at": ahead(24), "assignee_name": "Dr. Amara Okafor", "status": "assigned", "instance_count": 1042}, {"mine": True, "priors": 11}),
    (HARBOUR, {"patient_name": "Ζωγράφου^Ελένη", "patient_birth_date": "20250811", "study_description": "Chest PA", "modalities_in_study": ["CR"], "priority": "urgent", "due_at": ahead(41), "instance_count": 2}, {"locked_by": "Dr. Ines Lindqvist", "may": {"assign"}, "why": "Dr. Lindqvist has it open."}),
    (MERCY, {"patient_name": "Иванова^Мария^Петровна", "patient_birth_date": "19820219", "study_description": "MRI Brain without and with gadolinium, epilepsy protocol", "modalities_in_study": ["MR"], "due_at": ahead(96), "instance_count": 864}, {"priors": 2}),
    (HARBOUR, {"patient_name": "محمد^أحمد", "patient_birth_date": "19910922", "patient_sex": "M", "study_description": "US Abdomen complete", "modalities_in_study": ["US"], "due_at": ahead(130), "instance_count": 46, "assignee_name": "Dr. Ines Lindqvist", "status": "reading"}, {}),
    (MERCY, {"patient_name": "Nguyễn^Thị Minh Khai", "patient_birth_date": "", "study_description": "", "modalities_in_study": ["CT"], "due_at": ahead(150), "instance_count": 77, "status": "preliminary", "assignee_name": "Dr. Amara Okafor"}, {"mine": True}),
    (MERCY, {"patient_name": "", "patient_birth_date": "19770101", "patient_sex": "O", "study_description": "Trauma whole body", "modalities_in_study": ["CT", "SR"], "due_at": None, "instance_count": 2210}, {}),
    (HARBOUR, {"patient_name": "Fernández Ocampo^María del Rosario", "patient_birth_date": "19680525", "study_description": "Knee left, three views", "modalities_in_study": ["DX"], "due_at": ahead(310), "instance_count": 3, "status": "final", "signed_at": ago(16), "assignee_name": "Dr. Ines Lindqvist"}, {"priors": 1, "may": {"open"}}),
]  # fmt: skip
_MORE = [
    ("Kowalczyk^Agnieszka", "MR", "MRI Lumbar spine"), ("Singh^Harpreet", "CT", "CT Sinuses"), ("Tanaka^Yui=田中^結衣", "MG", "Mammography screening bilateral"),
    ("O'Brien^Siobhán", "CR", "Hand right"), ("Dubois^Étienne", "CT", "CT Chest low dose"), ("Rossi^Giulia", "US", "US Thyroid"),
    ("Haile^Selam", "MR", "MRI Knee right"), ("Novák^Jiří", "CT", "CT Urography"), ("Pérez^Lucía", "XA", "Coronary angiography"),
    ("Larsen^Bjørn", "CT", "CT Cervical spine"), ("Chen^Wei=陳^偉", "PT", "PET/CT whole body FDG"), ("Abebe^Dawit", "CR", "Chest AP portable"),
    ("Silva^Beatriz", "MR", "MRCP"), ("Öztürk^Deniz", "CT", "CT Abdomen"), ("Fischer^Lena", "US", "US Renal"), ("Popescu^Ion", "CT", "CT Head"),
]  # fmt: skip
ROWS = [row(number, site, values, **changes) for number, (site, values, changes) in enumerate(_CASES)] + [
    row(20 + n, (MERCY, HARBOUR)[n % 2], {"patient_name": name, "modalities_in_study": [modality], "study_description": text, "due_at": ahead(180 + 37 * n), "instance_count": 20 + 61 * n % 900})
    for n, (name, modality, text) in enumerate(_MORE)
]  # fmt: skip

VIEWS = [
    {"key": key, "label": label, "href": f"/worklist?view={key}", "count": count, "current": key == "open", "icon": icon, "tone": tone}
    for key, label, count, icon, tone in [
        ("open", "All open", 24, "inbox", ""), ("mine", "Mine", 2, "user", ""), ("unassigned", "Unassigned", 19, "ring", ""),
        ("stat", "STAT", 2, "urgency-1", "bad"), ("due", "Due in 30 min", 3, "clock", "warn"), ("hold", "On hold", 0, "pause", ""),
        ("signed", "Signed today", 31, "check", ""),
    ]
]  # fmt: skip

FILTERS = {"view": "open", "modality": "", "site": "", "sort": "due", "direction": "asc", "q": ""}
WORKLIST = {
    "views": VIEWS,
    "filters": FILTERS,
    "modalities": [("", "All modalities"), ("CT", "CT"), ("MR", "MR")],
    "sites": [("", "All sites"), ("1", MERCY), ("2", HARBOUR)],
    "rows": ROWS,
    "cursor": "41",
    "shown": len(ROWS),
    "total": len(ROWS),
    "more": False,
    "preview_open": False,
}


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "worklist": ("worklist.html", WORKLIST),
    "worklist-empty": ("worklist.html", WORKLIST | {"rows": [], "shown": 0, "total": 0}),
    "gallery": ("gallery.html", {"samples": {"overdue": ago(12), "soon": ahead(12), "later": ahead(95)}}),
}


FRAGMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "/worklist/changes": ("_worklist_rows.html", {"rows": []}),
    "/worklist/views": ("_views.html", {"views": VIEWS}),
}


def fragment(path: str) -> str:
    template, context = FRAGMENTS[path]
    return environment().get_template(template).render({"page": page(), **context})


def environment() -> Environment:
    env = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    jinja.install(env)
    return env


def render(name: str, theme: str = "dark") -> str:
    template, context = PAGES[name]
    nav_word = {"worklist": "Worklist", "reading": "Worklist", "hospital": "Studies", "admin": "Admin"}.get(name.split("-")[0], "")
    base = page(theme=theme, live=name.startswith(("worklist", "hospital")))
    for item in base["nav"]:
        item["current"] = item["label"] == nav_word
    return environment().get_template(template).render({"page": base, **context})
