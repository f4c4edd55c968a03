"""What the gate's table does not open is shut: unknown paths, and ids that a path does not hold."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest

from orthanc_plugin.decide import Request, Verdict, decide
from orthanc_plugin.paths import match
from orthanc_plugin.routes import ROUTES
from tests.unit.plugin.gate_cases import EVERYBODY, FOREIGN, ID, OTHER, STUDY, owner

KNOWN = Path(__file__).parents[2] / "doors" / "orthanc_routes.csv"
ASKING = {("POST", f"/tools/{name}") for name in ("find", "lookup", "count-resources")}
"""They change nothing; for a reading context the plugin answers them itself from its studies."""
FUZZ = 10_000
MIXED = (
    f"{ID},{FOREIGN}",
    f"{ID}\\{FOREIGN}",
    f"{ID}&{ID}",
    f"{STUDY},{OTHER}",
    f"{ID}%00{FOREIGN}",
    f"{ID}\u200b",
    "*",
    "?",
    "",
)


def deputies() -> list[tuple[str, str]]:
    """Routes of Orthanc and its plugins that take ids in a body or a query: whoever may call them could name another's."""
    with KNOWN.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if re.search("body|query", row["id_location"])]
    return [(row["method"], row["path"]) for row in rows if row["path"].startswith("/")]


def test_b01_ten_thousand_random_paths_open_nothing() -> None:
    """Paths of Orthanc's own words, of ids and of noise, in any order: none that the table lacks opens to anybody."""
    dice = random.Random(1)  # noqa: S311 - a repeatable order, not a secret
    words = sorted({word for route in ROUTES for word in route.path.strip("/").split("/") if "{" not in word and "*" not in word})
    words += [ID, FOREIGN, STUDY, OTHER, "admin", "all", "0", "x" * 300, "é", "%2e%2e", "..", "null"]
    tried = 0
    while tried < FUZZ:
        path = "/" + "/".join(dice.choices(words, k=dice.randint(1, 6)))
        method = dice.choice(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
        if match(method, path) is not None:
            continue
        tried += 1
        for caller in EVERYBODY:
            assert decide(caller, Request(method, path), owner).verdict is Verdict.DENY, (method, path)


def test_b03_there_are_the_routes_it_speaks_of() -> None:
    assert len(deputies()) >= 129


@pytest.mark.parametrize("value", MIXED)
def test_b03_ids_in_a_body_or_a_query_are_nobodys_to_name(value: str) -> None:
    """No person, no context may call a route that takes ids elsewhere than in its path; what they add to the path is refused.

    The bodies themselves the gate never sees: such routes are the sidecar's, which writes the bodies from its own rows.
    """
    for method, path in deputies():
        filled = re.sub(r"\{[^}]*\}", ID, path)
        for caller in EVERYBODY:
            if caller is not None and caller.kind.value == "service":
                continue
            for arguments in ({}, {"resource": value}, {"ids": value}, {"Resources": value}, {"parent": value}):
                if not arguments and (method == "GET" or (method, filled) in ASKING):  # then it names nothing
                    continue
                decision = decide(caller, Request(method, filled, arguments=arguments), owner)
                assert decision.verdict is Verdict.DENY, (method, path, caller, arguments)
