"""What holds for the repository as a whole."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Blueprint, Flask

from sidecar.cli import cli
from sidecar.gate.http import refuse_undeclared, route
from sidecar.gate.permissions import GRANTS, Permission

ROOT = Path(__file__).parents[2]
HOSTS = re.compile(
    r"(pypi|pythonhosted|npmjs|registry\.yarnpkg|deb\.debian|security\.debian|archive\.ubuntu)\.(org|com|io)|/[w]ork/|/[r]oot/"
)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def tracked(*suffixes: str) -> Iterator[tuple[Path, str]]:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        path = ROOT / name
        if path.is_file() and (not suffixes or path.suffix in suffixes):
            yield path, path.read_text(errors="replace")


def test_nothing_names_a_registry_or_a_development_machine() -> None:
    found = [str(path.relative_to(ROOT)) for path, text in tracked() if HOSTS.search(text)]
    assert found == []


def test_no_module_is_called_utils() -> None:
    for path, _text in tracked(".py"):
        assert path.stem not in FORBIDDEN_NAMES, path


SKIPS = {"tests/service/test_instance.py": "one test about root's own Postgres user, for developers who are not root; CI is root"}


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    mark = re.compile(r"pytest\.(mark\.)?(skip|[x]fail|importorskip)")
    found = {str(path.relative_to(ROOT)) for path, text in tracked(".py") if "/tests/" in str(path) and mark.search(text)}
    assert found == set(SKIPS)


def test_the_readme_names_only_verbs_that_exist_and_all_layers() -> None:
    readme = (ROOT / "README.md").read_text()
    verbs = set(re.findall(r"\./readingroom ([a-z]+)", readme))
    assert {"up", "test", "check", "bench", "proof", "admin", "code", "status"} <= verbs
    assert verbs <= set(cli.commands)
    for layer in ("unit", "architecture", "service", "doors", "e2e"):
        assert layer in readme
        assert (ROOT / "tests" / layer).is_dir()


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "./readingroom test" in script


def test_the_top_level_is_what_it_was_agreed_to_be() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    top = {name.split("/")[0] for name in names}
    assert top <= {
        "orthanc_plugin", "sidecar", "migrations", "orthanc.json", "docker-compose.yml", "tests", "pyproject.toml", "README.md",
        "readingroom", "Dockerfile.orthanc", "Dockerfile.sidecar", ".ci", "requirements.lock", "requirements-dev.lock",
        ".gitignore", ".dockerignore", "LICENSE", "benchmarks",
    }  # fmt: skip


def test_a_route_without_needs_cannot_be_declared_or_started() -> None:
    with pytest.raises(TypeError):
        route(Blueprint("x", __name__), "/x")  # type: ignore[call-arg]
    app = Flask(__name__)
    app.add_url_rule("/open", view_func=lambda: "open", endpoint="open")
    with pytest.raises(RuntimeError, match="/open"):
        refuse_undeclared(app)


def test_doors_for_everybody_are_never_granted_to_a_role() -> None:
    for held in GRANTS.values():
        assert not held & {Permission.PUBLIC, Permission.SIGNED_IN}
