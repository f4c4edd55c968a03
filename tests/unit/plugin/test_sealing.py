"""Withheld studies: whatever call is the last one before the process dies, the next process ends where the policy wants it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orthanc_plugin import sealing
from orthanc_plugin.policy import SHUT, Policy
from orthanc_plugin.sealing import LOOK_SECONDS, RETRY_SECONDS, Seals

STUDY, OTHER = "study-one", "study-two"
HELD = Policy(revision=1, withheld=frozenset({STUDY}))
BACK = Policy(revision=2)


class Killed(BaseException):
    """No handler of the program sees it, as with kill -9."""


class FakeArchive:
    """Studies of one series, files on a real disk; dies at the n-th place: at each call, before and after what it changes."""

    def __init__(self, storage: Path) -> None:
        self.storage, self.images = storage, dict[str, tuple[str, str]]()
        self.calls, self.files, self.dies_at = 0, 0, -1
        self.refused: set[str] = set()
        self.told = True

    def find(self, uri: str) -> Any:
        self._maybe_die()
        level, _, rest = uri.removeprefix("/").partition("/")
        name = rest.partition("/")[0]
        of = [image for image, (study, _) in self.images.items() if study == name.removeprefix("series-")]
        if level == "studies":
            return {"Series": [f"series-{name}"]} if of else None
        if level == "series":
            return {"Instances": of} if of else None
        return {"Uuid": self.images[name][1]} if name in self.images else None

    def post(self, uri: str, body: bytes) -> bytes:
        if uri == "/tools/bulk-delete":
            for image in json.loads(body)["Resources"]:
                self.delete(f"/instances/{image}")
            return b"{}"
        assert uri == "/instances"
        image, study = body.decode().split("|")[:2]
        self._maybe_die()
        if image in self.refused:
            raise ValueError("no room")
        self.put(image, study, body.decode())
        self._maybe_die()
        return json.dumps({"ID": image, "Status": "Success"}).encode()

    def delete(self, uri: str) -> None:
        self._maybe_die()
        file = self.file(uri.rpartition("/")[2])
        del self.images[uri.rpartition("/")[2]]
        self._maybe_die()
        file.unlink()

    def put(self, image: str, study: str, content: str = "") -> None:
        if image in self.images:
            return
        self.files += 1
        uuid = f"{self.files:08x}"
        self.images[image] = (study, uuid)
        self.file(image).parent.mkdir(parents=True, exist_ok=True)
        self.file(image).write_text(content or f"{image}|{study}")

    def file(self, image: str) -> Path:
        uuid = self.images[image][1]
        return self.storage / uuid[:2] / uuid[2:4] / uuid

    def contents(self) -> dict[str, str]:
        return {image: self.file(image).read_text() for image in self.images}

    def _maybe_die(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise Killed

    def horizon(self) -> int:
        return 7

    def has_told(self, horizon: int) -> bool:
        assert horizon == 7
        return self.told


def filled(directory: Path) -> FakeArchive:
    archive = FakeArchive(directory / "storage")
    for image in ("a", "b", "c"):
        archive.put(image, STUDY)
    archive.put("x", OTHER)
    return archive


@pytest.fixture
def archive(tmp_path: Path) -> FakeArchive:
    return filled(tmp_path)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def seals(archive: FakeArchive, tmp_path: Path, said: list[str]) -> Callable[[], Seals]:
    """A new process over the same disk."""
    return lambda: Seals(tmp_path / "sealed", archive.storage, archive, archive, said.append)


def test_it_dies_anywhere_and_loses_nothing(tmp_path: Path) -> None:
    for number in range(1, 40):
        place = tmp_path / str(number)
        archive = filled(place)
        before, archive.dies_at, died = archive.contents(), number, False
        for policy, left, sealed in ((HELD, {"x"}, 3), (BACK, {"a", "b", "c", "x"}, 0)):
            seals = Seals(place / "sealed", archive.storage, archive, archive, print)
            try:
                seals.look(policy)
            except Killed:
                died, seals = True, Seals(place / "sealed", archive.storage, archive, archive, print)
                seals.look(policy)
            assert (set(archive.images), seals.count(STUDY), seals.revision) == (left, sealed, policy.revision)
        assert archive.contents() == before
        if not died:
            assert number > 20
            return
    raise AssertionError("it never came to its end alive")


def test_without_a_policy_nothing_moves(archive: FakeArchive, seals: Callable[[], Seals]) -> None:
    seals().look(HELD)
    assert seals().look(SHUT) == LOOK_SECONDS
    assert set(archive.images) == {"x"}


def test_nothing_is_sealed_before_it_was_told_of(
    archive: FakeArchive, seals: Callable[[], Seals], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "PATIENCE", 0.0)
    archive.told, one = False, seals()
    assert one.look(HELD) == LOOK_SECONDS
    assert (set(archive.images), one.revision) == ({"a", "b", "c", "x"}, 0)
    archive.told = True
    one.look(HELD)
    assert (set(archive.images), one.revision) == ({"x"}, 1)


def test_what_comes_later_is_sealed_too_and_replaces_nothing(archive: FakeArchive, seals: Callable[[], Seals]) -> None:
    one, before = seals(), archive.contents()
    one.look(HELD)
    archive.put("a", STUDY, "changed")
    archive.put("d", STUDY)
    one.look(HELD)
    assert one.count(STUDY) == 3, "nobody told it yet"
    one.note(OTHER)
    one.note(STUDY)
    one.look(HELD)
    assert (one.count(STUDY), set(archive.images)) == (4, {"x"})
    archive.put("a", STUDY, "changed")  # and once more, in the moment of the return
    one.look(BACK)
    assert archive.contents() == {**before, "d": f"d|{STUDY}"}


def test_what_the_archive_cannot_take_stays_sealed_and_is_tried_again(
    archive: FakeArchive, seals: Callable[[], Seals], said: list[str]
) -> None:
    one = seals()
    one.look(HELD)
    archive.refused = {"b"}
    assert one.look(BACK) == RETRY_SECONDS
    assert (one.count(STUDY), one.failing, one.revision, set(archive.images)) == (1, {STUDY: 1}, 2, {"a", "c", "x"})
    assert len(said) == 1
    archive.refused = set()
    assert one.look(BACK) == LOOK_SECONDS
    assert (one.count(STUDY), one.failing, one.revision) == (0, {}, 2)


def test_a_file_that_is_another_image_than_it_says_stays_sealed(
    archive: FakeArchive, seals: Callable[[], Seals], tmp_path: Path
) -> None:
    one = seals()
    one.look(HELD)
    (tmp_path / "sealed" / STUDY / "a").write_text(f"z|{STUDY}")
    one.look(BACK)
    assert one.failing == {STUDY: 1}


def test_a_lost_file_and_a_lost_image_hold_nothing_up(archive: FakeArchive, seals: Callable[[], Seals], said: list[str]) -> None:
    archive.file("a").unlink()
    archive.file("a").parent.mkdir(exist_ok=True)
    archive.delete = lambda uri, delete=archive.delete: (  # type: ignore[method-assign, misc]
        archive.images.pop("a", None) if uri.endswith("/a") else delete(uri)
    )
    one = seals()
    one.look(HELD)
    assert (one.count(STUDY), set(archive.images), len(said)) == (2, {"x"}, 1)


def test_a_disk_without_second_names_is_given_a_copy(
    archive: FakeArchive, seals: Callable[[], Seals], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(_name: Path, _file: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    one, before = seals(), archive.contents()
    one.look(HELD)
    assert (one.count(STUDY), set(archive.images)) == (3, {"x"})
    one.look(BACK)
    assert archive.contents() == before


def test_a_disk_that_fails_lets_nothing_go(
    archive: FakeArchive, seals: Callable[[], Seals], monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    def broken(_name: Path, _file: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "hardlink_to", broken)
    assert seals().look(HELD) == RETRY_SECONDS
    assert (set(archive.images), len(said)) == ({"a", "b", "c", "x"}, 1)


def test_removal_is_for_good(archive: FakeArchive, seals: Callable[[], Seals], tmp_path: Path) -> None:
    one = seals()
    one.look(HELD)
    one.discard(STUDY)
    one.discard(STUDY)
    assert one.count(STUDY) == 0
    assert list((tmp_path / "sealed").iterdir()) == []
    one.look(BACK)
    assert set(archive.images) == {"x"}
