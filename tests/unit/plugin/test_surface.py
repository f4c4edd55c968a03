from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from orthanc_plugin import surface
from orthanc_plugin.routes import ROUTES

CHECKOUT = Path(__file__).parents[3]
TABLE = CHECKOUT / "orthanc_plugin" / "known_routes.csv"


def test_routes_are_compared_without_the_names_of_their_placeholders() -> None:
    openapi = json.dumps({"paths": {"/instances/{id}/content/{path}": {"get": {}}, "/new/{x}": {"get": {}, "post": {}}}})
    log = "I… Ignoring URI without API documentation: GET /changes\nIgnoring URI without API documentation: PUT /fresh"
    offers = surface.offered(openapi, log)
    assert surface.unknown(offers, surface.known(TABLE)) == ["GET /new/{x}", "POST /new/{x}", "PUT /fresh"]


def test_every_open_route_of_orthanc_was_reviewed() -> None:
    reviewed = surface.known(TABLE)
    own = {("GET", "/readingroom/changes"), ("GET", "/readingroom/status")}
    assert {(route.method, route.path) for route in ROUTES if (route.method, surface.plain(route.path)) not in reviewed} == own


def test_only_the_glue_knows_orthanc() -> None:
    modules = [f"orthanc_plugin.{file.stem}" for file in (CHECKOUT / "orthanc_plugin").glob("*.py") if file.stem != "plugin"]
    program = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, check=True)
