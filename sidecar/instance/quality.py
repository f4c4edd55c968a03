"""What ``check``, ``test``, ``bench`` and ``proof`` run: the same for a person and for CI."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
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
BESIDE = ("doors", "e2e")
"""Run beside all others when everything runs: these mostly wait, for images and for browsers."""
NEED_TOOLS = frozenset({"doors", "e2e"})

Command = tuple[str, list[str]]
"""Title and words."""


def inner_loop(console: Console) -> int:
    """Run static checks and fast tests; return 0 when all is well."""
    return _sum_up(_run_all([*_static(), *_layers(FAST_LAYERS)], console), console)


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
        beside = [] if layers else _layers(BESIDE)
        here = [*([] if layers else _static()), *_layers([each for each in chosen if layers or each not in BESIDE])]
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(_run_quietly, beside, Path(data))
            failed = _run_all(here, console, Path(data))
            for title, seconds, code, said in other.result():
                console.rule(title, align="left")
                console.print(said, markup=False, highlight=False)
                console.print(f"[dim]{title}: {seconds:.1f} s, beside the others[/dim]")
                failed += [title] if code else []
        return _sum_up(failed, console)


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


def _static() -> list[Command]:
    return [(title, [str(BIN / words[0]), *words[1:]]) for title, words in STATIC_CHECKS]


def _layers(names: Iterable[str]) -> list[Command]:
    wanted = set(names)
    there = [name for name in LAYERS if name in wanted and any((CHECKOUT / "tests" / name).rglob("test_*.py"))]
    return [(f"tests/{name}", [sys.executable, "-m", "pytest", f"tests/{name}"]) for name in there]


def _variables(title: str, data: Path | None) -> dict[str, str]:
    """Return the environment of one command; a layer of tests gets a data directory of its own, and with it a house."""
    if data is None:
        return dict(os.environ)
    own = data / Path(title).name
    own.mkdir(mode=0o711, exist_ok=True)
    return {**os.environ, "RR_TEST_DATA": str(own)}


def _run_all(commands: list[Command], console: Console, data: Path | None = None) -> list[str]:
    """Run all of them even when one fails; return which did."""
    failed = []
    for title, command in commands:
        began = time.monotonic()
        console.rule(title, align="left")
        if subprocess.run(command, cwd=CHECKOUT, env=_variables(title, data), check=False).returncode != 0:
            failed.append(title)
        console.print(f"[dim]{title}: {time.monotonic() - began:.1f} s[/dim]")
    return failed


def _run_quietly(commands: list[Command], data: Path) -> list[tuple[str, float, int, str]]:
    """Run them and keep what they say, for when the others have had their say; return title, seconds, exit code, words."""
    told = []
    for title, command in commands:
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=CHECKOUT, env=_variables(title, data), check=False, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        told.append((title, time.monotonic() - began, done.returncode, done.stdout))
    return told


def _sum_up(failed: list[str], console: Console) -> int:
    if failed:
        console.print(f"[red]Failed: {', '.join(failed)}[/red]")
        return 1
    console.print("[green]All is well.[/green]")
    return 0
