"""Tells the sidecar that this cell started, and with what."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from uuid import uuid4

from orthanc_plugin import surface
from orthanc_plugin.events import Event, cell_started, timestamp
from orthanc_plugin.harvest import Store
from orthanc_plugin.routes import ROUTES, TABLE
from orthanc_plugin.watch import Rest

ORTHANC = "/usr/sbin/Orthanc"


def plugin_versions(rest: Rest) -> dict[str, str]:
    """Loaded plugins with their versions."""
    names = [name for name in json.loads(rest.get("/plugins")) if name != "explorer.js"]
    return {name: json.loads(rest.get(f"/plugins/{name}")).get("Version", "") for name in names}


def unknown_routes(versions: Mapping[str, str], plugins: Sequence[str], store: Store) -> list[str]:
    """Routes of this server that nobody reviewed; surveyed once per versions and table, remembered in the database.

    `plugins`: the libraries of the configuration. Python's own routes are checked against the table when registered.
    """
    marks = json.dumps([dict(versions), list(plugins)], sort_keys=True).encode() + TABLE.read_bytes()
    name = f"unknown-routes-{sha256(marks).hexdigest()[:16]}"
    saved = store.load(name)
    if saved is None:
        others = [each for each in plugins if "OrthancPython" not in each]
        offers, registrations = surface.survey(ORTHANC), surface.survey_plugins(ORTHANC, others)
        saved = json.dumps(surface.unknown(offers, registrations, surface.known(ROUTES))).encode()
        store.save(name, saved)
    routes: list[str] = json.loads(saved)
    return routes


def announcement(rest: Rest, store: Store, libraries: Sequence[str]) -> Event:
    """The cell-started event."""
    system = json.loads(rest.get("/system"))
    plugins = plugin_versions(rest)
    return cell_started(
        event_id=str(uuid4()),
        at=timestamp(time.time()),
        system=system,
        plugins=plugins,
        unknown_routes=unknown_routes({"orthanc": system["Version"], **plugins}, libraries, store),
    )
