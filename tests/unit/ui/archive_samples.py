"""Sample contexts of the archive's pages."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sidecar.archive import rules
from sidecar.archive.model import Reason
from sidecar.assignment.rules import TAKE_BACK_REASONS


def contexts(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    """Page name → (template, context), around a moment."""

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    study = {
        "id": "s1", "patient_name": "Yamada^Tarou=山田^太郎", "patient_id": "4711", "modalities_in_study": ["CT"],
        "study_description": "CT Chest with contrast", "study_date": "20261120", "accession_number": "A-2026-1120",
        "series_count": 3, "instance_count": 412, "arrival": "complete", "reading_organisation_id": "g1", "status": "unread",
    }  # fmt: skip
    hold = {
        "reason": "Complaint 2026-17", "set_at": ago(3000), "set_by_name": "Max Mercy",
        "lifted_at": None, "lifted_by_name": "", "lift_reason": "",
    }  # fmt: skip
    lifted = hold | {"lifted_at": ago(200), "lifted_by_name": "Ada Mercy", "lift_reason": "Settled"}
    deletion = {
        "id": "d1", "state": "hidden", "shown": "hidden", "reason": "test-images", "images": 412,
        "explanation": "Phantom of the morning check",
        "asked_at": ago(90), "asked_by_name": "Tess Owner", "erase_at": ago(-60 * 24 * 6), "erased_at": None,
        "undone_at": None, "undone_by_name": "", "problem": "",
    }  # fmt: skip
    verbs = [
        {"href": f"/studies/s1/{name}", "label": name.capitalize(), "current": name == "send"} for name in ("download", "send")
    ]
    lists = [{"href": f"/archive/{name}", "label": name.capitalize(), "current": name == "jobs"} for name in ("jobs", "deleted")]
    one = {"study": study, "hold": None, "earlier": None, "reasons": rules.REASONS, "tabs": verbs}
    many = {"reasons": rules.REASONS, "tabs": lists}
    free = {"held": False, "kept_until": date(2036, 11, 20), "reported": False, "read_by": ""}
    series = [
        {"id": f"r{n}", "series_number": n, "series_description": f"Axial {n}", "modality": "CT", "instance_count": 90 * n}
        for n in (1, 2)
    ]
    node = {"id": "n1", "aet": "PACS_WEST", "description": "Archive of the west wing", "host": "10.1.2.3", "port": 104}

    def job(number: int, kind: str, state: str, **changes: Any) -> dict[str, Any]:
        known = {
            "id": f"j{number}", "kind": kind, "state": state, "series_id": None, "user_name": "Vic Colleague", "done": 0,
            "target": "PACS_WEST", "total": 412, "problem": "", "problem_detail": "", "created_at": ago(number * 3),
        }  # fmt: skip
        left = 95 if state == "running" else None
        return {"job": known | changes, "study": study, "seconds_left": left, "is_mine": number % 2 == 0}

    jobs = [
        job(0, "send", "running", done=148),
        job(1, "send", "waiting"),
        job(2, "send", "failed", done=12, problem="full", problem_detail="0xA700"),
        job(3, "download", "done", target="media"),
        job(4, "send", "cancelled") | {"study": None},
    ]
    running = {"jobs": jobs, "live": True, "colleagues": True, "problems": rules.PROBLEMS}
    confirm = {"reason": "test-images", "explanation": "Phantom"}
    why = {
        "standing": free,
        "possible": [*Reason][:3],
        "values": {"reason": "", "explanation": ""},
        "errors": {},
        "confirm": False,
    }
    lent = study | {"status": "reading", "assignee_name": "Dr. Nora Quist", "due_at": ago(-42)}
    chosen = {"reason": "too-long", "explanation": "The ward waits"}
    reading = {
        **one, "study": lent, "reader": "Nightwatch Teleradiology", "begun": "Dr. Nora Quist is reading it right now.",
        "following": "", "why": TAKE_BACK_REASONS, "values": {"reason": "", "explanation": ""}, "errors": {}, "confirm": False,
        "history": [], "again": "",
    }  # fmt: skip
    back = {
        "taken_at": ago(4000), "taken_by_id": "u1", "taken_by_name": "Max Mercy", "reason": "sent-in-error", "explanation": "",
        "undone_at": ago(3990), "undone_by_name": "Max Mercy",
    }  # fmt: skip
    taken = (back, "Nightwatch Teleradiology")
    open_still = (back | {"taken_by_id": None, "reason": "contract-ended", "undone_at": None}, "Nightwatch Teleradiology")
    gone = deletion | {"id": "d2", "state": "erased", "shown": "erased", "erased_at": ago(10)}
    called_back = deletion | {"id": "d3", "shown": "returning"}
    emptied = study | {"patient_name": ""}
    return {
        "archive-download": ("archive_download.html", one | {"series": series, "earlier": deletion}),
        "archive-send": ("archive_send.html", one | {"nodes": [node, node | {"id": "n2", "aet": "WS1", "description": ""}]}),
        "archive-send-nowhere": ("archive_send.html", one | {"nodes": []}),
        "archive-delete": ("archive_delete.html", one | why),
        "archive-delete-again": ("archive_delete.html", one | why | {"values": confirm, "confirm": True}),
        "archive-delete-never": (
            "archive_delete.html",
            one | why | {"possible": [], "hold": hold, "standing": free | {"held": True}},
        ),
        "archive-hold": ("archive_hold.html", one | {"holds": [lifted], "standing": free, "errors": {}}),
        "archive-held": (
            "archive_hold.html",
            one | {"hold": hold, "holds": [hold], "standing": free, "errors": {"reason": "Fill this in."}},
        ),
        "archive-take-back": ("archive_take_back.html", reading | {"begun": "", "history": [taken]}),
        "archive-take-back-again": ("archive_take_back.html", reading | {"confirm": True, "values": chosen}),
        "archive-taken-back": (
            "archive_take_back.html",
            reading
            | {
                "study": study | {"status": "unread"},
                "reader": "",
                "begun": "",
                "again": "Nightwatch Teleradiology",
                "history": [open_still, taken],
            },
        ),
        "archive-jobs": ("archive_jobs.html", many | running),
        "archive-jobs-empty": ("archive_jobs.html", many | running | {"jobs": [], "live": False}),
        "archive-deleted": (
            "archive_deleted.html",
            many
            | {
                "deletions": [{"deletion": each, "study": study} for each in (deletion, called_back)]
                + [{"deletion": gone, "study": emptied}]
            },
        ),
        "archive-retention": (
            "archive_retention.html",
            many | {"years": 10, "errors": {}, "total": 2140, "studies": [study, study | {"id": "s2"}]},
        ),
    }
