"""Routes the running server offers and the reviewed table lacks. They are shut either way.

Orthanc lists its own routes only through `--openapi`, which documents most of them and names the rest in its log. It
tries example requests over the network first, which fail here and cost ten quiet seconds: run it in the background, once
per set of versions. Plugins name theirs in the log of a start, as expressions.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from orthanc_plugin.routes import Route

_UNDOCUMENTED = re.compile(r"Ignoring URI without API documentation: ([A-Z]+) (/\S*)")
_REGISTERED = re.compile(r"Plugin has registered a REST callback[^:]* on: (/\S*)")
_STARTED = "Orthanc has started"
_TIMEOUT = 60
"""Seconds after which a survey is given up."""

Endpoint = tuple[str, str]


def plain(path: str) -> str:
    """A path with every placeholder and wildcard reduced to the same sign."""
    return re.sub(r"\{[^}]*\}|\*", "{}", path)


def known(routes: Iterable[Route]) -> set[Endpoint]:
    """The reviewed routes."""
    return {(route.method, plain(route.path)) for route in routes}


def offered(openapi: str, log: str) -> set[Endpoint]:
    """What `Orthanc --openapi` wrote and logged, as (method, path)."""
    documented = {(method.upper(), path) for path, methods in json.loads(openapi)["paths"].items() for method in methods}
    return documented | set(_UNDOCUMENTED.findall(log))


def registered(log: str) -> set[str]:
    """Paths that plugins registered at a start, each expression in them reduced to the sign of a placeholder."""
    return {re.sub(r"\([^()]*\)", "{}", path) for path in _REGISTERED.findall(log)}


def unknown(offers: set[Endpoint], registrations: set[str], reviewed: set[Endpoint]) -> list[str]:
    """The offered routes that were not reviewed, as "METHOD /path"; plugins do not say which methods they answer."""
    paths = {path for _, path in reviewed}
    core = {f"{method} {path}" for method, path in offers if (method, plain(path)) not in reviewed}
    return sorted(core | {f"ANY {path}" for path in registrations if path not in paths})


def _quiet(directory: str, **more: Any) -> str:
    """A configuration with every door shut; examples of the documentation go to a proxy where nothing listens."""
    configuration = Path(directory, "survey.json")
    shut = {"HttpServerEnabled": False, "DicomServerEnabled": False, "HttpProxy": "http://127.0.0.1:9", "HttpTimeout": 1}
    configuration.write_text(json.dumps({"StorageDirectory": directory, **shut, **more}), encoding="utf-8")
    return str(configuration)


def survey(executable: str) -> set[Endpoint]:
    """Ask the installed Orthanc which routes it has.

    Raises:
        OSError, subprocess.SubprocessError, ValueError: it could not be asked.
    """
    with tempfile.TemporaryDirectory() as directory:
        answer = Path(directory, "openapi.json")
        command = [executable, "--openapi", str(answer), _quiet(directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        return offered(answer.read_text(encoding="utf-8"), done.stderr)


def survey_plugins(executable: str, plugins: Sequence[str]) -> set[str]:
    """Start the installed Orthanc with these plugins and no doors, note what they register, and stop it.

    Raises:
        OSError: it could not be started.
        ValueError: it ended before it had started.
    """
    with tempfile.TemporaryDirectory() as directory:
        command = [executable, "--verbose-plugins", _quiet(directory, Plugins=list(plugins))]
        lines: list[str] = []
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr or ():
                lines.append(line)
                if _STARTED in line:
                    break
            process.terminate()
        if not lines or _STARTED not in lines[-1]:
            raise ValueError("Orthanc did not start with the plugins of this cell")
        return registered("".join(lines))
