"""The frames of a CT series of 400 slices, through the public door and the cell's gate, against a plain Orthanc asked directly.

Both hold the same images and are asked the same way: six kept connections, as browsers open to one host. The sides take
turns, after every fifty frames; the ratio is the median of neighbouring turns.
"""

from __future__ import annotations

import base64
import queue
import statistics
import sys
import threading
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from flask import Flask
from pydicom.dataset import Dataset
from sqlalchemy import update

from benchmarks._house import house
from benchmarks._result import write
from sidecar.adapters.cell_tokens import session_hash
from sidecar.app import create_app
from sidecar.gate.actor import platform_system
from sidecar.kernel.settings import Settings
from sidecar.organisations.tables import Cell
from sidecar.studies import contexts
from tests.browser import Browser
from tests.cast import Cast, make_cast
from tests.doors import phantom
from tests.doors.bare_orthanc import BareOrthanc
from tests.doors.edge_chain import EdgeChain
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import KID, RunningCell
from tests.factories.studies import make_study

SLICES, SIZE = 400, 512
TURNS = 9
BLOCK = 50
"""Frames after which the sides change: what else the machine does then hits both."""
CONNECTIONS = 6
TARGET = 0.90
ACCEPT = "multipart/related; type=application/octet-stream; transfer-syntax=*"


def store(url: str, images: list[Dataset], headers: dict[str, str]) -> None:
    """Give an Orthanc the images."""
    with httpx.Client(trust_env=False, timeout=60, headers=headers) as http:
        for image in images:
            file = BytesIO()
            image.save_as(file, enforce_file_format=True)
            http.post(f"{url}/instances", content=file.getvalue()).raise_for_status()


def move_in(app: Flask, cast: Cast, cell: RunningCell) -> None:
    """Make the cell the one of the cast's first hospital, trusting the application's key."""
    tokens = app.extensions["readingroom.cell_tokens"]
    with app.extensions["readingroom.scopes"].open(platform_system()) as scope:
        moved = update(Cell).where(Cell.organisation_id == cast.mercy)
        scope.session.execute(moved.values(id=UUID(cell.identifier), http_port=cell.http_port))
    cell.organisation, cell.signing_key = str(cast.mercy), tokens.key
    raw = base64.urlsafe_b64encode(tokens.public_raw).rstrip(b"=").decode()
    cell.write_policy(keys={KID: raw} | tokens.public_keys())
    cell.start()


def opened(app: Flask, cast: Cast, images: list[Dataset]) -> tuple[str, str]:
    """Write the study into the index and open it as the contracted reader; return the root and the session's cookie."""
    scopes = app.extensions["readingroom.scopes"]
    study = make_study(
        scopes, cast.mercy, reading=cast.nightowls, uid=images[0].StudyInstanceUID, series=(len(images),),
        series_uids=(images[0].SeriesInstanceUID,),
    )  # fmt: skip
    browser = Browser(app, cast.reader)
    with browser.client.session_transaction() as session:
        actor = replace(cast.reader.actor, session=session_hash(session.sid))
    with scopes.open(actor) as scope:
        context = contexts.open_context(scope, study.id).id
    cookie = browser.client.get_cookie("rr_session")
    return f"dicom-web/{context}", cookie.value if cookie else ""


def clients(cookies: dict[str, str]) -> list[httpx.Client]:
    """Return one client per connection."""
    return [httpx.Client(trust_env=False, timeout=60, headers={"Accept": ACCEPT}, cookies=cookies) for _ in range(CONNECTIONS)]


def fetch(connections: list[httpx.Client], root: str, images: list[Dataset]) -> float:
    """Fetch each image's frame once; return frames per second. A wrong frame raises."""
    todo: queue.SimpleQueue[Dataset] = queue.SimpleQueue()
    for image in images:
        todo.put(image)
    wrong: list[str] = []

    def work(client: httpx.Client) -> None:
        while True:
            try:
                image = todo.get_nowait()
            except queue.Empty:
                return
            series = f"studies/{image.StudyInstanceUID}/series/{image.SeriesInstanceUID}"
            answer = client.get(f"{root}/{series}/instances/{image.SOPInstanceUID}/frames/1")
            if answer.status_code != httpx.codes.OK or image.PixelData not in answer.content:
                wrong.append(f"{answer.status_code}")

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(client,)) for client in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise RuntimeError(f"{len(wrong)} frames did not come: {wrong[0]}")
    return len(images) / (time.perf_counter() - began)


def measure(app: Flask, directory: Path, turns: int) -> bool:
    """Bring both sides up, take turns, write the result."""
    cast = make_cast(app.extensions["readingroom.scopes"], app.extensions["readingroom.seal"])
    images = phantom.study(SLICES, size=SIZE)
    inbox = FakeInbox()
    cell, plain = RunningCell(directory / "cell", inbox.url), BareOrthanc(directory / "plain")
    chain, rates = None, ([], [])  # type: tuple[EdgeChain | None, tuple[list[float], list[float]]]
    try:
        move_in(app, cast, cell)
        plain.start()
        direct = f"http://127.0.0.1:{plain.http_port}"
        store(cell.url, images, {"Authorization": f"Bearer {cell.token()}"})
        store(direct, images, {})
        chain = EdgeChain(directory / "edge", app, cell)
        root, cookie = opened(app, cast, images)
        sides = ((clients({"rr_session": cookie}), f"{chain.url}/{root}"), (clients({}), f"{direct}/dicom-web"))
        for turn in range(turns + 1):
            for first in range(0, SLICES, BLOCK):
                for side in (0, 1) if (turn + first // BLOCK) % 2 else (1, 0):
                    rate = fetch(*sides[side], images[first : first + BLOCK])
                    if turn:  # the first turn warms both up
                        rates[side].append(rate)
    finally:
        if chain:
            chain.close()
        cell.discard()
        plain.stop()
        inbox.close()
    return report(*rates)


def report(ours: list[float], plain: list[float]) -> bool:
    """Write the result; return whether the target is met."""
    ratios = sorted(mine / theirs for mine, theirs in zip(ours, plain, strict=True))
    ratio = statistics.median(ratios)
    return write(
        "frames",
        name=f"frames of a CT series of {SLICES} slices of {SIZE}x{SIZE} through edge and gate",
        unit="frames/s",
        ours=round(statistics.median(ours), 1),
        reference=round(statistics.median(plain), 1),
        ratio=round(ratio, 3),
        target=TARGET,
        met=ratio >= TARGET,
        how=f"{len(ours)} turns of {BLOCK} frames over {CONNECTIONS} kept connections, sides alternate; the reference is a plain "
        "Orthanc with the same images, asked directly; median of the ratios of neighbouring turns",
        quartiles=[round(value, 3) for value in statistics.quantiles(ratios, n=4)[::2]],
    )


def main(turns: int = TURNS) -> int:
    """Bring up what is needed, measure, write frames.json; 1 when the target is missed."""
    with house("migrated") as (instance, directory):
        met = measure(create_app(Settings.from_env(instance.env())), directory, turns)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
