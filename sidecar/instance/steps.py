"""Steps: each knows whether it is done, how to do it, and what a person can do when it fails."""

import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console


class StepError(RuntimeError):
    """A step could not be done. The message says which, why and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing ``up`` does. ``done`` must be cheap: it runs at every ``up``, also the second and the interrupted one."""

    title: str
    done: Callable[[], bool]
    act: Callable[[], None]
    advice: str = ""
    quiet: bool = False
    """Done at every ``up`` and not worth a line, such as writing configuration."""


def always(title: str, act: Callable[[], None], advice: str = "") -> Step:
    """Return a quiet step that is done anew each time."""
    return Step(title, lambda: False, act, advice, quiet=True)


def run_command(command: list[str], *, env: dict[str, str] | None = None, feed: str | None = None) -> str:
    """Run a program to its end and return its output; raise StepError with the last lines when it fails."""
    try:
        outcome = subprocess.run(
            command, env=env, input=feed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except FileNotFoundError as error:
        raise StepError(f"{command[0]} is not installed") from error
    if outcome.returncode != 0:
        tail = "\n".join(outcome.stdout.strip().splitlines()[-12:])
        raise StepError(f"`{' '.join(command[:4])} …` ended with {outcome.returncode}:\n{tail}")
    return outcome.stdout


def run_steps(steps: Iterable[Step], console: Console) -> None:
    """Do what is not done yet, in order; stop at the first failure with StepError."""
    for step in steps:
        if step.done():
            continue
        began = time.monotonic()
        if not (step.quiet or console.is_terminal):
            console.print(f"  {step.title} …", highlight=False, soft_wrap=True)  # a log has no spinner to tell what takes so long
        with console.status(f"{step.title} …"):
            try:
                step.act()
            except (StepError, OSError, subprocess.SubprocessError) as error:
                raise StepError(explain(step, error)) from error
        if not step.quiet:
            console.print(f"[green]✓[/green] {step.title} [dim]{time.monotonic() - began:.1f} s[/dim]")


def explain(step: Step, error: Exception) -> str:
    """Say which step failed, why, and what to do next."""
    lines = [f"Step failed: {step.title}", str(error)]
    if step.advice:
        lines.append(f"What to do: {step.advice}")
    lines.append("Run the same command again when that is settled: finished steps are kept.")
    return "\n".join(lines)
