"""What ``status`` and ``logs`` show."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sidecar.adapters.cell_status import disk_use
from sidecar.instance.instance import Instance
from sidecar.instance.programs import APPLICATION, SERVICES
from sidecar.instance.supervision import Part, log_path

GIB = 1024**3


def print_status(instance: Instance, console: Console) -> bool:
    """Print the parts, ports and disk use; return whether everything that should run does."""
    parts = instance.parts()
    layout, ports = instance.layout, instance.layout.ports
    known_ports = {name: getattr(ports, name) for name in ("web", "carrier", "postgres", "redis")} | {"nginx": ports.public}
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "state", "pid", "up for", "port", "AE title"):
        table.add_column(heading)
    for part in parts:
        aet, dicom = cell_place(layout.cells_conf / f"{part.name}.conf")
        port = str(known_ports.get(part.name, dicom))
        name = part.name[:13] if aet else part.name  # as much of a cell's id as `logs` needs
        table.add_row(name, _coloured(part.state), str(part.pid or ""), _age(part), port, aet)
    console.print(table if parts else "Nothing runs. Start with ./readingroom up")
    console.print(f"web interface  {instance.url}")
    console.print(f"DICOM ports    {ports.cell_dicom[0]}-{ports.cell_dicom[1]}")
    free = shutil.disk_usage(layout.data).free / GIB
    console.print(f"data           {layout.data}  {disk_use(layout.data) / GIB:.2f} GiB, {free:.1f} GiB free")
    expected = {*SERVICES, *APPLICATION}
    well = {part.name for part in parts if part.state == "running"}
    return expected <= well and all(part.state == "running" for part in parts)


def log_files(instance: Instance, name: str | None) -> list[Path]:
    """Return the log of one part, or all without a name. Of a cell or its door the beginning of its name will do."""
    for program, log in (("cell-", "orthanc.log"), ("door-", "door.log")):
        if name and name.startswith(program):
            return sorted(instance.layout.cells.glob(f"{name.removeprefix(program)}*/log/{log}"))
    if name:
        path = log_path(instance.layout, name)
        return [path] if path.exists() else []
    return sorted([*instance.layout.logs.glob("*.log"), *instance.layout.cells.glob("*/log/orthanc.log")])


def cell_place(program: Path) -> tuple[str, str]:
    """Return a cell's AE title and DICOM port out of its supervisord file; empty for what is not a cell."""
    text = program.read_text() if program.exists() else ""
    found = [re.search(rf"{name} (\S+)", text) for name in ("RR_CELL_AET", "RR_CELL_DICOM_PORT")]
    aet, port = (match[1] if match else "" for match in found)
    return aet, port


def _coloured(state: str) -> str:
    colour = {"running": "green", "stopped": "dim"}.get(state, "red")
    return f"[{colour}]{state}[/{colour}]"


def _age(part: Part) -> str:
    if part.since is None:
        return ""
    return str(datetime.now(UTC) - part.since).split(".")[0]
