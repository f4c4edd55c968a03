"""STOW-RS of a large study through the public door: how fast, and that no process grows with it.

One request of 500 MB, generated while it is sent, goes through nginx and gunicorn into a real cell of a whole instance. The
memory of the web processes and of nginx is read before, all the time, and after.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from pydicom.uid import generate_uid

from benchmarks._house import house
from benchmarks._result import write
from benchmarks.arrival import furnish, wait_until_admitted
from sidecar.adapters.seals import Seal
from sidecar.app import create_app
from sidecar.gate.actor import OrganisationKind, Role
from sidecar.instance import Instance
from sidecar.kernel.settings import Settings
from sidecar.worker import open_workshop
from tests.browser import Browser
from tests.cast import make_person
from tests.doors import phantom

MEGABYTES = 500
SIZE = 1024
TARGET_MB = 64
"""Megabytes that all processes of nginx and the web application together may grow by."""
BOUNDARY = b"readingroom-bench"


def body(megabytes: int) -> Iterator[bytes]:
    """Yield a multipart body of images of 2 MB, one in memory at a time."""
    image = phantom.image(size=SIZE)
    for _ in range(megabytes // 2):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        file = BytesIO()
        image.save_as(file, enforce_file_format=True)
        yield b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
        yield file.getvalue()
        yield b"\r\n"
    yield b"--" + BOUNDARY + b"--\r\n"


def resident(directory: Path) -> float:
    """Return the resident megabytes of all processes of the web application and nginx of the instance."""
    total = 0
    for each in Path("/proc").glob("[0-9]*"):
        try:
            command = (each / "cmdline").read_bytes()
            if b"readingroom-web" in command or str(directory).encode() in command or b"nginx: worker" in command:
                fields = (each / "status").read_text().split("VmRSS:")
                total += int(fields[1].split()[0]) if len(fields) > 1 else 0
        except OSError:
            continue  # it has ended meanwhile
    return total / 1024


def send(url: str, cookie: str, megabytes: int) -> float:
    """Store, check that every instance is said to be stored, return megabytes per second."""
    headers = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}'}
    with httpx.Client(trust_env=False, timeout=600, cookies={"rr_session": cookie}) as http:
        began = time.perf_counter()
        answer = http.post(f"{url}/dicom-web/own/studies", content=body(megabytes), headers=headers)
        spent = time.perf_counter() - began
    stored = answer.json().get("00081199", {}).get("Value", [])
    if answer.status_code != httpx.codes.OK or len(stored) != megabytes // 2:
        raise RuntimeError(f"{answer.status_code}: {len(stored)} of {megabytes // 2} stored")
    return megabytes / spent


def measure(instance: Instance, directory: Path, megabytes: int) -> bool:
    """Send a little to warm up, then much while memory is watched."""
    settings = Settings.from_env(instance.env())
    with closing(open_workshop(settings)) as workshop:
        cell, _ = furnish(workshop)
        wait_until_admitted(cell, directory)
        seal = Seal.from_text(workshop.settings.secret("totp_key"))
        person = make_person(
            workshop.scopes, seal, cell.organisation_id, OrganisationKind.PROVIDER, Role.TECHNICIAN, "Tess Owner"
        )
    cookie = Browser(create_app(settings), person).client.get_cookie("rr_session")
    value = cookie.value if cookie else ""
    send(instance.url, value, 20)
    before, most, done = resident(directory), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            most[0] = max(most[0], resident(directory))

    watcher = threading.Thread(target=watch)
    watcher.start()
    rate = send(instance.url, value, megabytes)
    done.set()
    watcher.join()
    growth = most[0] - before
    return write(
        "stow",
        name=f"STOW-RS of {megabytes} MB in one request: growth of memory",
        unit="MB",
        ours=round(growth, 1),
        reference=None,
        target=TARGET_MB,
        met=growth <= TARGET_MB,
        how="resident memory of all processes of nginx and the web application, read every 50 ms while images of 2 MB stream in",
        megabytes_per_second=round(rate, 1),
        before=round(before, 1),
    )


def main(megabytes: int = MEGABYTES) -> int:
    """Bring up a private instance, measure, write stow.json; 1 when memory grew."""
    with house() as (instance, directory):
        met = measure(instance, directory, megabytes)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
