"""Ingest through the door and the plugin against the same Orthanc without them, and against Orthanc as packaged.

All servers run all the time and get the same images in short turns, one right after the other, in alternating order:
what else the machine does hits each of them. The sender is DCMTK's dcmsend, because a sender in Python would be the
slowest part and hide the difference. The courier delivers to an inbox on this machine while the images come in.

- reference: the one `orthanc.json` without the plugin, called directly; the sender sets TCP_NODELAY like the cell does
- packaged: Debian's own configuration and environment, for a sender that runs with all of DCMTK's defaults
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._result import write
from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import CHECKOUT, RunningCell, free_port, orthanc_root

IMAGES = 150
TURNS = 13
ASSOCIATIONS = (1, 4)
TARGET, TARGET_PACKAGED = 0.95, 2.0
GATE_LINES = ("libOrthancPython.so", '"PythonScript"', '"Python"', '"PythonVerbose"')
SENDER = {"AET": "CT1", "Host": "192.0.2.1", "Port": 104, "AllowFind": False, "AllowMove": False, "AllowGet": False}


@dataclass(slots=True)
class Server:
    """Where to send, how to count the processor time it has used (seconds), and how to end it."""

    port: int
    pids: Callable[[], list[int]]
    discard: Callable[[], None]

    def processor_seconds(self) -> float:
        """Processor time of its processes."""
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def our_server(directory: Path, inbox: FakeInbox) -> tuple[Server, RunningCell]:
    """A cell with its door."""
    cell = RunningCell(directory, inbox.url)
    cell.start()
    inbox.wait_for(lambda: bool(inbox.events("cell-started")), timeout=90)  # once per version, it surveys the routes
    return Server(cell.dicom_port, lambda: [cell.orthanc_pid(), cell.door_pid()], cell.discard), cell


def reference_server(directory: Path) -> Server:
    """The hardened configuration without the lines that load the plugin; the sender is registered over REST."""
    cell = RunningCell(directory, "http://127.0.0.1:9/")
    lines = (CHECKOUT / "orthanc.json").read_text().splitlines()
    cell.configuration = directory / "reference.json"
    cell.configuration.write_text("\n".join(line for line in lines if not any(gate in line for gate in GATE_LINES)))
    cell.start_orthanc()
    until(lambda: httpx.put(f"{cell.url}/modalities/ct1", json=SENDER, trust_env=False).is_success)
    until(lambda: echoes("MERCY", cell.inner_dicom_port))
    return Server(cell.inner_dicom_port, lambda: [cell.orthanc_pid()], cell.discard)


def packaged_server(directory: Path) -> Server:
    """Orthanc as Debian's service starts it, but for its directories and ports."""
    port = free_port()
    etc, data = directory / "etc", directory / "data"
    data.mkdir(parents=True)
    shutil.copytree(orthanc_root() / "etc/orthanc", etc)
    values = {
        "DicomPort": str(port),
        "HttpPort": str(free_port()),
        "StorageDirectory": '"/mnt/data"',
        "IndexDirectory": '"/mnt/data"',
    }
    text = (etc / "orthanc.json").read_text()
    for name, value in values.items():
        text = re.sub(rf'^(\s*"{name}"\s*:\s*)[^,\n]+', rf"\g<1>{value}", text, flags=re.MULTILINE)
    (etc / "orthanc.json").write_text(text)
    walls = ["--ro-bind", str(orthanc_root()), "/", "--bind", str(etc), "/etc/orthanc", "--tmpfs", "/mnt", "--proc", "/proc"]
    walls += ["--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--die-with-parent"]  # noqa: S108 - inside the walls
    command = ["bwrap", *walls, "--bind", str(data), "/mnt/data", "/usr/sbin/Orthanc", "/etc/orthanc"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, env={"PATH": "/usr/bin:/bin"}, stdout=log, stderr=log)
    until(lambda: echoes("ORTHANC", port))

    def discard() -> None:
        process.kill()
        process.wait()
        shutil.rmtree(directory)

    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return Server(port, lambda: [int(children.read_text().split()[0])], discard)


def echoes(aet: str, port: int) -> bool:
    """Say whether a server answers C-ECHO."""
    command = ["echoscu", "-aet", "CT1", "-aec", aet, "127.0.0.1", str(port)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def until(answers: Callable[[], bool]) -> None:
    """Wait for a server."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if answers():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError("a server did not start")


def send(port: int, groups: list[list[Path]], *, tuned: bool = True) -> float:
    """Send each group over its own association at once; returns images per second."""
    environment = {"PATH": os.environ["PATH"]} | ({"TCP_NODELAY": "1"} if tuned else {})
    options = ["--max-send-pdu", "131072"] if tuned else []
    began = time.perf_counter()
    senders = [
        subprocess.Popen(
            ["dcmsend", "-aet", "CT1", "-aec", "MERCY", *options, "127.0.0.1", str(port), *map(str, group)], env=environment
        )
        for group in groups
    ]
    if any(sender.wait() for sender in senders):
        raise RuntimeError("a sender failed")
    return sum(map(len, groups)) / (time.perf_counter() - began)


def check(cell: RunningCell, total: int, inbox: FakeInbox) -> None:
    """Every image is in our archive, and every event arrived."""
    stored = cell.get("/statistics", cell.token()).json()["CountInstances"]
    if stored != total:
        raise RuntimeError(f"{stored} of {total} images are in the archive")
    inbox.wait_for(lambda: len(set(inbox.sop_instance_uids())) == total)


def measure(directory: Path, other: Server, associations: int, turns: int, *, tuned: bool) -> tuple[list[float], ...]:
    """Alternate the sides; returns the rates of ours and of the other, and the processor time of both in ms per image."""
    inbox = FakeInbox()
    ours, cell = our_server(directory / "ours", inbox)
    rates: tuple[list[float], list[float]] = ([], [])
    try:
        before: list[float] = []
        for number in range(turns):
            files = phantom.write(directory / "images", phantom.study(IMAGES, size=512))
            groups = [files[first::associations] for first in range(associations)]
            for side in (0, 1) if number % 2 else (1, 0):
                rate = send((ours, other)[side].port, groups, tuned=tuned)
                if number:  # the first turn warms both up
                    rates[side].append(rate)
                inbox.wait_for(lambda sent=(number + (side == 0)) * IMAGES: len(set(inbox.sop_instance_uids())) >= sent)
            shutil.rmtree(directory / "images")
            before = before or [server.processor_seconds() for server in (ours, other)]
        used = [server.processor_seconds() - past for server, past in zip((ours, other), before, strict=True)]
        check(cell, turns * IMAGES, inbox)
    finally:
        ours.discard()
        other.discard()
        inbox.close()
    return *rates, [1000 * seconds / ((turns - 1) * IMAGES) for seconds in used]


def report(file: str, name: str, target: float, how: str, figures: tuple[list[float], ...]) -> bool:
    """Write the result; the ratio is the median of the ratios of neighbouring turns. Return whether the target is met."""
    ours, reference, cost = figures
    ratios = sorted(mine / theirs for mine, theirs in zip(ours, reference, strict=True))
    ratio = statistics.median(ratios)
    return write(
        file,
        name=name,
        unit="images/s",
        ours=round(statistics.median(ours), 1),
        reference=round(statistics.median(reference), 1),
        ratio=round(ratio, 3),
        target=target,
        met=ratio >= target,
        how=f"{how}; {len(ours)} turns of {IMAGES} images to each side, sides alternate; median of the ratios of neighbours",
        quartiles=[round(value, 3) for value in statistics.quantiles(ratios, n=4)[::2]],
        processor_ms_per_image=[round(value, 2) for value in cost],
        load=round(os.getloadavg()[0], 1),
    )


def main(turns: int = TURNS) -> int:
    """Print the ratios and write ingest_1.json, ingest_4.json and ingest_packaged.json; 1 when a target is missed."""
    met = []
    for associations in ASSOCIATIONS:
        with tempfile.TemporaryDirectory(prefix="readingroom-bench-") as name:
            other = reference_server(Path(name) / "reference")
            figures = measure(Path(name), other, associations, turns, tuned=True)
        title = f"ingest through door and plugin, {associations} association(s), CT images 512x512"
        met.append(report(f"ingest_{associations}", title, TARGET, "dcmsend to the same Orthanc without both", figures))
    with tempfile.TemporaryDirectory(prefix="readingroom-bench-") as name:
        figures = measure(Path(name), packaged_server(Path(name) / "packaged"), 1, max(3, turns // 2), tuned=False)
    title = "ingest from a sender with DCMTK's defaults, 1 association, CT images 512x512"
    met.append(report("ingest_packaged", title, TARGET_PACKAGED, "dcmsend to Orthanc as Debian packages and starts it", figures))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
