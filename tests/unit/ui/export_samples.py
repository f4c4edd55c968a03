"""Sample contexts of anonymised exports."""

# ruff: noqa: E501 - sample rows are tables
from datetime import datetime, timedelta
from typing import Any

from sidecar.deidentification import words
from sidecar.deidentification.model import Option
from tests.unit.ui.sharing_samples import STUDY

SERIES = {"id": "r1", "modality": "US", "series_description": "Abdomen"}


def contexts(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    known = {
        "states": words.STATES, "risks": words.RISKS, "problems": words.PROBLEMS, "may_review": True,
        "labels": {option: label for option, label, _text in words.OPTIONS},
    }  # fmt: skip
    form = {
        "studies": [STUDY, STUDY | {"id": "s2", "patient_name": "Okonkwo^Adaeze"}], "chosen": ["s1"], "q": "", "projects": ["Lung"], "options": words.OPTIONS,
        "values": {"project": "", "option": [Option.PATIENT], "reason": "", "heads": "y"}, "errors": {"project": "Fill this in."},
    }  # fmt: skip
    states = ("waiting", "working", "held", "ready", "failed", "expired", "cancelled")
    views = [_view(now, number, state) for number, state in enumerate(states)]
    held = [_held(now, number) for number in range(5)]
    review = {
        "view": views[2], "current": None, "frame": 1, "following": {"before": "", "after": ""}, "shut": set(),
        "groups": [{"study": STUDY, "series": SERIES, "risks": ["ultrasound"], "images": held}],
        "source": lambda _held, _frame, _size: "/static/favicon.svg",
    }  # fmt: skip
    return {
        "exports": ("exports.html", known | {"exports": views}),
        "exports-none": ("exports.html", known | {"exports": []}),
        "export-held": ("export.html", known | {"view": views[2]}),
        "export-ready": ("export.html", known | {"view": views[3]}),
        "export-form": ("export_form.html", form),
        "export-review": ("export_review.html", known | review),
        "export-review-one": (
            "export_review.html",
            known | review | {"current": held[1], "following": {"before": "i0", "after": "i2"}},
        ),
    }


def _view(now: datetime, number: int, state: str) -> dict[str, Any]:
    export = {
        "id": f"e{number}", "state": state, "problem": {"failed": "too-often"}.get(state, ""), "size_bytes": 734_003_200, "done": 180, "left_out": 3,
        "total": 412, "options": [Option.PATIENT, Option.MODIFIED_DATES], "hold_heads": True, "user_name": "Max Mercy", "expires_at": now + timedelta(days=6),
        "reason": "Second reading of the screening of 2026, agreed with the ethics committee", "created_at": now - timedelta(hours=3 * number + 1),
    }  # fmt: skip
    return {"export": export, "project": f"Lung nodules {number}", "studies": 12, "held": 5, "open": 2, "mine": number != 0}


def _held(now: datetime, number: int) -> dict[str, Any]:
    decision = ("release", "", "mask", "drop", "")[number]
    held = {
        "orthanc_id": f"i{number}", "risks": ["ultrasound", "burned-in"], "decision": decision, "masks": [(10, 10, 60, 20)],
        "decided_by_name": "Max Mercy", "decided_at": now - timedelta(minutes=5),
    }  # fmt: skip
    return {"held": held, "instance": {"rows": 480, "columns": 640, "number_of_frames": 40}, "series": SERIES, "study": STUDY}
