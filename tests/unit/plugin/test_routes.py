from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orthanc_plugin.routes import ROUTES, Access, Route, TableError, read, unanswered

CHECKOUT = Path(__file__).parents[3]
HEAD = "method,path,class,id,staff,context,service,arguments,reason\n"
PICTURES = ("preview", "rendered", "image-uint8", "image-uint16", "image-int16")
READERS = {
    "/app/*",
    *(f"/{level}/{{id}}" for level in ("studies", "series", "instances")),
    *(f"/{level}/{{id}}/{rest}" for level in ("studies", "series", "instances") for rest in ("metadata", "module", "statistics")),
    "/studies/{id}/series", "/studies/{id}/instances", "/studies/{id}/module-patient", "/series/{id}/instances",
    "/series/{id}/study", "/series/{id}/ordered-slices", "/instances/{id}/study", "/instances/{id}/series",
    *(f"/instances/{{id}}/{rest}" for rest in ("tags", "simplified-tags", "header", "frames", "pdf", "file", *PICTURES)),
    *(f"/instances/{{id}}/frames/{{index}}/{rest}" for rest in PICTURES),
    *(
        f"/dicom-web/studies/{{study}}{rest}"
        for rest in (
            "/series/{series}/instances/{instance}/frames/{frames}", "/series/{series}/instances/{instance}/bulk/{bulk}",
            "/series/{series}/instances/{instance}/rendered", "/series/{series}/instances/{instance}/frames/{frame}/rendered",
            "/series/{series}/instances/{instance}/thumbnail", "/series/{series}/thumbnail", "/thumbnail",
        )
    ),
}  # fmt: skip
WRITING = {
    ("DELETE", "/studies/{id}"), ("DELETE", "/readingroom/sealed/{id}"), ("POST", "/instances"), ("POST", "/jobs/{job}/cancel"),
    ("POST", "/modalities/{name}/echo"), ("POST", "/modalities/{name}/store"), ("POST", "/modalities/{name}/store-straight"),
}  # fmt: skip


def table(tmp_path: Path, *rows: str) -> tuple[Route, ...]:
    (tmp_path / "routes.csv").write_text(HEAD + "\n".join(rows))
    return read(tmp_path / "routes.csv")


def test_what_readers_of_other_organisations_touch() -> None:
    """A change of this list is a change of what readers of other organisations can touch: look twice."""
    assert {route.path for route in ROUTES if route.context is Access.OWN} == READERS
    assert {route.method for route in ROUTES if route.context is Access.OWN} == {"GET"}


def test_people_change_nothing_and_the_sidecar_only_what_its_verbs_need() -> None:
    """/tools/find and its like are asked by POST and change nothing."""
    changing = {(route.method, route.path): route for route in ROUTES if route.method != "GET"}
    asking = {("POST", f"/tools/{name}") for name in ("find", "lookup", "count-resources")}
    assert {key for key, route in changing.items() if route.staff or route.context is not Access.NONE} == asking
    assert {key for key, route in changing.items() if route.service} == WRITING


def test_never_is_never() -> None:
    assert not [route for route in ROUTES if route.kind == "never" and route.open]
    assert {route.kind for route in ROUTES} == {"page", "list", "view", "download", "machine", "never", "door"}
    assert not [route.path for route in ROUTES if route.kind == "machine" and (route.staff or route.context is not Access.NONE)]


def test_alternatives_are_written_out(tmp_path: Path) -> None:
    routes = table(tmp_path, "GET|PUT,/a|b/{id}/c,view,orthanc,MT,own,yes,x y,why")
    assert [(each.method, each.path) for each in routes] == [
        ("GET", "/a/{id}/c"), ("GET", "/b/{id}/c"), ("PUT", "/a/{id}/c"), ("PUT", "/b/{id}/c"),
    ]  # fmt: skip
    assert (routes[0].staff, routes[0].arguments) == (frozenset({"manager", "technician"}), frozenset({"x", "y"}))
    assert (routes[0].service, routes[0].level) == (True, "a")


@pytest.mark.parametrize(
    "row",
    [
        "GET,/a,never,none,M,-,-,,",
        "GET,/a,never,none,-,answered,-,,",
        "GET,/a,door,none,-,-,yes,,",
        "GET,/a,view,none,M,own,-,,",
        "GET,/a/{name},view,none,M,own,-,,",
        "GET,/a,view,none,X,-,-,,",
        "GET,/a,view,none,M,sometimes,-,,",
        "GET,/a|a,view,none,M,-,-,,",
    ],
)
def test_a_table_that_contradicts_itself_is_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises((TableError, KeyError, ValueError)):
        table(tmp_path, row)


def test_an_answer_that_nobody_registered_is_noticed() -> None:
    patterns = [r"/(patients|studies|series)", r"/patients/([^/]+)(/(studies|series|instances))?", r"/tools/(find|lookup)"]
    assert unanswered(ROUTES, patterns) == ["/plugins/explorer.js", "/system", "/statistics", "/tools/count-resources"]


def test_the_gate_is_covered_to_its_last_branch(tmp_path: Path) -> None:
    modules = ",".join(f"*/orthanc_plugin/{name}.py" for name in ("decide", "paths", "routes", "tokens"))
    tests = [f"tests/unit/plugin/test_{name}.py" for name in ("decide", "tokens", "routes")]
    run = [
        sys.executable,
        "-m",
        "coverage",
        "run",
        "--branch",
        "--rcfile=/dev/null",
        f"--include={modules}",
        "-m",
        "pytest",
        *tests,
    ]
    environment = {**os.environ, "COVERAGE_FILE": str(tmp_path / "coverage")}
    without_this = ["--deselect", f"{tests[-1]}::{test_the_gate_is_covered_to_its_last_branch.__name__}"]
    subprocess.run([*run, *without_this], cwd=CHECKOUT, env=environment, check=True, capture_output=True)
    told = subprocess.run(
        [sys.executable, "-m", "coverage", "json", "-q", "--rcfile=/dev/null", "-o", "-"],
        cwd=CHECKOUT, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    report = json.loads(told.stdout)
    assert {Path(name).stem: (part["missing_lines"], part["missing_branches"]) for name, part in report["files"].items()} == {
        name: ([], []) for name in ("decide", "paths", "routes", "tokens")
    }
