"""Where an instance keeps its things: one directory, and ``instance.json`` for what must not change."""

import json
import os
import pwd
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack

from sidecar.instance.ports import Ports, choose_ports
from sidecar.instance.steps import StepError

LOOPBACK = "127.0.0.1"
CHECKOUT = Path(__file__).resolve().parents[2]
SOCKET_PATH_LIMIT = 107
"""Bytes in the path of a unix socket (unix(7)); Postgres' longest name is ``.s.PGSQL.19001``."""


def default_data_dir() -> Path:
    """Return where an instance lives unless told otherwise."""
    if chosen := os.environ.get("RR_DATA"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/lib/readingroom/default")
    return Path.home() / ".local/share/readingroom/default"


def cache_dir() -> Path:
    """Return the user's cache: what can be made again and is shared by all checkouts and instances."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "readingroom"


class Front(TypedDict, total=False):
    """How people reach an instance, as ``up`` was told; None: as it was before. Remembered in ``instance.json``."""

    bind: str | None
    """Address to listen on."""
    url: str | None
    """Origin in people's browsers, when it is not what nginx itself answers."""
    tls: bool | None
    """Whether nginx speaks TLS."""
    certificate: str | None
    """File of a certificate chain; empty: one of our own."""
    key: str | None
    """File of its private key."""
    proxy: str | None
    """Address or network of the TLS proxy in front, believed about its clients' addresses; empty: loopback."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths and ports of one instance; the other fields are those of ``Front``."""

    data: Path
    ports: Ports
    bind: str = LOOPBACK
    url: str = ""
    tls: bool = False
    certificate: str = ""
    key: str = ""
    proxy: str = ""

    @property
    def run(self) -> Path:
        """Sockets and pid files: worthless after a restart."""
        return self.data / "run"

    @property
    def metrics(self) -> Path:
        """Counters that the web processes share."""
        return self.run / "metrics"

    @property
    def spool(self) -> Path:
        """What slow clients have not taken yet of their downloads, in files without a name."""
        return self.run / "spool"

    @property
    def secrets(self) -> Path:
        """Secret files, 0600 in a directory 0700."""
        return self.data / "secrets"

    @property
    def logs(self) -> Path:
        """One file per program, rotated by supervisord."""
        return self.data / "logs"

    @property
    def conf(self) -> Path:
        """Configuration written at every ``up``; editing it is useless."""
        return self.data / "conf"

    @property
    def cells(self) -> Path:
        """One directory per cell."""
        return self.data / "cells"

    @property
    def cells_conf(self) -> Path:
        """One supervisord include per cell."""
        return self.conf / "cells"

    @property
    def exports(self) -> Path:
        """Anonymised exports until they are downloaded and their time is over."""
        return self.data / "exports"

    @property
    def checkpoints(self) -> Path:
        """The journals' signed checkpoints outside the database: copy them to where nobody of this machine can write."""
        return self.data / "checkpoints"

    @property
    def postgres(self) -> Path:
        """Directory with the cluster (``data``) and its socket."""
        return self.data / "postgres"

    @property
    def supervisor_socket(self) -> Path:
        """Supervisord's XML-RPC, for this user only."""
        return self.run / "supervisor.sock"

    @property
    def public_url(self) -> str:
        """Origin without trailing slash: what was given with ``--url``, else what nginx itself answers."""
        if self.url:
            return self.url
        everywhere = self.bind in {LOOPBACK, "0.0.0.0"}  # noqa: S104 - read, not bound
        host = os.environ.get("RR_PUBLIC_HOST", LOOPBACK if everywhere else self.bind)
        return f"http{'s' if self.tls else ''}://{host}:{self.ports.public}"

    @property
    def proxies(self) -> list[str]:
        """Whom nginx believes about its clients: nobody, unless TLS ends before it."""
        if self.tls or not self.url.startswith("https://"):
            return []
        return [self.proxy or LOOPBACK]

    def make(self) -> None:
        """Create the directories with the modes they need."""
        self.data.mkdir(parents=True, exist_ok=True)
        # Others may pass through, not look: as root, Postgres runs as its own user inside.
        self.data.chmod(0o711)
        own = (self.run, self.secrets, self.logs, self.conf, self.cells_conf, self.cells, self.exports, self.checkpoints)
        for private in (*own, self.data / "redis"):
            private.mkdir(mode=0o700, exist_ok=True)
        self.spool.mkdir(mode=0o700, exist_ok=True)
        self.metrics.mkdir(mode=0o700, exist_ok=True)
        self.postgres.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.postgres, user.pw_uid, user.pw_gid)


def open_layout(data_dir: Path, *, public_port: int | None = None, **front: Unpack[Front]) -> Layout:
    """Return the remembered layout of ``data_dir``, or choose and remember one. Explicit values replace remembered ones."""
    data = data_dir.absolute()
    if len(str(data / "postgres" / ".s.PGSQL.19001")) > SOCKET_PATH_LIMIT:
        raise StepError(f"{data} is too long a path: unix sockets in it would exceed {SOCKET_PATH_LIMIT} characters")
    memory = data / "instance.json"
    known = json.loads(memory.read_text()) if memory.exists() else {}
    if known:
        ports = Ports.remembered(known["ports"])
    else:
        ports = choose_ports(data, public=public_port, default=data == default_data_dir())
    ports = replace(ports, public=public_port or ports.public)
    told = {name: value for name, value in front.items() if value is not None}
    remembered = {name: known[name] for name in Front.__annotations__ if name in known}
    layout = Layout(data, ports, **{**remembered, **told})
    layout = replace(layout, url=layout.url.rstrip("/"))
    if layout.tls and layout.url.startswith("http://"):
        raise StepError(f"with TLS the address in browsers begins with https://, not {layout.url}: name it with --url")
    data.mkdir(parents=True, exist_ok=True)
    memorable = {name: getattr(layout, name) for name in Front.__annotations__}
    write_private(memory, json.dumps({**memorable, "ports": asdict(ports)}, indent=1))
    return layout


def write_private(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file in one step, readable by its owner only: a reader sees the old or the new content, never half."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.chmod(mode)
    temporary.replace(path)
