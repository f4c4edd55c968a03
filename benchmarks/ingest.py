"""Ingest through the plugin against the same Orthanc without it, in one run.

Both sides run the one `orthanc.json`; the reference side is that file without the Python plugin and the Lua hook, with
the same sender registered over REST. Both cells run all the time and get the same images in short turns, one right
after the other, in alternating order: what else the machine does hits both. The sender is DCMTK's dcmsend, because a
sender in Python would be the slowest part and hide the difference; it sets TCP_NODELAY like the cell does. The courier
delivers to an inbox on this machine while the images come in.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._result import write
from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import CHECKOUT, RunningCell

IMAGES = 150
TURNS = 13
ASSOCIATIONS = (1, 4)
TARGET = 0.95
GATE_LINES = ("libOrthancPython.so", '"PythonScript"', '"Python"', '"PythonVerbose"', '"LuaScripts"')
SENDER = {"AET": "CT1", "Host": "192.0.2.1", "Port": 104, "AllowFind": False, "AllowMove": False, "AllowGet": False}


def reference_configuration(directory: Path) -> Path:
    """The hardened configuration without the lines that load the plugin."""
    lines = (CHECKOUT / "orthanc.json").read_text().splitlines()
    file = directory / "reference.json"
    file.write_text("\n".join(line for line in lines if not any(gate in line for gate in GATE_LINES)))
    return file


def wait_for_reference(cell: RunningCell) -> None:
    """Register the sender on an Orthanc that has no gate."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.put(f"{cell.url}/modalities/ct1", json=SENDER, trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the reference server did not start")


def send(port: int, groups: list[list[Path]]) -> float:
    """Send each group over its own association at once; returns images per second."""
    environment = {"PATH": os.environ["PATH"], "TCP_NODELAY": "1"}
    began = time.perf_counter()
    senders = [
        subprocess.Popen(
            ["dcmsend", "-aet", "CT1", "-aec", "MERCY", "--max-send-pdu", "131072", "127.0.0.1", str(port), *map(str, group)],
            env=environment,
        )
        for group in groups
    ]
    if any(sender.wait() for sender in senders):
        raise RuntimeError("a sender failed")
    return sum(map(len, groups)) / (time.perf_counter() - began)


def processor_seconds(cell: RunningCell) -> float:
    """Processor time the Orthanc process has used, in seconds."""
    fields = Path(f"/proc/{cell.orthanc_pid()}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check(cell: RunningCell, total: int, inbox: FakeInbox | None) -> None:
    """Every image is in the archive, and on our side every event arrived."""
    stored = cell.get("/statistics", cell.token()).json()["CountInstances"]
    if stored != total:
        raise RuntimeError(f"{stored} of {total} images are in the archive")
    if inbox is not None:
        inbox.wait_for(lambda: len(set(inbox.sop_instance_uids())) == total)


def measure(directory: Path, associations: int, turns: int) -> bool:
    """Alternate the sides; the ratio is the median of the ratios of neighbouring turns."""
    inbox = FakeInbox()
    ours = RunningCell(directory / "ours", inbox.url)
    reference = RunningCell(directory / "reference", inbox.url)
    reference.configuration = reference_configuration(directory)
    rates: tuple[list[float], list[float]] = ([], [])
    try:
        ours.start()
        reference.start(wait=False)
        wait_for_reference(reference)
        before: list[float] = []
        for number in range(turns):
            files = phantom.write(directory / "images", phantom.study(IMAGES, size=512))
            groups = [files[first::associations] for first in range(associations)]
            for side in (0, 1) if number % 2 else (1, 0):
                rate = send((ours, reference)[side].dicom_port, groups)
                if number:  # the first turn warms both up
                    rates[side].append(rate)
                inbox.wait_for(lambda sent=(number + (side == 0)) * IMAGES: len(set(inbox.sop_instance_uids())) >= sent)
            shutil.rmtree(directory / "images")
            before = before or [processor_seconds(cell) for cell in (ours, reference)]
        used = [processor_seconds(cell) - past for cell, past in zip((ours, reference), before, strict=True)]
        cost = [1000 * seconds / ((turns - 1) * IMAGES) for seconds in used]
        check(ours, turns * IMAGES, inbox)
        check(reference, turns * IMAGES, None)
    finally:
        ours.discard()
        reference.discard()
        inbox.close()
    return report(associations, *rates, cost)


def report(associations: int, ours: list[float], reference: list[float], cost: list[float]) -> bool:
    """Write the result; return whether the target is met."""
    ratios = sorted(mine / theirs for mine, theirs in zip(ours, reference, strict=True))
    ratio = statistics.median(ratios)
    return write(
        f"ingest_{associations}",
        name=f"ingest, {associations} association(s), CT images 512x512",
        unit="images/s",
        ours=round(statistics.median(ours), 1),
        reference=round(statistics.median(reference), 1),
        ratio=round(ratio, 3),
        target=TARGET,
        met=ratio >= TARGET,
        how=f"dcmsend, {len(ours)} turns of {IMAGES} images to each side, the same configuration with and without the "
        "plugin; sides alternate; median of the ratios of neighbouring turns",
        quartiles=[round(value, 3) for value in statistics.quantiles(ratios, n=4)[::2]],
        processor_ms_per_image=[round(value, 2) for value in cost],
    )


def main(turns: int = TURNS) -> int:
    """Print the ratios and write ingest_1.json and ingest_4.json; 1 when a target is missed."""
    met = []
    for associations in ASSOCIATIONS:
        with tempfile.TemporaryDirectory(prefix="readingroom-bench-") as name:
            met.append(measure(Path(name), associations, turns))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
