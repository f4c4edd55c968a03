"""Routes the running server offers and the reviewed table `known_routes.csv` lacks. They are shut either way.

Orthanc lists its routes only through `--openapi`, which documents most of them and names the rest in its log. It tries
example requests over the network first, which fail here and cost ten quiet seconds: run it in the background, once
per version.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import tempfile
from pathlib import Path

_UNDOCUMENTED = re.compile(r"Ignoring URI without API documentation: ([A-Z]+) (/\S*)")
_TIMEOUT = 60
"""Seconds after which a survey is given up."""

Endpoint = tuple[str, str]


def plain(path: str) -> str:
    """A path with every placeholder and wildcard reduced to the same sign."""
    return re.sub(r"\{[^}]*\}|\*", "{}", path)


def known(table: Path) -> set[Endpoint]:
    """The reviewed routes."""
    with table.open(encoding="utf-8", newline="") as lines:
        return {(row["method"], plain(row["path"])) for row in csv.DictReader(lines)}


def offered(openapi: str, log: str) -> set[Endpoint]:
    """What `Orthanc --openapi` wrote and logged, as (method, path)."""
    documented = {(method.upper(), path) for path, methods in json.loads(openapi)["paths"].items() for method in methods}
    return documented | set(_UNDOCUMENTED.findall(log))


def unknown(offers: set[Endpoint], reviewed: set[Endpoint]) -> list[str]:
    """The offered routes that were not reviewed, as "METHOD /path"."""
    return sorted(f"{method} {path}" for method, path in offers if (method, plain(path)) not in reviewed)


def survey(executable: str) -> set[Endpoint]:
    """Ask the installed Orthanc which routes it has.

    Raises:
        OSError, subprocess.SubprocessError, ValueError: it could not be asked.
    """
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory, "survey.json")
        answer = Path(directory, "openapi.json")
        configuration.write_text(
            json.dumps(
                {
                    "StorageDirectory": directory,
                    "HttpServerEnabled": False,
                    "DicomServerEnabled": False,
                    "HttpProxy": "http://127.0.0.1:9",  # nothing listens there: no example leaves the machine
                    "HttpTimeout": 1,
                }
            ),
            encoding="utf-8",
        )
        done = subprocess.run(
            [executable, "--openapi", str(answer), str(configuration)],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        return offered(answer.read_text(encoding="utf-8"), done.stderr)
