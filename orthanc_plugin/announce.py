"""Tells the sidecar that this cell started, and with what."""

from __future__ import annotations

import json
import time
from pathlib import Path
from uuid import uuid4

from orthanc_plugin import surface
from orthanc_plugin.events import Event, cell_started, timestamp
from orthanc_plugin.harvest import Store
from orthanc_plugin.watch import Rest

ORTHANC = "/usr/sbin/Orthanc"
TABLE = Path(__file__).with_name("known_routes.csv")


def plugin_versions(rest: Rest) -> dict[str, str]:
    """Loaded plugins with their versions."""
    names = [name for name in json.loads(rest.get("/plugins")) if name != "explorer.js"]
    return {name: json.loads(rest.get(f"/plugins/{name}")).get("Version", "") for name in names}


def unknown_routes(version: str, store: Store) -> list[str]:
    """Routes of this server that nobody reviewed; surveyed once per version, remembered in the database."""
    name = f"unknown-routes-{version}"
    saved = store.load(name)
    if saved is None:
        found = surface.unknown(surface.survey(ORTHANC), surface.known(TABLE))
        saved = json.dumps(found).encode()
        store.save(name, saved)
    routes: list[str] = json.loads(saved)
    return routes


def announcement(rest: Rest, store: Store) -> Event:
    """The cell-started event."""
    system = json.loads(rest.get("/system"))
    return cell_started(
        event_id=str(uuid4()),
        at=timestamp(time.time()),
        system=system,
        plugins=plugin_versions(rest),
        unknown_routes=unknown_routes(system["Version"], store),
    )
