"""Sample contexts for every template: plausible, in several scripts, with the awkward cases. Used by unit tests and the gallery."""

# ruff: noqa: E501 - sample rows are tables
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader

from sidecar.kernel.errors import Missing
from sidecar.reports import addendum_desk
from sidecar.reports.model import ADDENDUM_MEANING_WORDS, PURPOSE_WORDS
from sidecar.ui import jinja
from tests.unit.ui import (
    account_samples,
    admin_samples,
    alert_samples,
    api_samples,
    archive_samples,
    door_samples,
    error_samples,
    export_samples,
    order_samples,
    sharing_samples,
)

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
        "session": {"idle_at": ahead(60 * 24 * 365), "ends_at": ahead(60 * 24 * 365), "user": UUID(int=7)},
        "user": {"name": "Dr. Amara Okafor", "organisation": "Nightwatch Teleradiology"},
        "nav": nav,
        "glass_until": None,
        "live": False,
        "fresh": False,
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
        "reading_organisation_id": "g1",
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


CONTENT = {
    "format": 1,
    "report": {"id": "7a6e1c52-8f0e-4a5b-9d2a-0c3f1f6f2b11", "version": 1},
    "organisation": {"id": "1", "name": MERCY},
    "reading_organisation": {"id": "2", "name": "Nightwatch Teleradiology", "letterhead": "Lange Reihe 12, 20099 Hamburg\n+49 40 5550 1200", "zone": "Europe/Berlin"},
    "patient": {"PatientName": "Okonkwo^Adaeze", "PatientID": "P1000", "PatientBirthDate": "19580704", "PatientSex": "F"},
    "study": {
        "id": "0", "StudyInstanceUID": "1.2.3", "AccessionNumber": "ACC-26-4400", "StudyDate": "20261121", "StudyTime": "194412.5",
        "StudyDescription": "CT Head stroke protocol", "ModalitiesInStudy": ["CT"], "ReferringPhysicianName": "Haddad^Nour",
        "NumberOfStudyRelatedSeries": 4, "NumberOfStudyRelatedInstances": 318,
    },
    "sections": {
        "technique": "Non-contrast CT of the head, CT angiography from the arch to the vertex, perfusion.",
        "comparison": "CT head of 14 March 2024.",
        "findings": "No haemorrhage. Hyperdense left middle cerebral artery, M1 segment.\nEarly loss of the insular ribbon on the left, ASPECTS 8.\n\nOcclusion of the left M1 segment over 12.3 mm (series 3, image 41). Collaterals good.",
        "impression": "1. Acute occlusion of the left M1 segment.\n2. ASPECTS 8, mismatch ratio 3.1.\nDr. Haddad informed by telephone at 21:01.",
        "recommendation": "Thrombectomy should be considered.",
    },
}  # fmt: skip
SIGNED_CONTENT = {
    **CONTENT,
    "signature": {
        "signer_id": "3",
        "signer_name": "Dr. Amara Okafor",
        "signed_at": "2026-11-21T20:03:41.120+00:00",
        "meaning": "author",
    },
}
PRINTED = {
    "content": SIGNED_CONTENT,
    "content_hash": "9f2c4a7be1d03c5566f0a0f4c19f8e1d7b3c2a9081726354a5b6c7d8e9f00112",
    "watermark": "",
}
CHECKS = [
    {"name": "images", "passed": True, "text": "All 318 images are here"},
    {"name": "impression", "passed": True, "text": "Impression is written"},
    {"name": "draft", "passed": True, "text": "Not signed yet"},
]
VERSIONS = [
    {
        "number": 1,
        "signed_at": ago(1),
        "signer_name": "Dr. Amara Okafor",
        "meaning": "Author of this final report",
        "href": "/reports/1?version=1",
        "pdf": "/reports/1/report.pdf?version=1",
    }
]
READING = {
    "study": ROWS[0]["study"],
    "site": MERCY,
    "request": {"question": "Acute right hemiparesis and aphasia since 18:50. Vessel occlusion? Bleeding?", "history": "Atrial fibrillation, apixaban."},
    "order": order_samples.BESIDE,
    "viewer_url": "/ohif/viewer?StudyInstanceUIDs=1.2.3&ctx=c1",
    "explorer_url": "/explorer/c1",
    "priors": [
        {"id": "8", "study_instance_uid": "1.2.8", "when": "2024-03-14", "modality": "CT", "description": "CT Head without contrast", "site": MERCY, "report_href": "/reports/8"},
        {"id": "9", "study_instance_uid": "1.2.9", "when": "2022-11-02", "modality": "MR", "description": "MRI Brain", "site": HARBOUR, "report_href": ""},
    ],
    "report": {
        "id": "r1", "revision": 7, "status": "draft", "saved_at": ago(0.2),
        "sections": [{"key": key, "label": key.capitalize(), "text": text, "rows": {"findings": 9, "impression": 5}.get(key, 2)} for key, text in CONTENT["sections"].items()],
    },
    "addendum": addendum_desk.NONE,
    "editable": True,
    "hindrance": "",
    "locked_by": "",
    "grown": 0,
    "may_sign": True,
    "reader": {"name": "Dr. Amara Okafor"},
    "meanings": [("author", "Author of this final report"), ("reviewer", "Reviewer of this final report")],
    "versions": [],
    "signed": None,
    "text_macros": [{"key": ".nl", "section": "findings", "text": "Lungs are clear. No pleural effusion or pneumothorax."}],
    "back": "/worklist",
}  # fmt: skip
READ_ONLY = READING | {
    "editable": False,
    "versions": VERSIONS,
    "signed": PRINTED,
    "grown": 12,
    "study": ROWS[0]["study"] | {"status": "final"},
    "report": READING["report"] | {"status": "final"},
}
SIGNATURE = {**SIGNED_CONTENT["signature"], "signed_at": "2026-11-21T21:40:12.000+00:00"}  # type: ignore[dict-item]
APPENDED_CONTENT = SIGNED_CONTENT | {
    "format": 3,
    "report": {**CONTENT["report"], "version": 3},  # type: ignore[dict-item]
    "original_signature": SIGNED_CONTENT["signature"],
    "signature": SIGNATURE,
    "addenda": [
        {
            "id": "a",
            "purpose": "addendum",
            "text": "Thrombectomy at 21:20, TICI 3. No bleeding on the control CT.",
            "signature": SIGNATURE,
        },
        {
            "id": "b",
            "purpose": "correction",
            "text": "The occlusion is of the right M1 segment, not the left.\n\nDr. Haddad informed by telephone at 21:38.",
            "signature": SIGNATURE,
        },
    ],
}
APPENDED = PRINTED | {"content": APPENDED_CONTENT}
OFFERED = addendum_desk.NONE | {
    "report_id": "r1",
    "offered": True,
    "purposes": [(each.value, words) for each, words in PURPOSE_WORDS.items()],
    "meanings": [(each.value, words) for each, words in ADDENDUM_MEANING_WORDS.items()],
}
ADDENDUM_DRAFT = SimpleNamespace(
    id="a1", purpose="correction", text="The occlusion is of the right M1 segment, not the left.", revision=2, updated_at=ago(0.1)
)
LOCKED = READING | {"editable": False, "locked_by": "Dr. Ines Lindqvist", "hindrance": "Dr. Ines Lindqvist reads this study."}


def hospital_row(number: int, stage: int, **changes: Any) -> dict[str, Any]:
    done = stage == 4
    return {
        "study": ROWS[number]["study"] | {"arrived_at": ago(6 + 31 * number), "signed_at": ago(3 + number) if done else None},
        "stage": stage,
        "expected_at": None if done else ahead(14 + 40 * number),
        "reader": "" if stage < 2 else "Dr. Amara Okafor",
        "site": "",
        "report_href": "/reports/1" if done else "",
        "pdf_href": "/reports/1/report.pdf" if done else "",
        "images_href": f"/reading/{number}",
        "addenda": 1 if number == 7 else 0,
        "late_images": 4 if number == 8 else 0,
        "held": number == 3,
        "waits": number == 4,
        "sort": f"{99 - number:04d}",
        "gone": False,
        **changes,
    }


HOSPITAL = {
    "heading": "Your studies",
    "rows": [hospital_row(n, stage) for n, stage in enumerate([2, 0, 3, 1, 1, 2, 4, 1, 4, 4])],
    "cursor": "12",
    "shown": 10,
    "total": 10,
    "more": False,
    "counts": [
        {"label": label, "count": count, "href": "/hospital", "current": label == "All"}
        for label, count in [("All", 10), ("Arriving", 1), ("Waiting", 3), ("No reader", 1), ("Being read", 3), ("Reported", 3)]
    ],
    "filters": {"state": "", "modality": "", "q": ""},
    "modalities": [("", "All modalities"), ("CT", "CT")],
    "unknown_senders": [
        {
            "text": "Unknown AE title CT7 from 10.1.2.3, 14 attempts",
            "advice": "Its images are refused until it is registered.",
            "last_at": ago(2),
            "register_href": "/admin/ae-titles",
        }
    ],
    "senders": [
        {
            "aet": "MERCY_CT1",
            "description": "CT, emergency department",
            "last_image_at": ago(3),
            "images_today": 4212,
            "silent": False,
        },
        {"aet": "MERCY_MR", "description": "MR 3T", "last_image_at": ago(60 * 31), "images_today": 0, "silent": True},
    ],
    "sheet_href": "/admin/connection",
}
PREVIEW = {
    "study": ROWS[2]["study"], "site": MERCY, "href": "/reading/2", "thumbs": [],
    "priors": [{"when": "2024-03-14", "modality": "CT", "description": "CT Abdomen", "report": True}],
    "events": [{"at": ago(12), "text": "Claimed"}, {"at": ago(30), "text": "First image arrived"}],
    "why": "Your organisation reads it under contract.",
}  # fmt: skip
ASSIGN = {
    "study": ROWS[2]["study"],
    "assignee_id": "1",
    "readers": [
        {"id": "1", "name": "Dr. Amara Okafor", "open_count": 7, "may": True, "why": ""},
        {"id": "2", "name": "Dr. Ines Lindqvist", "open_count": 12, "may": True, "why": ""},
        {"id": "3", "name": "Dr. Jun Park", "open_count": 0, "may": False, "why": "CT privilege missing"},
    ],
}
ENROL = {
    "user_name": "Noor", "email": "noor@mercy.example", "has_password": False, "secret": "JBSWY3DPEHPK3PXP", "uri": "otpauth://totp/x", "error": "",
    "qr": '<svg xmlns="http://www.w3.org/2000/svg" class="qr" viewBox="0 0 9 9"><path d="M1 1h3v3h-3z"/></svg>',
}  # fmt: skip


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "worklist": ("worklist.html", WORKLIST),
    "worklist-empty": ("worklist.html", WORKLIST | {"rows": [], "shown": 0, "total": 0}),
    "reading": ("reading.html", READING),
    "reading-signed": ("reading.html", READ_ONLY),
    "reading-addendum": (
        "reading.html",
        READ_ONLY | {"grown": 0, "signed": APPENDED, "addendum": OFFERED | {"mine": ADDENDUM_DRAFT}},
    ),
    "reading-addendum-offered": ("reading.html", READ_ONLY | {"grown": 0, "addendum": OFFERED}),
    "reading-addendum-left": ("reading.html", READ_ONLY | {"grown": 0, "addendum": OFFERED | {"writer": "Dr. Ines Lindqvist"}}),
    "report-kept": (
        "report_kept.html",
        {"report": {"sections": CONTENT["sections"], "updated_at": ago(12)}, "sections": list(CONTENT["sections"])},
    ),
    "report-appended": (
        "report_print.html",
        {
            **APPENDED,
            "pdf": "/reports/1/report.pdf",
            "back": {"href": "/worklist", "label": "Worklist"},
            "versions": [
                {**VERSIONS[0], "number": 2, "meaning": "Author of this addendum", "current": True},
                {**VERSIONS[0], "current": False},
            ],
            "grown": 0,
            "addendum": OFFERED,
            "readers": True,
        },
    ),
    "reading-other-order": (
        "reading.html",
        READING | {"order": order_samples.OTHER_PATIENT, "request": {"question": "", "history": ""}},
    ),
    "reading-locked": ("reading.html", LOCKED),
    "report": (
        "report_print.html",
        {
            **PRINTED,
            "pdf": "/reports/1/report.pdf",
            "back": {"href": "/hospital", "label": "Studies"},
            "versions": [{**VERSIONS[0], "current": True}],
            "grown": 0,
            "addendum": addendum_desk.NONE,
            "readers": False,
        },
    ),
    "images": ("images.html", {"study": READING["study"], "viewer_url": READING["viewer_url"]}),
    "hospital": ("hospital_studies.html", HOSPITAL),
    "hospital-empty": ("hospital_studies.html", HOSPITAL | {"rows": [], "unknown_senders": [], "senders": []}),
    "login": (
        "login.html",
        {"email": "amara@nightwatch.example", "error": "E-mail address or password is not right.", "next_page": "/worklist"}
        | {"request": SimpleNamespace(cookies={"sso": "mercy"})},
    ),
    "login-fresh": ("login.html", {"email": "", "error": "", "next_page": "/", "request": SimpleNamespace(cookies={})}),
    "second-factor": ("second_factor.html", {"error": "", "passkeys": True}),
    "enrol": ("enrol.html", ENROL),
    "gallery": ("gallery.html", {"samples": {"overdue": ago(12), "soon": ahead(12), "later": ahead(95)}}),
}
PAGES |= error_samples.contexts()
PAGES |= door_samples.contexts(NOW)
PAGES |= export_samples.contexts(NOW)
PAGES |= sharing_samples.contexts(NOW, PRINTED)
PAGES |= admin_samples.contexts(NOW)
PAGES |= account_samples.contexts(NOW)
PAGES |= order_samples.contexts()
PAGES |= archive_samples.contexts(NOW)
PAGES |= api_samples.contexts(NOW)
PAGES |= alert_samples.contexts(NOW)

FRAGMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "/worklist/changes": ("_worklist_rows.html", {"rows": []}),
    "/worklist/views": ("_views.html", {"views": VIEWS}),
    "/worklist/00000000-0000-4000-8000-000000000002/preview": ("_preview.html", PREVIEW),
    "/worklist/00000000-0000-4000-8000-000000000002/assign": ("_assign.html", ASSIGN),
    f"/reading/{READING['study']['id']}/review": (
        "_review.html",
        {
            "content": CONTENT,
            "content_hash": "",
            "watermark": "NOT SIGNED",
            "checks": CHECKS,
            "needs_both": True,
            "has_passkey": True,
        },
    ),
    "/hospital/counts": ("_hospital_counts.html", {"counts": HOSPITAL["counts"]}),
    "/hospital/changes": ("_hospital_rows.html", {"rows": []}),
    "/notifications/bell": ("_bell.html", {"unread": 2}),
    "/problem": ("error.html", {"problem": Missing(), "ways": [], "fragment": True}),
}
FRAGMENTS |= sharing_samples.fragments(NOW)


def fragment(path: str) -> str:
    template, context = FRAGMENTS[path]
    return environment().get_template(template).render({"page": page(), **context})


OUTSIDE = (
    "login",
    "second-factor",
    "enrol",
    "register",
    "forgot",
    "reset",
    "verify",
    "guest-done",
    "shared-",
    "error-401",
    "error-link",
)
"""Pages of those who are not signed in begin so."""


@cache
def environment() -> Environment:
    env = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    jinja.install(env)
    env.globals["get_flashed_messages"] = lambda **_: []
    env.globals["may"] = lambda _permission: True
    return env


def render(name: str, theme: str = "dark") -> str:
    template, context = PAGES[name]
    nav_word = {"worklist": "Worklist", "reading": "Worklist", "hospital": "Studies", "admin": "Admin"}.get(
        name.split("-", maxsplit=1)[0], ""
    )
    base = page(theme=theme, live=name.startswith(("worklist", "hospital")))
    if name.startswith(OUTSIDE):
        base["user"] = base["session"] = None
        base["nav"] = []
        base["fresh"] = name == "login-fresh"
    for item in base["nav"]:
        item["current"] = item["label"] == nav_word
    return environment().get_template(template).render({"page": base, **context})
