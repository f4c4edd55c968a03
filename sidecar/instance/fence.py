"""The walls around each program: no child outlives it, no capability it does not need, and for nginx only its own files."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from sidecar.instance.steps import run_command
from sidecar.instance.tools import need

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")


def fenced(command: list[str], *, capabilities: Iterable[str] = ()) -> list[str]:
    """Return ``command`` in its own process namespace, bound to its parent's life.

    A killed nginx master or Postgres postmaster leaves children holding ports and files; in a namespace of their own
    the kernel ends them together. bwrap ignores INT and TERM, so that the program inside may end in peace first
    (programs that want these signals set their own handlers).
    """
    return [*_walls(capabilities), "--dev-bind", "/", "/", "--", *command]


def possible() -> bool:
    """Tell whether this machine lets this user build the walls."""
    return subprocess.run(fenced([need("true")]), capture_output=True, check=False).returncode == 0


def refuse() -> None:
    """Raise StepError with the reason bwrap gives."""
    run_command(fenced([need("true")]))


def shut_in(command: list[str], *, read: Iterable[Path], write: Path, capabilities: Iterable[str] = ()) -> list[str]:
    """Return ``command`` fenced and seeing nothing but the system's programs, ``read`` and ``write``: no secrets, no images."""
    mounts = [word for path in SYSTEM for word in ("--ro-bind-try", path, path)]
    mounts += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - the program's own
    mounts += [word for path in read for word in ("--ro-bind-try", str(path), str(path))]
    mounts += ["--bind", str(write), str(write)]
    return [*_walls(capabilities), *mounts, "--", *command]


def _walls(capabilities: Iterable[str]) -> list[str]:
    kept = [word for name in capabilities for word in ("--cap-add", name)]
    return [
        need("env"), "--ignore-signal=INT,TERM",
        need("bwrap"), "--die-with-parent", "--unshare-pid", "--cap-drop", "ALL", *kept,
    ]  # fmt: skip
