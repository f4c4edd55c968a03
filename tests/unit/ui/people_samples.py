"""Sample people and what waits for a decision about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any


def person(name_id: str, name: str, role: str, now: datetime) -> dict[str, Any]:
    return {
        "id": name_id, "name": name, "role": role, "disabled_at": None, "totp_sealed": b"x",
        "password_hash": "x", "identity_verified_at": now - timedelta(days=3), "factor_locked_until": None, "factor_failures": 0,
    }  # fmt: skip


def list_of(now: datetime, **changes: Any) -> dict[str, Any]:
    """Everything the page of users needs, with nothing waiting."""
    people = [person("u1", "Noor Haddad", "admin", now), person("u2", "Samir Aziz", "technician", now)]
    people.append(person("u3", "Grace Mwangi", "viewer", now) | {"disabled_at": now - timedelta(hours=10)})
    people[1]["totp_sealed"] = None
    return {
        "organisation": {"id": "o1", "name": "Mercy Hospital"},
        "users": people,
        "names": {each["id"]: each["name"] for each in people},
        "addresses": {each: f"{each}@mercy.example" for each in ("u1", "u2", "u3", "r1", "r2")},
        "registrations": [],
        "changes": [],
        "dependent": {},
        "code": "",
        "trouble": None,
        "mails": False,
        "roles": [("manager", "Manager"), ("viewer", "Viewer")],
        "own_id": "u1",
        "elsewhere": False,
        "values": {"email": "", "name": "", "role": "viewer"},
        "errors": {},
        "link": "",
        "invited": "",
        **changes,
    }


def waiting(now: datetime) -> dict[str, Any]:
    """People who ask for an account, changes of role, a code, and a mail server that does not answer."""
    registrations = [
        {"id": "r1", "name": "Nina Newcomer", "verified_at": now, "created_at": now},
        {"id": "r2", "name": "Bartholomew Featherstonehaugh-Winterbottom", "verified_at": None,
         "created_at": now - timedelta(hours=20)},
    ]  # fmt: skip
    change = {"id": "c1", "user_id": "u2", "role_before": "technician", "role_after": "manager", "asked_at": now}
    why = (
        "You came in through whoever asks for this, so it takes somebody else as the second person: another administrator or"
        " manager, or the platform's administrator."
    )
    changes = [
        change | {"asked_by": "u3"},
        change | {"id": "c2", "asked_by": "u3"},
        change | {"asked_by": "u1"},
        change | {"user_id": "u1", "asked_by": "p"},
    ]
    trouble = {"waiting": 2, "given_up": 1, "last_error": "The mail server answered 451."}
    more = {"code": "K7QF-2M9X-TB4W", "trouble": trouble, "mails": True}
    return list_of(now, registrations=registrations, changes=changes, dependent={"c2": why}, **more)
