"""A real cell with a real inbox beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.adapters.seals import Seal
from sidecar.gate.machine import Workshop
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell
from tests.doors.twin_world import World, make_world


@pytest.fixture(scope="session")
def world(workshop: Workshop, seal: Seal, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two hospitals in the whole house whose identifiers are equal: for every test that asks what one sees of the other."""
    return make_world(workshop, seal, tmp_path_factory.mktemp("twins"))


@pytest.fixture(scope="module")
def module_inbox() -> Iterator[FakeInbox]:
    inbox = FakeInbox()
    yield inbox
    inbox.close()


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory, module_inbox: FakeInbox) -> Iterator[RunningCell]:
    """One running cell for all tests of a module; they keep apart by their UIDs."""
    cell = RunningCell(tmp_path_factory.mktemp("cell"), module_inbox.url)
    try:
        cell.start()
        yield cell
    finally:
        cell.discard()


@pytest.fixture
def inbox() -> Iterator[FakeInbox]:
    inbox = FakeInbox()
    yield inbox
    inbox.close()


@pytest.fixture
def own_cell(tmp_path: Path, inbox: FakeInbox) -> Iterator[RunningCell]:
    """A cell of one test, not started: for tests that change, stop or kill it."""
    cell = RunningCell(tmp_path / "cell", inbox.url)
    try:
        yield cell
    finally:
        cell.discard()
