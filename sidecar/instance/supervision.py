"""Supervisord itself: starting, asking, stopping, and killing things for the tests."""

import os
import signal
import sys
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sidecar.adapters import supervisor_rpc
from sidecar.instance.layout import CHECKOUT, Layout
from sidecar.instance.readiness import wait_until
from sidecar.instance.steps import StepError, run_command
from sidecar.instance.tools import EXTRA_PATH

SUPERVISORD = "supervisord"


@dataclass(frozen=True, slots=True)
class Part:
    """One supervised program as seen now. ``pid`` is 0 when it is not running."""

    name: str
    state: str
    pid: int
    since: datetime | None
    note: str


def running(layout: Layout) -> bool:
    """Tell whether this instance's supervisord answers."""
    try:
        supervisor_rpc.connect(layout.supervisor_socket).getState()
    except supervisor_rpc.SUPERVISOR_GONE:
        return False
    return True


def start(layout: Layout) -> None:
    """Start supervisord; raise StepError. It inherits nothing from this shell: equal instances behave equally."""
    clean = {"PATH": f"{os.path.dirname(sys.executable)}:{EXTRA_PATH}", "LANG": "C.UTF-8", "TZ": "UTC"}  # noqa: PTH120
    clean["HOME"] = os.environ.get("HOME", "/")
    clean["PYTHONDONTWRITEBYTECODE"] = "1"
    clean["PYTHONPATH"] = str(CHECKOUT)
    run_command([sys.executable, "-m", "sidecar.adapters.supervisord", "-c", str(layout.conf / "supervisord.conf")], env=clean)
    wait_until(lambda: running(layout), seconds=20, what="an answer from supervisord")


def refresh(layout: Layout, names: Iterable[str]) -> None:
    """Have supervisord read its files again and replace those of ``names`` that changed; they are stopped then."""
    rpc = supervisor_rpc.connect(layout.supervisor_socket)
    for name in names:
        supervisor_rpc.apply_group(rpc, name)


def start_program(layout: Layout, name: str) -> None:
    """Start one program and wait until it has stayed up for a second; raise StepError when it does not."""
    try:
        supervisor_rpc.start(supervisor_rpc.connect(layout.supervisor_socket), name)
    except xmlrpc.client.Fault as fault:
        raise StepError(f"{name} does not stay up ({fault.faultString})") from fault


def is_up(layout: Layout, name: str) -> bool:
    """Tell whether a program runs."""
    return any(part.name == name and part.state == "running" for part in parts(layout))


def parts(layout: Layout) -> list[Part]:
    """Return every program, cells included; an empty list when supervisord is down."""
    try:
        infos = supervisor_rpc.connect(layout.supervisor_socket).getAllProcessInfo()
    except supervisor_rpc.SUPERVISOR_GONE:
        return []
    return [
        Part(
            info["name"], info["statename"].lower(), info["pid"],
            datetime.fromtimestamp(info["start"], UTC) if info["pid"] else None, info["spawnerr"],
        )
        for info in infos
    ]  # fmt: skip


def stop(layout: Layout) -> None:
    """Stop every program in peace, then supervisord; raise StepError when it takes over two minutes."""
    pid = supervisor_pid(layout)
    if pid is None:
        return
    supervisor_rpc.connect(layout.supervisor_socket).shutdown()
    wait_until(lambda: not alive(pid), seconds=120, what="the end of supervisord")


def supervisor_pid(layout: Layout) -> int | None:
    """Return the pid of this instance's supervisord, None when it is down."""
    try:
        return int(supervisor_rpc.connect(layout.supervisor_socket).getPID())
    except supervisor_rpc.SUPERVISOR_GONE:
        return None


def kill(layout: Layout, name: str) -> int:
    """End a program, or ``supervisord``, with SIGKILL as a crash would; return the pid that died."""
    if name == SUPERVISORD:
        pid = supervisor_pid(layout) or 0
    else:
        pid = next((part.pid for part in parts(layout) if part.name == name), 0)
    if not pid:
        raise ProcessLookupError(f"{name} is not running")
    os.kill(pid, signal.SIGKILL)
    return pid


def alive(pid: int) -> bool:
    """Tell whether a process exists and is not merely waiting to be reaped (proc(5): the state follows the name)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def log_path(layout: Layout, name: str) -> Path:
    """Return a program's log, for a cell and its door the one in the cell's directory."""
    if name.startswith("cell-"):
        return layout.cells / name.removeprefix("cell-") / "log/orthanc.log"
    if name.startswith("door-"):
        return layout.cells / name.removeprefix("door-") / "log/door.log"
    return layout.logs / f"{name}.log"


def tail(layout: Layout, name: str, lines: int = 15) -> str:
    """Return the last lines of a program's log."""
    path = log_path(layout, name)
    if not path.exists():
        return "(empty)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
