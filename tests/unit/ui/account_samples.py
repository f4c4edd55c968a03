"""Contexts of the pages around accounts: guests, one's own identity, the people of an organisation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.unit.ui import people_samples


def contexts(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    person = people_samples.person("u2", "Σamir Ó Súilleabháin-Wójcik", "technician", now)
    who = {"person": person, "email": "u2@mercy.example"}
    roles = [("manager", "Manager: assigns studies"), ("viewer", "Viewer: studies and reports")]
    house = {"id": "o1", "name": "Mercy Hospital"}
    return {
        "register": (
            "register.html",
            {"values": {"code": "K7QF-2M9X-TB4W", "name": "Noor", "email": "noor"}, "errors": {"email": "Write one."}},
        ),
        "forgot": ("forgot.html", {"email": "", "error": "", "mails": True}),
        "forgot-no-mail": ("forgot.html", {"email": "", "error": "", "mails": False}),
        "reset": ("reset.html", {"error": "Enter the same password twice."}),
        "verify": ("verify.html", {}),
        "guest-done": ("guest_done.html", {"title": "Look into your mail", "text": "A link is on its way."}),
        "account-identity": ("account_identity.html", {**who, "errors": {"current": "This is not it."}}),
        "admin-user": (
            "admin_user.html",
            {
                **who, "organisation": house, "roles": roles, "own": False, "people": "/admin/users", "mails": False,
                "waiting": None, "link": "https://rr.example/reset/x", "error": "",
            },
        ),
        "admin-user-waiting": (
            "admin_user.html",
            {
                **who, "organisation": house, "roles": roles, "own": False, "people": "/admin/users", "mails": True,
                "waiting": {"role_after": "manager"}, "link": "", "error": "Somebody decided on this meanwhile.",
            },
        ),
        "admin-users-waiting": ("admin_users.html", people_samples.waiting(now)),
    }  # fmt: skip
