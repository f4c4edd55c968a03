from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from orthanc_plugin import surface
from orthanc_plugin.routes import ROUTES

CHECKOUT = Path(__file__).parents[3]


def test_routes_are_compared_without_the_names_of_their_placeholders() -> None:
    openapi = json.dumps({"paths": {"/instances/{id}/content/{path}": {"get": {}}, "/new/{x}": {"get": {}, "post": {}}}})
    log = "I… Ignoring URI without API documentation: GET /changes\nIgnoring URI without API documentation: PUT /fresh"
    offers = surface.offered(openapi, log)
    assert surface.unknown(offers, set(), surface.known(ROUTES)) == ["GET /new/{x}", "POST /new/{x}", "PUT /fresh"]


def test_what_plugins_register_is_read_from_the_log() -> None:
    start = "I1121 MAIN OrthancPlugins.cpp:3045] (plugins) Plugin has registered a REST callback"
    log = (
        f"{start} for chunked streams on: /dicom-web/studies/([^/]*)\n{start} without mutual exclusion on: /fresh/(.*)/([0-9]+)\n"
    )
    registered = surface.registered(log + "Plugin has registered an OnChange callback\n")
    assert registered == {"/dicom-web/studies/{}", "/fresh/{}/{}"}
    assert surface.unknown(set(), registered, surface.known(ROUTES)) == ["ANY /fresh/{}/{}"]


def test_what_the_glue_registers_is_in_the_table() -> None:
    glue = (CHECKOUT / "orthanc_plugin" / "plugin.py").read_text()
    registered = {each.replace("([^/]+)", "{id}") for each in re.findall(r'RegisterRestCallback\("([^"]+)"', glue)}
    assert registered == {route.path for route in ROUTES if route.path.startswith("/readingroom/")}


def test_only_the_glue_knows_orthanc() -> None:
    modules = [f"orthanc_plugin.{file.stem}" for file in (CHECKOUT / "orthanc_plugin").glob("*.py") if file.stem != "plugin"]
    program = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, check=True)
