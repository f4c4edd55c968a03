"""What ``check``, ``test``, ``bench`` and ``proof`` run: the same for a person and for CI."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from sidecar.instance import orthanc_root, packages, viewer
from sidecar.instance.layout import CHECKOUT
from sidecar.instance.stages import install_packages
from sidecar.instance.steps import Step, StepError, run_steps

BIN = Path(sys.executable).parent
STATIC_CHECKS = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy"]),
    ("floors", ["lint-imports"]),
)
LAYERS = ("unit", "architecture", "contract", "service", "doors", "e2e")
"""From quick to slow: the first failure is heard early."""
FAST_LAYERS = ("unit", "architecture")
NEED_TOOLS = frozenset({"doors", "e2e"})


def inner_loop(console: Console) -> int:
    """Run static checks and fast tests; return 0 when all is well."""
    return _run_all([*_static(), *_layers(FAST_LAYERS)], console)


def run_tests(layers: tuple[str, ...], console: Console) -> int:
    """Prepare what the layers need and run them; all layers and the static checks when none is named."""
    unknown = [layer for layer in layers if layer not in LAYERS]
    if unknown:
        raise StepError(f"no such layer: {' '.join(unknown)}. There are: {' '.join(LAYERS)}")
    chosen = layers or LAYERS
    if set(chosen) - set(FAST_LAYERS):
        prepare(console, tools=bool(NEED_TOOLS & set(chosen)))
    with tempfile.TemporaryDirectory(prefix="readingroom-test-", dir="/var/tmp") as data:
        Path(data).chmod(0o711)  # Postgres runs as a user of its own and must be able to pass
        return _run_all([*([] if layers else _static()), *_layers(chosen)], console, {"RR_TEST_DATA": data})


def prepare(console: Console, *, tools: bool) -> None:
    """Bring what tests on real parts need: packages, Orthanc's root, OHIF; with ``tools`` Chromium and the like."""
    run_steps(install_packages(), console)
    if tools:
        lacking = packages.missing(packages.FOR_TESTS)
        names = " ".join(package.name for package in lacking)
        run_steps([Step(f"Install {names}", lambda: not lacking, lambda: packages.install(packages.FOR_TESTS))], console)
    run_steps([Step("Build the Orthanc root", orthanc_root.built, lambda: orthanc_root.build(console))], console)
    run_steps(viewer.steps(lambda text: console.print(f"  [dim]{text}[/dim]")), console)


def run_module(folder: str, name: str | None, results: str, console: Console, arguments: tuple[str, ...] = ()) -> int:
    """Run ``folder/name.py`` with RR_RESULTS naming where its output belongs; list what there is without a name."""
    there = sorted(path.stem for path in (CHECKOUT / folder).glob("*.py") if not path.stem.startswith("_"))
    if name is None:
        console.print(f"In {folder}: {' '.join(there) or 'nothing yet'}")
        return 0
    if name not in there:
        raise StepError(f"no {folder}/{name}.py. There are: {' '.join(there) or 'none'}")
    prepare(console, tools=True)
    out = CHECKOUT / results
    out.mkdir(parents=True, exist_ok=True)
    module = f"{folder.replace('/', '.')}.{name}"
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=CHECKOUT, env={**os.environ, "RR_RESULTS": str(out)}, check=False
    ).returncode


def _static() -> list[tuple[str, list[str]]]:
    return [(title, [str(BIN / words[0]), *words[1:]]) for title, words in STATIC_CHECKS]


def _layers(names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    there = [name for name in LAYERS if name in names and any((CHECKOUT / "tests" / name).rglob("test_*.py"))]
    return [(f"tests/{name}", [sys.executable, "-m", "pytest", f"tests/{name}"]) for name in there]


def _run_all(commands: list[tuple[str, list[str]]], console: Console, variables: dict[str, str] | None = None) -> int:
    """Run all of them even when one fails, and sum up."""
    failed = []
    for title, command in commands:
        began = time.monotonic()
        console.rule(title, align="left")
        if subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **(variables or {})}, check=False).returncode != 0:
            failed.append(title)
        console.print(f"[dim]{title}: {time.monotonic() - began:.1f} s[/dim]")
    if failed:
        console.print(f"[red]Failed: {', '.join(failed)}[/red]")
        return 1
    console.print("[green]All is well.[/green]")
    return 0
