"""From the last C-STORE acknowledgement to the row in an open browser, through every part as it really runs.

An instance of its own is brought up; a hospital, its sender, its contract and a reader are made; the reader's worklist
stands open in Chromium. storescu sends studies of one and of twenty images; the moment of an acknowledgement is when
storescu prints it, the moment of the row is when the page's DOM holds it with the full number of images.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Page, sync_playwright

from benchmarks._house import house
from benchmarks._result import write
from sidecar.accounts.bootstrap import platform_id
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import OrganisationKind, Role, platform_system, system_actor
from sidecar.gate.machine import Workshop
from sidecar.gate.scope import Scope
from sidecar.instance import Instance
from sidecar.kernel.settings import Settings
from sidecar.organisations import service as organisations
from sidecar.organisations.model import Places
from sidecar.organisations.tables import Cell
from sidecar.worker import open_workshop
from tests.cast import Person, make_person
from tests.doors import phantom
from tests.e2e.desk import sign_in
from tests.e2e.gallery import CHROMIUM, FLAGS

ROUNDS = 25
IMAGES = (1, 20)
TARGET_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
ACKNOWLEDGED = "Received Store Response (Success)"
WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const row of document.querySelectorAll('#rows > tr')) {
      const key = `${row.querySelector('.name').textContent}|${row.querySelector('.c-images').textContent.match(/\\d+/)[0]}`;
      window.seen[key] ??= Date.now();
    }
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true});
}"""


def furnish(workshop: Workshop) -> tuple[Cell, Person]:
    """Make a hospital with a cell and a sender, a reading group, their contract, and a reader."""
    platform_id(workshop.scopes)
    seal = Seal.from_text(workshop.settings.secret("totp_key"))
    with workshop.scopes.open(platform_system()) as scope:
        cell = organisations.add_hospital(scope, name="Mercy Hospital", places=Places.of(workshop.settings))
        group = organisations.create_organisation(scope, kind=OrganisationKind.READING_GROUP, name="Night Owls")
        _contract(scope, cell.organisation_id, group.id)
    with workshop.scopes.open(system_actor(cell.organisation_id)) as scope:
        organisations.add_sender(scope, aet="CT1", network="127.0.0.1")
    return cell, make_person(workshop.scopes, seal, group.id, OrganisationKind.READING_GROUP, Role.RADIOLOGIST, "Dr. Nora Quinn")


def _contract(scope: Scope, provider: UUID, group: UUID) -> None:
    organisations.create_contract(
        scope,
        provider_id=provider,
        reading_id=group,
        modalities=None,
        turnaround_minutes={"routine": 60},
        starts_on=date(2020, 1, 1),
    )


def send(cell: Cell, files: list[Path]) -> float:
    """Send over one association; return the epoch second at which the last image was acknowledged, 0.0 if any was not."""
    command = ["storescu", "--verbose", "-aet", "CT1", "-aec", cell.aet, "127.0.0.1", str(cell.dicom_port), *map(str, files)]
    sender = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "TCP_NODELAY": "1"}
    )
    moments = [time.time() for line in sender.stdout or [] if ACKNOWLEDGED in line]
    return moments[-1] if sender.wait() == 0 and len(moments) == len(files) else 0.0


def wait_until_admitted(cell: Cell, directory: Path) -> None:
    """Send a first study until the cell runs and knows its sender; it also warms everything up."""
    deadline = time.monotonic() + 120
    files = phantom.write(directory / "first", phantom.study(2, size=512))
    while send(cell, files) == 0.0:
        if time.monotonic() > deadline:
            raise RuntimeError("the cell admitted nobody")
        time.sleep(0.5)


def one_round(page: Page, cell: Cell, directory: Path, number: int, images: int) -> float:
    """Return the seconds from the last acknowledgement to the row with all images."""
    name = f"Round{number}^Of{images}"
    files = phantom.write(
        directory / name, phantom.study(images, size=512, PatientName=name, PatientID=name, AccessionNumber=str(number))
    )
    acknowledged = send(cell, files)
    if acknowledged == 0.0:
        raise RuntimeError("an image was not acknowledged")
    key, deadline = f"Round{number}, Of{images}|{images}", time.monotonic() + PATIENCE_SECONDS
    while (seen := page.evaluate("key => window.seen[key] ?? 0", key)) == 0:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no row with {images} images after {PATIENCE_SECONDS:.0f} s")
        page.wait_for_timeout(20)
    return float(seen / 1000 - acknowledged)


def report(images: int, seconds: list[float]) -> bool:
    """Write the result; return whether the target is met."""
    median = statistics.median(seconds)
    return write(
        f"arrival_{images}",
        name=f"last C-STORE acknowledgement to row in an open browser, {images} image(s) of 512x512, median",
        unit="s",
        ours=round(median, 3),
        reference=None,
        target=TARGET_SECONDS,
        met=median <= TARGET_SECONDS,
        how=f"{len(seconds)} rounds by storescu through cell, courier, intake, Redis, server-sent events and Chromium's DOM",
        p95=round(statistics.quantiles(seconds, n=20)[-1], 3),
        worst=round(max(seconds), 3),
        load=round(os.getloadavg()[0], 1),
    )


def measure(instance: Instance, workshop: Workshop, directory: Path, rounds: int) -> bool:
    """Open the reader's worklist and send."""
    cell, reader = furnish(workshop)
    wait_until_admitted(cell, directory)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_context(base_url=instance.url, viewport={"width": 1440, "height": 900}).new_page()
        sign_in(page, reader)
        page.goto("/worklist")
        page.wait_for_selector("#live[data-state=live]")
        page.evaluate(WATCH)
        met = [
            report(images, [one_round(page, cell, directory, number, images) for number in range(rounds)]) for images in IMAGES
        ]
        browser.close()
    return all(met)


def main(rounds: int = ROUNDS) -> int:
    """Print the times and write arrival_1.json and arrival_20.json; 1 when the target is missed."""
    with house() as (instance, directory), closing(open_workshop(Settings.from_env(instance.env()))) as workshop:
        met = measure(instance, workshop, directory, rounds)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
