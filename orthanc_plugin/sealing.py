"""Studies that were deleted and may still come back: out of Orthanc's index, their files sealed beside the archive.

Whatever is in the index is found, counted, shown and sent, by Explorer, DIMSE and DICOMweb alike, and one that bears the UIDs of
another is mistaken for it. So a withheld study leaves the index. Its files stay on the disk under a second name (a hard link:
nothing is copied), and are given back to Orthanc as they are when the study is withheld no longer.

Whatever dies in between, the next look goes on: an image leaves the index only after its second name is on the disk and after
the queue has told of it, and loses its second name only after Orthanc has stored it again.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from orthanc_plugin.logtext import fault
from orthanc_plugin.policy import SHUT, Policy

PATIENCE = 5.0
"""Seconds that the queue may take to learn of the images that are to be sealed; then they are looked at anew."""
LINKLESS = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK})
"""What a file system answers that gives a file no second name."""
LOOK_SECONDS, RETRY_SECONDS = 0.5, 10.0
"""Between two looks, and after one that met trouble."""


class Rest(Protocol):
    """Orthanc's REST from inside, past the gate."""

    def find(self, uri: str) -> Any:
        """GET of JSON; None when there is no such resource."""

    def post(self, uri: str, body: bytes) -> bytes:
        """POST."""

    def delete(self, uri: str) -> None:
        """DELETE."""


class Teller(Protocol):
    """What puts news into the durable queue (harvest.Harvester)."""

    def horizon(self) -> int:
        """The change log's present end."""

    def has_told(self, horizon: int) -> bool:
        """Whether every image stored up to there is in the queue."""


class Seals:
    """Keeps archive and sealed files as the policy wants them. `look` runs in one thread; the rest may be called from any."""

    def __init__(self, directory: Path, storage: Path, rest: Rest, teller: Teller, shout: Callable[[str], None]) -> None:
        self._directory, self._storage, self._rest, self._teller, self._shout = directory, storage, rest, teller, shout
        self._lock = threading.Lock()
        self._told: deque[str] = deque()
        self._done: Policy | None = None
        self.revision = 0
        """Of the policy that archive and sealed files agree with, but for what is failing."""
        self.failing: dict[str, int] = {}
        """How many images of a study could not be sealed or given back at the last look."""

    def note(self, study: str) -> None:
        """Images of a study were stored: should it be withheld, they are sealed too."""
        self._told.append(study)

    def look(self, policy: Policy) -> float:
        """Make it so; return the seconds until the next look. Without a policy nobody knows what is withheld: nothing moves."""
        if policy is SHUT:
            return LOOK_SECONDS
        with self._lock:
            told = {self._told.popleft() for _ in range(len(self._told))} & policy.withheld
            anew = policy is not self._done
            if anew:
                self.failing.clear()
            done = [self._try(self._seal, each) for each in sorted(policy.withheld if anew else told)]
            if anew:
                done += [self._try(self._give_back, each) for each in sorted(self._sealed() - policy.withheld)]
            if all(done):
                self._done, self.revision = policy, policy.revision
                return LOOK_SECONDS
            self._done = None  # and so all of it is looked at again
            if done.count(False) > len(self.failing):
                return LOOK_SECONDS
            self.revision = policy.revision  # what fails waits for itself alone
            return RETRY_SECONDS

    def count(self, study: str) -> int:
        """How many images of a study are sealed."""
        with self._lock:
            return len(self._files(study))

    def discard(self, study: str) -> None:
        """Remove the sealed images of a study for good."""
        with self._lock:
            self.failing.pop(study, None)
            if (folder := self._directory / study).is_dir():
                shutil.rmtree(folder)
                _settle(self._directory)

    def _sealed(self) -> set[str]:
        return {each.name for each in self._directory.iterdir() if each.is_dir()} if self._directory.is_dir() else set()

    def _files(self, study: str) -> list[Path]:
        folder = self._directory / study
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def _try(self, act: Callable[[str], bool], study: str) -> bool:
        """Trouble with one study stops no other; it is said, and tried again."""
        self.failing.pop(study, None)
        try:
            return act(study)
        except Exception as error:  # noqa: BLE001
            self.failing.setdefault(study, 1)
            self._shout(f"a study that is or was withheld: {fault(error)}")
            return False

    def _seal(self, study: str) -> bool:
        """Take a study out of the index, image by image of those that were told of. False: they were not yet; look again."""
        images = self._images(study)
        if not images:
            return True
        if not self._wait_told():
            return False
        folder = self._directory / study
        folder.mkdir(parents=True, exist_ok=True)
        for each in images:
            self._link(each, folder / each)
        _settle(folder, self._directory, self._directory.parent)
        self._rest.post("/tools/bulk-delete", json.dumps({"Resources": images}).encode())
        return True

    def _images(self, study: str) -> list[str]:
        series: Iterable[str] = (self._rest.find(f"/studies/{study}") or {}).get("Series", [])
        return [image for one in series for image in (self._rest.find(f"/series/{one}") or {}).get("Instances", [])]

    def _wait_told(self) -> bool:
        """Wait until the queue knows all that is stored: what is sealed before that would never be told of."""
        horizon, deadline = self._teller.horizon(), time.monotonic() + PATIENCE
        while not self._teller.has_told(horizon):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _link(self, image: str, name: Path) -> None:
        """Give an image's file its second name. The first one under a name stays, as in the archive itself."""
        about = self._rest.find(f"/instances/{image}/attachments/dicom/info")
        if about is None:
            return
        file = self._storage / about["Uuid"][:2] / about["Uuid"][2:4] / about["Uuid"]
        try:
            name.hardlink_to(file)
        except FileExistsError:
            return
        except FileNotFoundError:  # the disk had lost it before: its custody says so when the study is back
            self._shout("an image of a withheld study had no file any more")
        except OSError as error:
            if error.errno not in LINKLESS:
                raise
            _copy(file, name)

    def _give_back(self, study: str) -> bool:
        """Let Orthanc store a study's images again; what it cannot take stays sealed."""
        left = 0
        for file in self._files(study):
            try:
                self._store(file)
            except Exception as error:  # noqa: BLE001 - one image stops no other
                left += 1
                self._shout(f"an image could not be given back to the archive: {fault(error)}")
        if left:
            self.failing[study] = left
            return False
        with suppress(FileNotFoundError):
            (self._directory / study).rmdir()
        return True

    def _store(self, file: Path) -> None:
        if self._rest.find(f"/instances/{file.name}") is not None:  # sent again meanwhile: the first one stays
            self._rest.delete(f"/instances/{file.name}")
        stored = json.loads(self._rest.post("/instances", file.read_bytes()))
        if stored["ID"] != file.name:
            raise ValueError("it is another image than its name says")
        file.unlink()


def _copy(file: Path, name: Path) -> None:
    """As a second name, where the file system knows none: whole, on the disk, and only then under its name."""
    half = name.parent.with_name(f".{name.name}")
    with file.open("rb") as source, half.open("wb") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    half.replace(name)


def _settle(*directories: Path) -> None:
    """Wait until the names in these directories are on the disk."""
    for each in directories:
        handle = os.open(each, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
