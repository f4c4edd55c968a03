"""Sample contexts of getting in and of what guards it: confirming, one's own factors and keys, an organisation's security and forms."""

# ruff: noqa: E501 - sample rows are tables
from datetime import datetime, timedelta
from typing import Any

from sidecar.gate import catalogue
from sidecar.gate.permissions import Permission
from sidecar.kernel.settings import Budgets
from sidecar.organisations.forms import MODALITIES
from tests.unit.ui import people_samples

QR = '<svg xmlns="http://www.w3.org/2000/svg" class="qr" viewBox="0 0 9 9"><path d="M1 1h3v3h-3z"/></svg>'
MEANING = {each.value: words for each, words in catalogue.MEANING.items()}
LIVES = ((30, "30 days"), (90, "90 days"))


def contexts(now: datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    person = people_samples.person("u2", "Σamir Ó Súilleabháin-Wójcik", "technician", now)
    confirm = {"error": "", "passkeys": True, "action": "/account/confirm", "fields": [("name", "x")], "back": "/account"}
    drawn = {"qr": QR, "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "uri": "otpauth://totp/x", "again": "/account/authenticator"}
    used = {"error": "This code does not fit.", "qr": "", "secret": "", "uri": "", "again": "/account/authenticator"}
    keys = {
        "keys": [_key(now, 1), _key(now, 2)], "choices": [(each.value, catalogue.MEANING[each]) for each in catalogue.MEANING][:12], "lives": LIVES, "meaning": MEANING,
        "values": {"name": "", "scopes": [Permission.STUDY_LIST.value], "days": 90}, "errors": {"name": "Fill this in."}, "made": None, "text": "",
    }  # fmt: skip
    return {
        "confirm": ("confirm.html", confirm),
        "confirm-wrong": ("confirm.html", confirm | {"passkeys": False, "error": "That did not fit, or was used before. Wait for the next code."}),
        "account": ("account.html", {"person": person, "email": "samir@mercy.example", **_factors(now)}),
        "account-no-codes": ("account.html", {"person": person, "email": "samir@mercy.example", **_factors(now), "codes_left": 0, "passkeys": []}),
        "account-authenticator": ("account_authenticator.html", {"error": "", **drawn}),
        "account-authenticator-wrong": ("account_authenticator.html", used),
        "account-backup-codes": ("account_backup_codes.html", {"codes": [f"{n}F7Q-2M9X-TB4{n}" for n in range(10)]}),
        "account-keys": ("account_keys.html", keys),
        "account-keys-made": ("account_keys.html", keys | {"made": _key(now, 3), "errors": {}, "text": "rrk_" + 12 * "4f7Q2m9x"}),
        "admin-security": ("admin_security.html", _security(now)),
        "admin-security-none": ("admin_security.html", _security(now) | {"provider": None, "keys": [], "others": [], "sso_errors": {}}),
        "admin-permissions": ("admin_permissions.html", _permissions()),
        "admin-device-lost": ("admin_device_lost.html", {"person": person, "link": "https://rr.example/invitation/" + "x" * 43}),
        "admin-contract-form": ("admin_contract_form.html", _contract()),
        "admin-organisation-form": ("admin_organisation_form.html", _organisation(errors={"aet": "Another archive has this title."})),
        "explorer-none": ("explorer_none.html", {}),
    }  # fmt: skip


def _factors(now: datetime) -> dict[str, Any]:
    def session(number: int, device: str) -> dict[str, Any]:
        began = now - timedelta(hours=number)
        return {
            "id": f"v{number}",
            "device": device,
            "address": "203.0.113.7",
            "began_at": began,
            "seen_at": now - timedelta(minutes=number),
            "own": number == 0,
        }

    passkey = {
        "id": "p1",
        "name": "work laptop",
        "created_at": now - timedelta(days=20),
        "last_used_at": now - timedelta(hours=9),
        "synced": True,
    }
    return {
        "codes_left": 2, "codes_in_a_set": 10, "passkeys": [passkey, passkey | {"id": "p2", "name": "key on my ring", "last_used_at": None, "synced": False}],
        "sessions": [session(0, "Chrome on Linux"), session(1, "Safari on iPhone"), session(9, "A program")],
    }  # fmt: skip


def _key(now: datetime, number: int) -> dict[str, Any]:
    return {
        "id": f"k{number}", "name": f"Night transfer of the MR console {number}", "hint": f"4f7{number}", "address": "203.0.113.7", "expires_at": now + timedelta(days=80),
        "scopes": [Permission.STUDY_LIST.value, Permission.STUDY_DOWNLOAD.value, "gone:since:then"], "used_at": now - timedelta(hours=2) if number == 1 else None,
    }  # fmt: skip


def _security(now: datetime) -> dict[str, Any]:
    issuer = "https://login.mercy.example/realms/hospital"
    provider = {"organisation_id": "o1", "required": True, "issuer": issuer}
    return {
        "house": Budgets(), "provider": provider, "others": [(provider, {"name": "St Luke's"})],
        "limits": {"networks": "203.0.113.0/28\n2001:db8:17::/48", "network_authentication": 50, "network_anonymous": 1000, "signed_in": "", "uploads": 60},
        "limit_errors": {"networks": "203.0.113.0/8 is too wide: at most a /24."}, "sso_errors": {"issuer": "Not kept: the provider does not answer."},
        "sso": {"issuer": issuer, "client_id": "reading-room", "required": True, "trusted_proofs": "mfa"},
        "callback": "https://rr.example/sso/00000000-0000-4000-8000-000000000001/callback", "entrance": "https://rr.example/sso/00000000-0000-4000-8000-000000000001",
        "keys": [(_key(now, 1), {"name": "Samir Aziz"}), (_key(now, 2), {"name": "Noor Haddad"})], "meaning": MEANING,
    }  # fmt: skip


def _permissions() -> dict[str, Any]:
    return {
        "titles": catalogue.titles(), "notes": catalogue.NOTES,
        "permissions": [(line, line.marks) for line in catalogue.permissions()], "fields": [(line, line.marks) for line in catalogue.fields()],
    }  # fmt: skip


def _contract() -> dict[str, Any]:
    values = {
        "provider_id": "o1", "reading_id": "", "modalities": ["CT", "MR"], "stat": 60, "urgent": 240, "routine": 1440, "reading_hours": 72, "priors": "read",
        "finishing_hours": 24, "starts_on": "2026-11-22",
    }  # fmt: skip
    return {
        "values": values, "errors": {"reading_id": "Choose one.", "stat": "Write 5 or more."}, "modalities": MODALITIES, "priors": [("none", "None"), ("read", "Those the group was given to read")],
        "providers": [("o1", "Mercy Hospital")], "readers": [("g1", "Nightwatch Teleradiology")],
    }  # fmt: skip


def _organisation(**changes: Any) -> dict[str, Any]:
    values = {"name": "Mercy Hospital", "zone": "Europe/Berlin", "letterhead": "Lange Reihe 12\n20099 Hamburg", "aet": "MERCY"}
    return {"kind": "provider", "values": values, "errors": {}, "zones": ["Europe/Berlin", "UTC"], "editing": None, **changes}
