"""Sample contexts of the order pages, and an order beside a study."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from sidecar.orders.model import MODALITIES, STATUS_WORDS

DAY = date(2026, 11, 21)
CHOICES = [(code, code) for code in MODALITIES]
BESIDE: dict[str, Any] = {
    "contradicts": False,
    "cancelled": False,
    "differences": [],
    "accession_number": "261121-K7Q2MD",
    "question": "Acute right hemiparesis and aphasia since 18:50. Vessel occlusion? Bleeding?",
    "procedure": "CT head with angiography",
    "referring": "Lindqvist^Ines^^Dr.",
    "scheduled": "2026-11-21 20:15",
    "href": "/orders/1",
}
OTHER_PATIENT = BESIDE | {
    "contradicts": True,
    "question": "",
    "procedure": "",
    "referring": "",
    "differences": [
        {"label": "Patient ID", "ordered": "PAT-1177", "arrived": "PAT-0032"},
        {"label": "Patient name", "ordered": "Ferreira^Maria", "arrived": "Okafor^Chidi"},
    ],
}


def order(number: int, status: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "patient_id": f"PAT-{number:04}",
        "patient_name": "Okafor^Chidi",
        "patient_birth_date": "19620417",
        "patient_sex": "M",
        "accession_number": f"261121-K7Q2M{number}",
        "requested_procedure_id": f"261121-K7Q2M{number}",
        "requested_procedure_description": "CT chest with contrast",
        "reason_for_requested_procedure": "Pulmonary embolism?",
        "referring_physician_name": "House^Greg",
        "modality": "CT",
        "scheduled_station_ae_title": "MERCY_CT1",
        "scheduled_procedure_step_start_date": DAY,
        "scheduled_procedure_step_start_time": time(8 + number, 30),
        "status": status,
        **changes,
    }


def contexts() -> dict[str, tuple[str, dict[str, Any]]]:
    """Page name → (template, context)."""
    rows = [
        order(1, "completed"),
        order(2, "arrived", patient_name="Ferreira^Maria", patient_sex="F", modality="MR", scheduled_station_ae_title="MERCY_MR"),
        order(3, "scheduled", patient_name="山田^太郎", requested_procedure_description="CT abdomen and pelvis, portal phase"),
        order(4, "cancelled", patient_name="محمد^أحمد"),
    ]
    listed = {
        "orders": [{"order": row, "status": row["status"], "studies": [7][: row["status"] == "completed"]} for row in rows],
        "filters": {"day": DAY.isoformat(), "modality": "", "status": ""},
        "modalities": [("", "All modalities"), *CHOICES],
        "statuses": [("", "Every status"), *((each.value, word) for each, word in STATUS_WORDS.items())],
        "today": DAY.isoformat(),
        "full": False,
    }
    filled = {
        **{name: value for name, value in rows[0].items() if isinstance(value, str)},
        "patient_birth_date": "1962-04-17",
        "scheduled_procedure_step_start_date": DAY.isoformat(),
        "scheduled_procedure_step_start_time": "09:30",
    }
    form = {
        "order": None,
        "studies": [],
        "values": filled,
        "errors": {},
        "modalities": CHOICES,
        "sexes": [("", "Not known"), ("F", "Female"), ("M", "Male"), ("O", "Other")],
    }
    wrong = {"patient_id": "Fill this in.", "scheduled_procedure_step_start_time": "Write a time such as 14:30."}
    return {
        "orders": ("orders.html", listed),
        "orders-empty": ("orders.html", listed | {"orders": []}),
        "order-form": ("order_form.html", form),
        "order-form-wrong": ("order_form.html", form | {"errors": wrong, "values": filled | {"patient_id": ""}}),
        "order-form-images": ("order_form.html", form | {"order": rows[1], "studies": [7]}),
    }
