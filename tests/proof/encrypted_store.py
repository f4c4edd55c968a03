"""A cell whose directory lies on gocryptfs: the option for images encrypted at rest, tried and measured beside an open one.

Needs `gocryptfs` and `fusermount` (Debian: gocryptfs, fuse3) and /dev/fuse; nothing else of the product does.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from tests.doors import phantom
from tests.doors.running_cell import RunningCell
from tests.doors.test_custody import orthanc_id

IMAGES = 200
CANARY = "CANARY^PATIENT"
NOBODY = "http://127.0.0.1:9/"
"""An inbox that does not answer: ingest does not depend on one."""


@contextmanager
def mounted(cipher: Path, plain: Path, password: Path) -> Iterator[None]:
    """Mount an encrypted directory while the block runs."""
    subprocess.run(["gocryptfs", "-q", "-passfile", str(password), str(cipher), str(plain)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["fusermount", "-u", str(plain)], check=True)


@contextmanager
def running(directory: Path) -> Iterator[RunningCell]:
    cell = RunningCell(directory, NOBODY)
    cell.start()
    try:
        yield cell
    finally:
        cell.stop()


def ingest(cell: RunningCell, datasets: list[Dataset], files: list[Path]) -> dict[str, float]:
    """Send everything, read everything back; return images per second of both. Every byte must be the one that was sent."""
    began = time.monotonic()
    sent = phantom.storescu(cell.dicom_port, files)
    stored = time.monotonic()
    assert sent.returncode == 0, sent.stdout[-500:]
    kept = {hashlib.sha256(cell.get(f"/instances/{orthanc_id(each)}/file", cell.token()).content).digest() for each in datasets}
    read = time.monotonic()
    assert len(kept) == len(datasets)
    return {"stored_per_second": len(datasets) / (stored - began), "read_per_second": len(datasets) / (read - stored)}


def holds(directory: Path, word: bytes) -> int:
    """Return how many files below a directory have the word in them."""
    return sum(word in path.read_bytes() for path in directory.rglob("*") if path.is_file())


def sound(cell: RunningCell, datasets: list[Dataset]) -> int:
    """Return how many stored files are still what came."""
    count, ids = 0, [orthanc_id(each) for each in datasets]
    for start in range(0, len(ids), 50):
        asked = ",".join(ids[start : start + 50])
        told: dict[str, dict[str, Any]] = cell.get(f"/readingroom/digests?instances={asked}", cell.token()).json()
        count += sum(bool(each.get("sound")) for each in told.values())
    return count


def flip_bits(cipher: Path) -> int:
    """Flip one bit in every encrypted image; return in how many."""
    images = [path for path in cipher.rglob("*") if path.is_file() and path.stat().st_size > 100_000]
    for path in images:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
    return len(images)


def prove(base: Path) -> dict[str, Any]:
    datasets = phantom.study(IMAGES, size=512, PatientName=CANARY)
    files = phantom.write(base / "sent", datasets)
    cipher, plain, bare, password = (base / name for name in ("cipher", "plain", "bare", "password"))
    for directory in (cipher, plain, bare):
        directory.mkdir()
    password.write_text("seven green bottles hanging on the wall")
    subprocess.run(["gocryptfs", "-q", "-init", "-passfile", str(password), str(cipher)], check=True, capture_output=True)
    result: dict[str, Any] = {"images": IMAGES, "bytes_per_image": files[0].stat().st_size}
    with running(bare) as cell:
        result["open"] = ingest(cell, datasets, files)
    with mounted(cipher, plain, password), running(plain / "cell") as cell:
        result["encrypted"] = ingest(cell, datasets, files)
        assert sound(cell, datasets) == IMAGES
    result["files_with_the_name"] = {"open": holds(bare, CANARY.encode()), "encrypted": holds(cipher, CANARY.encode())}
    flipped = [path for path in cipher.rglob("*") if path.is_file() and path.stat().st_size > 100_000]
    result["flipped"] = flip_bits(cipher)
    assert len(flipped) == result["flipped"] >= IMAGES
    with mounted(cipher, plain, password):
        cell = RunningCell(plain / "again", NOBODY)
        for name in ("storage", "index"):
            shutil.rmtree(cell.directory / name)
            (plain / "cell" / name).rename(cell.directory / name)
        cell.start()
        result["unsound_after_flips"] = IMAGES - sound(cell, datasets)
        cell.stop()
    assert result["files_with_the_name"]["open"] > 0
    assert result["files_with_the_name"]["encrypted"] == 0
    assert result["unsound_after_flips"] == IMAGES
    return result


if __name__ == "__main__":
    for program in ("gocryptfs", "fusermount"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed: apt-get install gocryptfs fuse3")
    with tempfile.TemporaryDirectory(prefix="readingroom-encrypted-", dir="/var/tmp") as scratch:
        found = prove(Path(scratch))
    out = Path(os.environ.get("RR_RESULTS", Path(__file__).parents[2] / "build" / "proof"))
    out.mkdir(parents=True, exist_ok=True)
    (out / "encrypted_store.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))  # noqa: T201 - what the verb is asked for
