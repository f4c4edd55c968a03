"""The one public door: nginx with a configuration made from ``nginx.conf.jinja``."""

import os
import re
import resource
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sidecar.instance import certificate, viewer
from sidecar.instance.fence import shut_in
from sidecar.instance.layout import CHECKOUT, Layout, write_private
from sidecar.instance.steps import run_command
from sidecar.instance.tools import need

TEMPLATES = Path(__file__).parent
STATIC = CHECKOUT / "sidecar/ui/static"
WEB_THREADS = 512
"""Threads of each of the web application's processes; an open line to a browser holds one (sidecar.worklist.stream)."""
OPEN_FILES = 16384
"""Files of one worker: half of them connections, each of which may need another one to a server behind."""


def render_template(
    *,
    origin: str,
    names: Iterable[str] = (),
    certificate: tuple[Path, Path] | None = None,
    proxies: Iterable[str] = (),
    files: int = OPEN_FILES,
    **values: object,
) -> str:
    """Return the configuration for these values; a missing one raises ``jinja2.UndefinedError``.

    Args:
        origin: what browsers write: scheme, host, port. Requests for other hosts are refused.
        names: further hosts that are ours, beside the loopback and the address that was called.
        certificate: files of the chain and of its key; None: plain HTTP.
        proxies: addresses or networks of the TLS proxy in front, believed about clients' addresses and TLS.
        files: how many one worker may have open.
        values: see ``render``.
    """
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        autoescape=False, keep_trailing_newline=True,  # noqa: S701 - nginx, not HTML
    )  # fmt: skip
    hosts = dict.fromkeys([urlsplit(origin).hostname or "", "localhost", "127.0.0.1", "[::1]", *names])
    return templates.get_template("nginx.conf.jinja").render(
        origin=origin, names=[_pattern(host) for host in hosts if host], certificate=certificate, proxies=list(proxies),
        files=files, web_threads=WEB_THREADS, **values,
    )  # fmt: skip


def _pattern(host: str) -> str:
    """Return a host as a regular expression that ``docker/edge`` can write too."""
    return re.sub(r"[.\[\]]", lambda found: rf"\{found[0]}" if found[0] in "[]" else "[.]", host)


def render(layout: Layout) -> str:
    """Return the configuration of a native instance."""
    first, last = layout.ports.cell_http
    return render_template(
        origin=layout.public_url,
        names=(layout.bind, socket.gethostname(), socket.getfqdn()),
        certificate=certificate.files(layout),
        proxies=layout.proxies,
        files=min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        user="root" if os.geteuid() == 0 else "",
        run_dir=layout.run / "nginx",
        listen=f"{layout.bind}:{layout.ports.public}",
        web=f"127.0.0.1:{layout.ports.web}",
        carrier=f"127.0.0.1:{layout.ports.carrier}",
        cell_host="127.0.0.1",
        cell_ports=range(first, last + 1),
        ohif_dir=viewer.path(),
        decode_worker=viewer.decode_worker(),
        static_dir=STATIC,
    )


def configure(layout: Layout) -> None:
    """Write nginx.conf and have nginx read it; raise StepError with its complaint."""
    (layout.run / "nginx").mkdir(mode=0o700, exist_ok=True)
    write_private(layout.conf / "nginx.conf", render(layout))
    run_command([*command(layout), "-t", "-q"])


def command(layout: Layout) -> list[str]:
    """Return the command that runs the server in the foreground."""
    return [need("nginx"), "-e", "stderr", "-c", str(layout.conf / "nginx.conf")]


def walled_command(layout: Layout) -> list[str]:
    """Return the same inside walls: the public program sees the files it serves and its temporary ones, nothing else."""
    return shut_in(
        command(layout),
        read=(layout.conf / "nginx.conf", STATIC, viewer.path(), *(certificate.files(layout) or ())),
        write=layout.run / "nginx",
        # As root it may take a port below 1024; its workers stay the walled-in root.
        capabilities=("CAP_SETUID", "CAP_SETGID", "CAP_NET_BIND_SERVICE") if os.geteuid() == 0 else (),
    )
