from __future__ import annotations

from pathlib import Path

import pytest

from orthanc_plugin import logtail, refusals
from orthanc_plugin.logtail import LogTail
from orthanc_plugin.refusals import LogReader, Refusal, Refusals

STAMP = "W1121 20:05:52.553177     DICOM-SERVER CommandDispatcher.cpp:634] "
RECEIVED = "I1121 20:05:52.553177     DICOM-SERVER CommandDispatcher.cpp:340] (dicom) Association Received from AET "


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [STAMP + "Rejected association for remote AET CT7 on IP 10.1.2.3"],
            [Refusal("CT7", "10.1.2.3", "MERCY", "unknown-aet")],
        ),
        (
            [
                RECEIVED + "MR 2 on IP 10.1.2.4",
                STAMP + "Rejected association, because of a bad called AET in the request (LU KE)",
            ],
            [Refusal("MR 2", "10.1.2.4", "LU KE", "wrong-called-aet")],
        ),
        (
            [STAMP + "Rejected association, because of a bad called AET in the request ())"],
            [Refusal("", "", ")", "wrong-called-aet")],
        ),
        (
            [STAMP + "Rejected association for remote AET A on IP B on IP 10.1.2.3"],
            [Refusal("A on IP B", "10.1.2.3", "MERCY", "unknown-aet")],
        ),
        (
            [
                STAMP + "Association Received from an invalid AET (sanitized: AB**CD) on IP 10.1.2.3, rejecting the association",
                STAMP + "Association Received from an invalid AET (sanitized: ) on IP 10.1.2.3, rejecting the association",
            ],
            [Refusal("AB**CD", "10.1.2.3", "MERCY", "unknown-aet"), Refusal("", "10.1.2.3", "MERCY", "unknown-aet")],
        ),
        (
            [
                RECEIVED + "CT1 on IP 10.1.2.3",
                STAMP + "Rejected association, because of a bad called AET in the request (AB",
                "CD)",
            ],
            [Refusal("CT1", "10.1.2.3", "AB", "wrong-called-aet")],
        ),
        ([RECEIVED + "CT1 on IP 10.1.2.3"], []),
        ([STAMP + 'Modality "CT7" is not listed'], []),
        (["", "Association", "Rejected association for remote AET on IP"], []),
    ],
)
def test_orthancs_lines_are_understood(lines: list[str], expected: list[Refusal]) -> None:
    reader = LogReader("MERCY")
    assert [found for line in lines if (found := reader.read(line + "\n"))] == expected


def test_equal_refusals_are_counted() -> None:
    now = 1000.0
    counted = Refusals(lambda: now)
    for now in (1000.0, 1001.0, 1002.0):  # noqa: B007 - read by the clock
        counted.record(Refusal("CT7", "10.1.2.3", "MERCY", "unknown-aet"))
    counted.record(Refusal("CT8", "10.1.2.3", "MERCY", "unknown-aet"))
    told = counted.take()
    assert [(event["aet"], event["count"]) for event in told] == [("CT7", 3), ("CT8", 1)]
    assert told[0]["first_at"] == "1970-01-01T00:16:40.000+00:00"
    assert told[0]["last_at"] == "1970-01-01T00:16:42.000+00:00"
    assert counted.take() == []
    assert counted.total == 4


def test_a_scanner_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MAXIMUM_KINDS", 5)
    counted = Refusals(lambda: 0.0)
    for number in range(50):
        counted.record(Refusal(f"A{number}", "10.1.2.3", "MERCY", "unknown-aet"))
    assert (len(counted.take()), counted.total) == (5, 50)


def test_the_log_is_followed_in_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "orthanc.log"
    log.write_bytes(b"one\ntw")
    tail = LogTail(log, None)
    assert tail.lines() == ["one"]
    position = tail.position()
    with log.open("ab") as more:
        more.write(b"o\nthr\xffee\n")
    assert tail.lines() == ["two", "thr�ee"]
    assert tail.lines() == []
    assert LogTail(log, position).lines() == ["two", "thr�ee"]
    assert LogTail(log, "1:2").lines() == ["one", "two", "thr�ee"]
    log.write_bytes(b"new\n")
    assert tail.lines() == ["new"]


def test_a_log_that_grows_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logtail, "MAXIMUM_BYTES", 10)
    log = tmp_path / "orthanc.log"
    with log.open("ab") as orthanc:
        orthanc.write(b"0123456789\n")
        orthanc.flush()
        tail = LogTail(log, None)
        assert tail.lines() == ["0123456789"]
        assert log.stat().st_size == 0
        orthanc.write(b"next\n")
        orthanc.flush()
        assert tail.lines() == ["next"]
    assert (tmp_path / "orthanc.log.1").read_bytes() == b"0123456789\n"
