from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from orthanc_plugin import events
from orthanc_plugin.archive import Archive
from orthanc_plugin.harvest import Harvester

CELL = str(uuid4())


class FakeOrthanc:
    """A change log and resources; shouts at any other call."""

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []
        self.resources: dict[str, dict[str, Any]] = {}

    def store(self, study: str, series: str, instance: str) -> None:
        self.resources[study] = {
            "ID": study,
            "PatientMainDicomTags": {"PatientID": "P", "PatientName": "A^B"},
            "MainDicomTags": {"StudyInstanceUID": f"uid-{study}"},
        }
        self.resources[series] = {
            "ID": series,
            "ParentStudy": study,
            "MainDicomTags": {"SeriesInstanceUID": f"uid-{series}", "Modality": "CT"},
        }
        self.resources[instance] = {
            "ID": instance,
            "ParentSeries": series,
            "MainDicomTags": {"SOPInstanceUID": f"uid-{instance}", "Rows": "512"},
            "Metadata": {"RemoteAET": "CT1", "RemoteIP": "10.0.0.1", "SopClassUid": "1.2", "ReceptionDate": "x"},
        }
        self.log.append({"ChangeType": "NewInstance", "ID": instance, "Seq": 3 * len(self.log) + 1})

    def get(self, uri: str) -> bytes:
        path, _, query = uri.partition("?")
        assert path == "/changes"
        arguments = dict(pair.split("=") for pair in query.split("&"))
        assert arguments["type"] == "NewInstance"
        rest = [change for change in self.log if change["Seq"] > int(arguments["since"])]
        page = rest[: int(arguments["limit"])]
        return json.dumps({"Changes": page, "Done": len(page) == len(rest), "Last": 0}).encode()

    def post(self, uri: str, body: bytes) -> bytes:
        assert uri == "/tools/bulk-content"
        wanted = json.loads(body)["Resources"]
        return json.dumps([self.resources[each] for each in reversed(wanted) if each in self.resources]).encode()


class Memory:
    """Queue and store in memory; `fail` raises before the next save."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.saved: dict[str, bytes] = {}
        self.fail = False

    def put(self, value: bytes) -> None:
        self.values.append(value)

    def reserve(self) -> tuple[bytes, int] | None:
        raise AssertionError("not planned")

    def acknowledge(self, identifier: int) -> None:
        raise AssertionError(f"not planned: {identifier}")

    def load(self, name: str) -> bytes | None:
        return self.saved.get(name)

    def save(self, name: str, value: bytes) -> None:
        if self.fail:
            raise OSError("the process was killed here")
        self.saved[name] = value

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(value) for value in self.values]


@pytest.fixture
def orthanc() -> FakeOrthanc:
    return FakeOrthanc()


@pytest.fixture
def harvester(orthanc: FakeOrthanc) -> Callable[[Memory], Harvester]:
    return lambda memory: Harvester(Archive(orthanc.get, orthanc.post, cell=CELL, caller=str), memory, memory)


def test_one_study_per_event_in_order_of_arrival(orthanc: FakeOrthanc, harvester: Callable[[Memory], Harvester]) -> None:
    for number in range(6):
        orthanc.store(f"study{number % 2}", f"series{number % 2}", f"instance{number}")
    memory = Memory()
    assert harvester(memory).harvest() is False
    told = memory.events()
    assert [event["study"]["ID"] for event in told] == ["study0", "study1"]
    assert [each["ID"] for each in told[0]["instances"]] == ["instance0", "instance2", "instance4"]
    assert told[0]["instances"][0]["SeriesInstanceUID"] == "uid-series0"
    assert all(isinstance(value, str) for value in told[0]["instances"][0].values())
    assert told[0]["study"]["AccessionNumber"] == ""


def test_never_more_than_the_maximum_in_one_event(
    monkeypatch: pytest.MonkeyPatch, orthanc: FakeOrthanc, harvester: Callable[[Memory], Harvester]
) -> None:
    monkeypatch.setattr(events, "MAXIMUM_INSTANCES", 3)
    for number in range(7):
        orthanc.store("study", f"series{number // 4}", f"instance{number}")
    memory = Memory()
    harvester(memory).harvest()
    told = memory.events()
    assert [len(event["instances"]) for event in told] == [3, 3, 1]
    assert [[each["ID"] for each in event["series"]] for event in told] == [
        ["series0"],
        ["series0", "series1"],
        ["series1"],
    ]
    assert len({event["event_id"] for event in told}) == 3


def test_a_crash_between_queue_and_cursor_gives_the_same_event_ids(
    orthanc: FakeOrthanc, harvester: Callable[[Memory], Harvester]
) -> None:
    orthanc.store("study", "series", "instance")
    memory = Memory()
    memory.fail = True
    with pytest.raises(OSError, match="killed"):
        harvester(memory).harvest()
    memory.fail = False
    after = harvester(memory)
    after.harvest()
    assert after.harvest() is False
    assert len(memory.values) == 2
    assert len({event["event_id"] for event in memory.events()}) == 1
    assert memory.saved == {Harvester.CURSOR: b"1"}


def test_deleted_images_are_not_told(orthanc: FakeOrthanc, harvester: Callable[[Memory], Harvester]) -> None:
    orthanc.store("study", "series", "one")
    orthanc.store("study", "series", "two")
    del orthanc.resources["one"]
    memory = Memory()
    harvester(memory).harvest()
    assert [each["ID"] for each in memory.events()[0]["instances"]] == ["two"]
    del orthanc.resources["series"]
    orthanc.log.append({"ChangeType": "NewInstance", "ID": "two", "Seq": 99})
    harvester(memory).harvest()
    assert len(memory.events()) == 1


def test_all_pages_are_read(orthanc: FakeOrthanc) -> None:
    for number in range(5):
        orthanc.store("study", "series", f"instance{number}")
    archive = Archive(orthanc.get, orthanc.post, cell=CELL, caller=str)
    first = archive.page(0, 3)
    second = archive.page(first.last, 3)
    assert (first.done, second.done, second.last) == (False, True, 13)
    assert archive.page(second.last, 3) == type(second)([], 13, done=True)
