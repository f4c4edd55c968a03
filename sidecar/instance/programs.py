"""What supervisord is told: its own settings and one section per program."""

import hashlib
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from sidecar.instance import certificate, environment, nginx, postgres, redis
from sidecar.instance.fence import fenced, shut_in
from sidecar.instance.layout import CHECKOUT, Layout, write_private

SERVICES = ("postgres", "redis")
BECOME_ANOTHER = ("CAP_SETUID", "CAP_SETGID")
"""What root needs to run Postgres as its own user."""
APPLICATION = ("web", "worker", "carrier", "nginx")
"""In the order in which they start."""

HEAD = """\
; Written by ./readingroom up
[supervisord]
logfile={logs}/supervisord.log
logfile_maxbytes=10MB
logfile_backups=3
loglevel=info
pidfile={run}/supervisord.pid
childlogdir={logs}
nodaemon=false
umask=077
user={user}

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[include]
files = {include}/*.conf
"""


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised program. ``version`` changes when it must be started anew."""

    name: str
    command: list[str]
    version: str
    variables: dict[str, str]
    autostart: bool = False
    stop_signal: str = "TERM"
    stop_seconds: int = 10


def all_programs(layout: Layout) -> list[Program]:
    """Return the programs, cells excepted: those have a file each, written by the sidecar's cell host."""
    told = environment.variables(layout)
    code = environment.code_fingerprint(*told.values())
    nothing: dict[str, str] = {}
    settings = _digest(postgres.CONFIGURATION)
    return [
        Program(
            "postgres", fenced(postgres.command(layout), capabilities=BECOME_ANOTHER), settings, nothing,
            autostart=True, stop_signal="INT", stop_seconds=60,
        ),
        Program("redis", fenced(redis.command(layout)), _digest(redis.CONFIGURATION), nothing, autostart=True),
        Program("web", fenced(web_command(layout)), code, {**told, "PROMETHEUS_MULTIPROC_DIR": str(layout.metrics)}),
        Program("worker", fenced([sys.executable, "-m", "sidecar.worker"]), code, told, stop_seconds=20),
        Program("carrier", carrier_command(layout), code, told),
        Program("nginx", nginx.walled_command(layout), _digest(nginx.render(layout) + certificate.fingerprint(layout)), nothing),
    ]  # fmt: skip


def web_command(layout: Layout) -> list[str]:
    """Return the command of the web application: two processes with many threads, each open browser holds one."""
    return [
        sys.executable, "-m", "gunicorn", "sidecar.app:serve()", "--name", "readingroom-web",
        "--bind", f"127.0.0.1:{layout.ports.web}", "--worker-class", "gthread", "--workers", "2",
        "--threads", str(nginx.WEB_THREADS),
        "--keep-alive", "75", "--timeout", "60", "--graceful-timeout", "3", "--worker-tmp-dir", "/dev/shm",  # noqa: S108
        "--forwarded-allow-ips", "127.0.0.1", "--no-control-socket",
        "--limit-request-line", "0",  # nginx has the limit, and refuses in the words of the API
    ]  # fmt: skip


def carrier_command(layout: Layout) -> list[str]:
    """Return the command of the carrier, which sees the program, finished exports and its own directory: no secret file."""
    return shut_in(
        [sys.executable, "-m", "sidecar.carrier", "127.0.0.1", str(layout.ports.carrier), str(layout.spool)],
        read=(CHECKOUT, Path(sys.prefix), Path(sys.base_prefix), layout.exports),
        write=layout.spool,
    )


def render(layout: Layout) -> str:
    """Return the text of supervisord.conf. It holds passwords: written 0600."""
    user = "root" if os.geteuid() == 0 else str(os.geteuid())
    head = HEAD.format(logs=layout.logs, run=layout.run, socket=layout.supervisor_socket, include=layout.cells_conf, user=user)
    return head + "".join(section(layout, program) for program in all_programs(layout))


def section(layout: Layout, program: Program) -> str:
    """Return the section of one program."""
    variables = {**program.variables, "RR_FINGERPRINT": program.version}
    settings = ",".join(f'{name}="{_escape(value)}"' for name, value in variables.items())
    lines = [
        f"[program:{program.name}]",
        f"command={_escape(shlex.join(program.command))}",
        f"directory={CHECKOUT}",
        f"environment={settings}",
        f"autostart={str(program.autostart).lower()}", "autorestart=true", "startsecs=1", "startretries=30",
        f"stopsignal={program.stop_signal}", "stopasgroup=true", "killasgroup=true",
        f"stopwaitsecs={program.stop_seconds}",
        f"stdout_logfile={layout.logs / program.name}.log", "redirect_stderr=true",
        "stdout_logfile_maxbytes=10MB", "stdout_logfile_backups=5",
    ]  # fmt: skip
    return "\n" + "\n".join(lines) + "\n"


def write(layout: Layout) -> None:
    """Write supervisord.conf."""
    write_private(layout.conf / "supervisord.conf", render(layout))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _escape(text: str) -> str:
    """Double the percent signs, which supervisord would expand."""
    return text.replace("%", "%%")
