"""Sample contexts of the pages of AE titles."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sidecar.organisations import words


def entities(now: datetime) -> list[SimpleNamespace]:
    """Return a scanner, a PACS that is also a node, a workstation that only receives."""
    many = ["echo", "store", "find", "move", "get", "worklist", "commitment"]
    return [
        _entity(now, "MERCY_CT1", "CT, emergency department", ["10.1.2.0/24"], ["echo", "store"], seen=2),
        _entity(
            now, "MERCY_PACS", "Hospital PACS", ["10.1.3.14/32", "10.1.3.15/32", "10.8.0.0/16"], many, "10.1.3.14", 11112, 41
        ),
        _entity(now, "MERCY_STATION", "", [], ["echo"], "station-4.mercy.example", 104),
    ]


def _entity(
    now: datetime,
    aet: str,
    description: str,
    networks: list[str],
    services: list[str],
    host: str = "",
    port: int = 0,
    seen: int | None = None,
) -> SimpleNamespace:
    return SimpleNamespace(
        id=f"e-{aet}",
        aet=aet,
        description=description,
        networks=networks,
        services=services,
        host=host,
        port=port,
        last_seen_at=None if seen is None else now - timedelta(minutes=seen),
        created_at=now - timedelta(days=40),
    )


def _certificate(now: datetime, aet: str, state: str, days: float) -> SimpleNamespace:
    row = SimpleNamespace(
        id=f"k-{aet}-{state}",
        aet=aet,
        serial="5F0C61D2A9",
        sha256="9f86d081884c7d65",
        subject=f"CN={aet},O=Mercy Hospital",
        not_before=now - timedelta(days=600),
        not_after=now + timedelta(days=days),
        issued_at=now - timedelta(days=600),
        revoked_at=now if state == "revoked" else None,
    )
    return SimpleNamespace(certificate=row, state=state, good=state in {"valid", "expiring"})


def _association(now: datetime, minutes: float, aet: str, outcome: str = "accepted", **facts: Any) -> SimpleNamespace:
    ended = now - timedelta(minutes=minutes)
    known = {
        "id": f"a{minutes}",
        "called_aet": "RR_MERCY",
        "address": "10.1.2.14",
        "port": "plain",
        "services": ["store"],
        "objects": 0,
        "bytes_in": 900,
        "bytes_out": 700,
        "began_at": ended - timedelta(seconds=34),
        "ended_at": ended,
        "count": 1,
        **facts,
    }
    return SimpleNamespace(aet=aet, outcome=outcome, **known)


def _refused(aet: str, address: str, reason: str, attempts: int, last_at: datetime) -> SimpleNamespace:
    return SimpleNamespace(aet=aet, address=address, reason=reason, attempts=attempts, last_at=last_at)


def contexts(now: datetime, cell: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Page name → (template, context), around a moment."""
    scanner, pacs, station = entities(now)
    held = [_certificate(now, "MERCY_PACS", "expiring", 12), _certificate(now, "MERCY_PACS", "revoked", 100)]
    views = [
        SimpleNamespace(entity=scanner, certificate=_certificate(now, "MERCY_CT1", "valid", 500)),
        SimpleNamespace(entity=pacs, certificate=held[0]),
        SimpleNamespace(entity=station, certificate=None),
    ]
    refusals = [
        _refused("CT7", "10.1.2.3", "unknown-aet", 14, now - timedelta(minutes=2)),
        _refused("MERCY_CT1", "10.9.0.1", "wrong-address", 1, now),
        _refused("", "10.9.0.7", "unknown-aet", 3, now),
    ]
    rows = [
        _association(now, 1, "MERCY_CT1", objects=212, bytes_in=110_000_000),
        _association(now, 3, "CT7", "unknown-aet", address="10.1.2.3", count=14),
        _association(now, 9, "MERCY_PACS", services=["find", "move"], port="tls", bytes_out=48_000),
        _association(now, 12, "MERCY_PACS", services=["echo"], count=6),
        _association(now, 40, "", "timeout", address="10.9.0.7", services=[]),
        _association(now, 55, "MERCY_MR", "wrong-certificate", address="10.1.2.9", port="tls"),
        _association(now, 90, "MERCY_CT1", "service-not-allowed", services=["find"]),
    ]
    values = {
        "aet": pacs.aet,
        "description": pacs.description,
        "networks": "\n".join(pacs.networks),
        "services": pacs.services,
        "host": pacs.host,
        "port": "11112",
    }
    page = {"services": words.SERVICES, "words": words, "cell": cell, "errors": {}}
    tls = {"cell": cell, "host": "rr.example", "certificates": held, "without": ["MERCY_CT1", "MERCY_MR"], "refused": None}
    authority = SimpleNamespace(created_at=now, server_host="rr.example", server_not_after=now + timedelta(days=700))
    empty = {"aet": "", "description": "", "networks": "", "services": ["echo", "store"], "host": "", "port": ""}
    refused = {"networks": "Write where it calls from, or where it is reached, or both."}
    return {
        "admin-ae-titles": (
            "admin_ae_titles.html",
            {
                "cell": cell,
                "host": "rr.example",
                "views": views,
                "refusals": refusals,
                "registrable": {"unknown-aet", "wrong-address"},
                "words": words,
            },
        ),
        "admin-ae-title": (
            "admin_ae_title.html",
            page | {"view": views[1], "values": values, "certificates": held, "associations": rows[2:4]},
        ),
        "admin-ae-title-new": (
            "admin_ae_title_new.html",
            {"values": empty, "errors": refused, "services": words.SERVICES},
        ),
        "admin-associations": (
            "admin_associations.html",
            {"rows": rows, "outcome": "", "aet": "", "open": {("CT7", "10.1.2.3")}, "words": words},
        ),
        "admin-encryption": ("admin_encryption.html", tls | {"authority": authority}),
        "admin-encryption-shut": (
            "admin_encryption.html",
            tls | {"authority": authority, "certificates": [], "cell": cell | {"plain_allowed": False}},
        ),
    }
