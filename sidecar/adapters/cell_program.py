"""The program entries of one cell and of its door: which commands supervisord runs, in which walls and environment."""

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import UUID

LIMITS = ("prlimit", "--core=0", "--nofile=8192", "--data=17179869184")
"""No core dumps (they hold images), 8192 open files, 16 GiB of data and stacks: one cell cannot eat the machine."""
DEEP_STACK = ("prlimit", "--stack=134217728")
"""128 MiB for each thread of Orthanc, of which only what is used becomes memory. Its limit of 64 nested sequences comes after
DCMTK has read them, one call within the other: 10,000 of them ended the process with the usual 8 MiB."""
SIGNALS = ("env", "--ignore-signal=INT,TERM")
"""bwrap must outlive the signal that stops Orthanc in peace: Orthanc sets its own handlers, bwrap keeps ignoring."""
ORTHANC = "/usr/sbin/Orthanc"
PYTHON = "/usr/bin/python3"
PLUGIN_INSIDE = "/plugin/orthanc_plugin"
"""The folder keeps its name in the root: it is a Python package."""


@dataclass(frozen=True, slots=True)
class CellSpec:
    """What must be known to run a cell. ``secret`` proves the cell to the sidecar's inbox.

    The door listens on ``dicom_port``, and with TLS where the policy snapshot says; Orthanc itself on
    ``inner_dicom_port``, on loopback only. ``character_set``: Orthanc's name for that of texts that name none.
    """

    cell_id: UUID
    organisation_id: UUID
    aet: str
    dicom_port: int
    http_port: int
    secret: str
    inner_dicom_port: int
    character_set: str = "Utf8"

    @property
    def program(self) -> str:
        """Name of the cell's program in supervisord."""
        return program_name(self.cell_id)

    @property
    def door(self) -> str:
        """Name of the program of the cell's door."""
        return door_name(self.cell_id)


@dataclass(frozen=True, slots=True)
class CellHousing:
    """Where cells live on this machine. ``orthanc_root`` is None in a container, which is the root itself."""

    supervisor_socket: Path
    include_dir: Path
    cells_dir: Path
    plugin_dir: Path
    orthanc_config: Path
    inbox_url: str
    cell_host: str
    orthanc_root: Path | None


def program_name(cell_id: UUID) -> str:
    """Return the name of a cell's program in supervisord."""
    return f"cell-{cell_id}"


def door_name(cell_id: UUID) -> str:
    """Return the name of the program of a cell's door."""
    return f"door-{cell_id}"


def render(housing: CellHousing, spec: CellSpec) -> str:
    """Return the text of the cell's supervisord file. Equal inputs give equal text: no change, no restart."""
    return _entry(housing, spec, spec.program, command(housing, spec), log="process.log", startsecs=3)


def render_door(housing: CellHousing, spec: CellSpec) -> str:
    """Return the text of the supervisord file of the cell's door."""
    return _entry(housing, spec, spec.door, door_command(housing, spec), log="door.log", startsecs=1)


def _entry(  # noqa: PLR0913 - what an entry says
    housing: CellHousing, spec: CellSpec, program: str, words: list[str], *, log: str, startsecs: int
) -> str:
    directory = housing.cells_dir / str(spec.cell_id)
    lines = [
        f"[program:{program}]",
        f"command={_escape(shlex.join(words))}",
        f"directory={directory}",
        f"environment=RR_FINGERPRINT={fingerprint(housing)}",
        # Always again, at once if it had been up; if it died before startsecs (Orthanc finds a port taken after two seconds),
        # a second later at first, then slower; after that the worker's next look starts it anew.
        "autostart=true", "autorestart=true", f"startsecs={startsecs}", "startretries=30",
        "stopsignal=TERM", "stopasgroup=true", "killasgroup=true", "stopwaitsecs=20",
        f"stdout_logfile={directory / 'log' / log}",
        # What Orthanc says before it has its log open, and why its walls could not be built.
        "redirect_stderr=true", "stdout_logfile_maxbytes=5MB", "stdout_logfile_backups=1",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def command(housing: CellHousing, spec: CellSpec) -> list[str]:
    """Return Orthanc's command."""
    if housing.orthanc_root is None:
        return [*_walls(housing, spec), *orthanc(str(housing.cells_dir / str(spec.cell_id))), str(housing.orthanc_config)]
    return [*_walls(housing, spec), *orthanc("/cell"), "/run/orthanc.json"]


def door_command(housing: CellHousing, spec: CellSpec) -> list[str]:
    """Return the door's command: the same walls, and Python from the same root; no module comes from the cell's files."""
    return [*_walls(housing, spec), PYTHON, "-P", "-m", "orthanc_plugin.door"]


def _walls(housing: CellHousing, spec: CellSpec) -> list[str]:
    """Return how a program runs: inside the Orthanc root with nothing but the cell's directory writable, or plain."""
    directory = housing.cells_dir / str(spec.cell_id)
    if housing.orthanc_root is None:
        variables = environment(housing, spec, str(directory), str(housing.plugin_dir))
        return [*LIMITS, "env", "-i", *(f"{name}={value}" for name, value in variables.items())]
    variables = environment(housing, spec, "/cell", PLUGIN_INSIDE)
    settings = [word for name, value in variables.items() for word in ("--setenv", name, value)]
    return [
        *LIMITS, *SIGNALS, "bwrap",
        "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL",
        "--ro-bind", str(housing.orthanc_root), "/",
        "--bind", str(directory), "/cell",
        "--tmpfs", "/plugin", "--ro-bind", str(housing.plugin_dir), PLUGIN_INSIDE,
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run",  # noqa: S108 - inside the root
        "--ro-bind", str(housing.orthanc_config), "/run/orthanc.json",
        "--chdir", "/cell", "--clearenv", *settings, "--",
    ]  # fmt: skip


def orthanc(cell_dir: str) -> list[str]:
    """Return Orthanc and its options."""
    return [*DEEP_STACK, ORTHANC, f"--logfile={cell_dir}/log/orthanc.log"]


def environment(housing: CellHousing, spec: CellSpec, cell_dir: str, plugin_dir: str) -> dict[str, str]:
    """Return the variables ``orthanc.json`` and the plugin read. None is secret: the command line shows them."""
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(PurePosixPath(plugin_dir).parent),
        "TCP_NODELAY": "1",  # DCMTK reads it; without it storage is several times slower
        "MALLOC_ARENA_MAX": "5",  # or glibc keeps one heap per thread
        "RR_CELL_ID": str(spec.cell_id),
        "RR_CELL_ORGANISATION": str(spec.organisation_id),
        "RR_CELL_AET": spec.aet,
        "RR_CELL_DICOM_PORT": str(spec.dicom_port),
        "RR_CELL_INNER_DICOM_PORT": str(spec.inner_dicom_port),
        "RR_CELL_HTTP_PORT": str(spec.http_port),
        # In a container the private network is the wall: no HTTP port of it is published.
        "RR_CELL_HTTP_BIND": housing.cell_host if housing.orthanc_root else "0.0.0.0",  # noqa: S104
        "RR_CELL_DIR": cell_dir,
        "RR_CELL_SECRET_FILE": f"{cell_dir}/secret",
        "RR_PLUGIN_DIR": plugin_dir,
        "RR_INBOX_URL": housing.inbox_url,
        "RR_CELL_ENCODING": spec.character_set,
    }


def fingerprint(housing: CellHousing) -> str:
    """Return a digest of the plugin and its configuration: when they change, a cell's file changes and it restarts."""
    digest = hashlib.sha256(str(housing.orthanc_root).encode())
    sources = sorted(path for pattern in ("*.py", "*.csv", "*.lua") for path in housing.plugin_dir.rglob(pattern))
    for path in (housing.orthanc_config, *sources):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _escape(text: str) -> str:
    """Double the percent signs, which supervisord would expand."""
    return text.replace("%", "%%")
