"""Records, their files, and the addresses that stand for callers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orthanc_plugin.door import addresses as addresses_module
from orthanc_plugin.door import records as records_module
from orthanc_plugin.door.addresses import Addresses
from orthanc_plugin.door.admission import Caller, Outcome
from orthanc_plugin.door.records import Records
from orthanc_plugin.door.tally import MAXIMUM_KINDS, Record, Tally

CT7 = Record(Caller("10.1.2.3"), Outcome.UNKNOWN_AET, 10.0, 10.0, "CT7", "MERCY")


def test_equal_refusals_become_one_record_with_first_and_last_time() -> None:
    tally = Tally()
    for moment in (10.0, 11.0, 12.5):
        tally.add(Record(Caller("10.1.2.3"), Outcome.UNKNOWN_AET, moment, moment, "CT7", "MERCY"))
    tally.add(Record(Caller("10.1.2.4"), Outcome.UNKNOWN_AET, 11.0, 11.0, "CT7", "MERCY"))
    tally.add(Record(Caller("10.1.2.3"), Outcome.WRONG_CALLED_AET, 11.0, 11.0, "CT7", "LUKE"))
    told = [(each.count, each.began_at, each.ended_at) for each in tally.take()]
    assert told == [(3, 10.0, 12.5), (1, 11.0, 11.0), (1, 11.0, 11.0)]
    assert list(tally.take()) == []


def test_a_scanner_of_ports_does_not_fill_the_memory() -> None:
    tally = Tally()
    for number in range(MAXIMUM_KINDS + 50):
        tally.add(Record(CT7.caller, CT7.outcome, 0.0, 0.0, str(number)))
    assert len(list(tally.take())) == MAXIMUM_KINDS


def test_records_wait_on_disk_in_order_and_keep_their_ids(tmp_path: Path) -> None:
    records, told = Records(tmp_path / "records"), []  # type: ignore[var-annotated]
    for number in range(12):
        assert records.write([CT7.event() | {"number": number}])
    assert Records(tmp_path / "records").take(told.append) == 12
    assert [event["number"] for event in told] == list(range(12))
    assert len({event["event_id"] for event in told}) == 12
    assert records.take(told.append) == 0


def test_a_report_stays_until_all_of_it_is_queued(tmp_path: Path) -> None:
    records = Records(tmp_path)
    events = [CT7.event(), CT7.event()]
    records.write(events)
    taken: list[dict[str, Any]] = []

    def breaks_after_one(event: dict[str, Any]) -> None:
        if taken:
            raise RuntimeError("the queue is away")
        taken.append(event)

    with pytest.raises(RuntimeError):
        records.take(breaks_after_one)
    again: list[dict[str, Any]] = []
    records.take(again.append)
    assert again == events
    assert taken[0]["event_id"] == again[0]["event_id"]


def test_too_many_reports_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_module, "MAXIMUM_FILES", 2)
    assert [Records(tmp_path).write([CT7.event()]) for _ in range(3)] == [True, True, False]


def test_without_a_door_there_is_nothing_to_take(tmp_path: Path) -> None:
    assert Records(tmp_path / "none").take(lambda _event: None) == 0


def test_each_caller_has_one_stand_in_for_good(tmp_path: Path) -> None:
    door, plugin = Addresses(tmp_path / "a"), Addresses(tmp_path / "a")
    callers = ["10.1.2.3", "2001:db8::1", "127.0.0.1", "10.1.2.3"]
    stand_ins = [door.stand_in(caller) for caller in callers]
    assert stand_ins == ["127.64.0.1", "127.64.0.2", "127.64.0.3", "127.64.0.1"]
    assert [plugin.caller(each) for each in stand_ins] == callers
    assert [Addresses(tmp_path / "a").stand_in(caller) for caller in callers] == stand_ins


def test_other_addresses_are_themselves(tmp_path: Path) -> None:
    table = Addresses(tmp_path / "a")
    for address in ("127.0.0.1", "10.0.0.7", "", "nonsense", "127.64.0.9", "127.64.0.0", "127.128.0.1", "::1"):
        assert table.caller(address) == address


def test_half_a_line_left_by_a_crash_is_written_over(tmp_path: Path) -> None:
    table = Addresses(tmp_path / "a")
    table.stand_in("10.0.0.1")
    with (tmp_path / "a").open("ab") as file:
        file.write(b"10.0.")
    again = Addresses(tmp_path / "a")
    assert again.stand_in("10.0.0.2") == "127.64.0.2"
    assert (tmp_path / "a").read_text() == "10.0.0.1\n10.0.0.2\n"


def test_there_is_an_end_to_stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses_module, "_CAPACITY", 1)
    table = Addresses(tmp_path / "a")
    table.stand_in("10.0.0.1")
    with pytest.raises(OSError, match="no loopback address"):
        table.stand_in("10.0.0.2")
