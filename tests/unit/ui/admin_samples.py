"""Sample contexts of the administration pages."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sidecar.organisations import words
from sidecar.organisations.web.contracts import PRIORS
from tests.unit.ui import ae_samples, audit_samples, people_samples


def contexts(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    """Page name → (template, context), around a moment."""

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    def organisation(number: int, kind: str, name: str) -> dict[str, Any]:
        return {
            "id": f"o{number}",
            "kind": kind,
            "name": name,
            "zone": "Europe/Berlin",
            "letterhead": "Lange Reihe 12\n20099 Hamburg",
            "created_at": ago(60 * 24 * 90),
        }

    def view(number: int, name: str, health: tuple[str, str, str], **cell: Any) -> dict[str, Any]:
        known = {
            "aet": f"RR_{name.partition(' ')[0].upper()}",
            "dicom_port": 11112 + number,
            "dicom_tls_port": 19500 + number,
            "plain_allowed": True,
            "character_set": "Latin1",
            "state": "running",
            "wanted": "running",
            "restarted_at": ago(60 * 26),
            "last_image_at": ago(3 * number + 1),
            "disk_bytes": 41_300_000_000 * (number + 1),
            "last_error": "",
            **cell,
        }
        return {
            "organisation": organisation(number, "provider", name),
            "cell": known,
            "health": dict(zip(("word", "tone", "advice"), health, strict=True)),
        }

    mercy = view(0, "Mercy Hospital", ("Running", "ok", ""))
    harbour = view(1, "Harbour Imaging Centre", ("Starting", "warn", ""), state="starting")
    hills = view(
        2,
        "Hillside Clinic",
        ("Down", "bad", "Restart it; if it stays down, see the log."),
        state="fatal",
        last_error="E1121 20:01:12 main.cpp: The TCP port of the DICOM server is already in use",
        last_image_at=None,
    )
    group = {"organisation": organisation(9, "reading_group", "Nightwatch Teleradiology"), "cell": None, "health": None}
    agreed = {
        "id": "k1",
        "organisation_id": "o0",
        "reading_organisation_id": "o9",
        "modalities": ["CT", "MR"],
        "turnaround_minutes": {"stat": 60, "urgent": 240, "routine": 2880},
        "starts_on": date(2026, 1, 1),
        "ends_on": None,
        "reading_hours": 72,
        "priors": "read",
        "finishing_hours": 24,
        "closed_at": None,
    }
    ended = agreed | {"id": "k2", "modalities": None, "ends_on": date(2026, 6, 30)}
    contracts = [
        {
            "contract": agreed,
            "provider": "Mercy Hospital",
            "reader": "Nightwatch Teleradiology",
            "in_force": True,
            "ended": False,
            "closes_at": None,
        },
        {
            "contract": ended,
            "provider": "Harbour Imaging Centre",
            "reader": "Nightwatch Teleradiology",
            "in_force": False,
            "ended": True,
            "closes_at": now,
        },
    ]
    entries = [
        {
            "at": ago(2 + 7 * n),
            "sequence": 4120 - n,
            "kind": "k",
            "who": who,
            "of": of,
            "inside": "",
            "what": what,
            "study_id": study,
            "address": "10.1.2.3",
        }
        for n, (who, of, what, study) in enumerate(
            [
                ("Dr. Amara Okafor", "Nightwatch Teleradiology", "signed a report", "7a6e1c52-8f0e"),
                ("", "", "the archive refused CT7 from 10.1.2.3 (unknown-aet)", None),
                ("Noor Haddad", "", "registered the sender MERCY_CT1 from 10.1.2.0/24", None),
                ("Noor Haddad", "", "signed in", None),
            ]
        )
    ]
    return {
        "admin-organisations": ("admin_organisations.html", {"organisations": [mercy, harbour, hills, group]}),
        "admin-organisation": (
            "admin_organisation.html",
            {"view": mercy, "contracts": contracts, "host": "rr.example", "history": entries},
        ),
        "admin-cells": (
            "admin_cells.html",
            {"views": [mercy, harbour, hills], "disk": {"used": 210_000_000_000, "total": 480_000_000_000}},
        ),
        **ae_samples.contexts(now, mercy["cell"]),
        "admin-users": (
            "admin_users.html",
            people_samples.list_of(now, organisation=mercy["organisation"]),
        ),
        "admin-contracts": ("admin_contracts.html", {"contracts": contracts, "priors": PRIORS, "today": now.date()}),
        **audit_samples.contexts(now),
        "admin-connection": (
            "admin_connection.html",
            {
                "view": mercy,
                "host": "rr.example",
                "entities": ae_samples.entities(now),
                "words": words,
                "back": {"href": "/admin/ae-titles", "label": "AE titles"},
            },
        ),
    }
