"""What the gate puts on record: the first request at once, the rest counted, nothing let in that cannot be recorded."""

from __future__ import annotations

from typing import Any

import pytest

from orthanc_plugin import visits as module
from orthanc_plugin.decide import Request, Verdict
from orthanc_plugin.gate import Gate
from orthanc_plugin.policy import PolicyFile
from orthanc_plugin.visits import Sort, Visited, Visits
from tests.unit.plugin.gate_cases import FOREIGN, FRAME, ID, NOW, OWNERS, POLICY, STUDY, mint, owner

LOOK = Visited("r", Sort.STUDY, STUDY)


class Clock:
    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def visits(queue: list[dict[str, Any]], clock: Clock) -> Visits:
    return Visits(queue.append, clock)


def counts(queue: list[dict[str, Any]]) -> list[int]:
    return [event["count"] for event in queue]


def test_the_first_request_is_queued_at_once_and_a_stack_is_two_events(
    visits: Visits, queue: list[dict[str, Any]], clock: Clock
) -> None:
    for _ in range(300):
        visits.note(LOOK)
        clock.at += 0.05
    assert counts(queue) == [1]
    visits.sweep()
    assert counts(queue) == [1], "the window is still open"
    clock.at += module.WINDOW
    visits.sweep()
    assert counts(queue) == [1, 299]
    assert queue[1]["first_at"] < queue[1]["last_at"]
    assert {event["event_id"] for event in queue} == {queue[0]["event_id"], queue[1]["event_id"]}
    assert queue[0]["event_id"] != queue[1]["event_id"]


def test_a_quiet_window_ends_the_visit_and_the_next_request_is_at_once_again(
    visits: Visits, queue: list[dict[str, Any]], clock: Clock
) -> None:
    visits.note(LOOK)
    for _ in range(2):
        clock.at += module.WINDOW
        visits.sweep()
    visits.note(LOOK)
    assert counts(queue) == [1, 1]


def test_callers_studies_and_sorts_are_kept_apart(visits: Visits, queue: list[dict[str, Any]]) -> None:
    for visited in (LOOK, Visited("q", Sort.STUDY, STUDY), Visited("r", Sort.STUDY, "1.9"), Visited("r", Sort.SEARCH), LOOK):
        visits.note(visited)
    assert [(event["receipt"], event["sort"], event["subject"]) for event in queue] == [
        ("r", "study", STUDY), ("q", "study", STUDY), ("r", "study", "1.9"), ("r", "search", ""),
    ]  # fmt: skip


def test_what_is_counted_at_the_end_is_handed_over(visits: Visits, queue: list[dict[str, Any]]) -> None:
    for _ in range(5):
        visits.note(LOOK)
    assert (counts(queue), counts(visits.close())) == ([1], [4])
    assert visits.close() == []


def test_c04_what_cannot_be_put_on_record_is_not_let_in(clock: Clock) -> None:
    def full(_event: object) -> None:
        raise OSError("disk full")

    visits = Visits(full, clock)
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            visits.note(LOOK)


def test_more_visits_than_can_be_counted_are_queued_one_by_one(
    visits: Visits, queue: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAXIMUM_OPEN", 2)
    for number in (1, 2, 3, 3, 1):
        visits.note(Visited("r", Sort.STUDY, f"1.{number}"))
    assert [event["subject"] for event in queue] == ["1.1", "1.2", "1.3", "1.3"]


def gate() -> Gate:
    policy = PolicyFile(__file__, cell=POLICY.cell, organisation=POLICY.organisation)  # type: ignore[arg-type]
    policy.current = POLICY
    return Gate(policy, owner, now=lambda: NOW)


def uid(_level: str, identifier: str) -> str:
    return next(iter(OWNERS.get(identifier, frozenset())), "")


@pytest.mark.parametrize(
    ("claims", "path", "method", "expected"),
    [
        ({"studies": [STUDY], "rcp": "r"}, FRAME, "GET", Visited("r", Sort.STUDY, STUDY)),
        ({"studies": [STUDY], "rcp": "r"}, f"/instances/{ID}/preview", "GET", Visited("r", Sort.STUDY, STUDY)),
        ({"studies": [STUDY]}, FRAME, "GET", Visited("", Sort.STUDY, STUDY)),
        (
            {"studies": [STUDY], "rcp": "r"},
            f"/studies/{FOREIGN}",
            "GET",
            Visited("r", Sort.REFUSED, "not in the reading context"),
        ),
        ({"studies": [STUDY], "rcp": "r"}, "/tools/find", "POST", Visited("r", Sort.SEARCH)),
        ({"studies": [STUDY], "rcp": "r"}, "/app/explorer.html", "GET", None),
        ({"studies": [STUDY], "rcp": "r"}, "/statistics", "GET", None),
        ({"studies": [STUDY], "exp": 7}, FRAME, "GET", Visited("", Sort.REFUSED, "lives too long")),
        ({"studies": ..., "org": "own", "rcp": "r"}, f"/studies/{FOREIGN}", "GET", Visited("r", Sort.STUDY, "1.9")),
        ({"studies": ..., "org": "own", "rcp": "r"}, "/patients", "GET", Visited("r", Sort.SEARCH)),
        ({"studies": ..., "org": "own", "rcp": "r"}, f"/studies/{'f' * 8}-{'-'.join(['0' * 8] * 4)}", "GET", None),
        ({"studies": ..., "role": "service"}, f"/studies/{ID}", "GET", None),
        ({"studies": ..., "role": "service", "rcp": "r"}, f"/dicom-web/studies/{STUDY}", "GET", Visited("r", Sort.STUDY, STUDY)),
    ],
)
def test_what_goes_on_record(claims: dict[str, Any], path: str, method: str, expected: Visited | None) -> None:
    noted: list[Visited] = []
    asked = Request(method, path, {"authorization": f"Bearer {mint(**claims)}"})
    decision = gate().admit(asked, uid, noted.append)
    assert noted == ([expected] if expected else [])
    assert (decision.verdict is Verdict.DENY) == (expected is not None and expected.sort is Sort.REFUSED)
