"""What became of an association, said as people would."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sidecar.adapters.knock import Answer, Knock
from sidecar.organisations import words
from sidecar.organisations.model import Outcome, Service

NOW = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)


def row(aet: str = "CT1", outcome: Outcome = Outcome.ACCEPTED, *, seconds: float = 34, **facts: Any) -> Any:
    known = {"called_aet": "MERCY", "address": "10.1.2.3", "port": "plain", "services": ["store"], "objects": 0, "count": 1}
    sizes = {"bytes_in": 110_000_000, "bytes_out": 900}
    times = {"began_at": NOW - timedelta(seconds=seconds), "ended_at": NOW}
    return SimpleNamespace(aet=aet, outcome=outcome.value, **{**known, **sizes, **times, **facts})


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (row(objects=212), "CT1 sent 212 images, 110 MB, in 34 s"),
        (row(objects=1, bytes_in=520_000, seconds=1), "CT1 sent 1 image, 520 kB, in 1 s"),
        (row(services=["echo", "store"]), "CT1 sent 110 MB in 34 s"),
        (row(bytes_in=700), "CT1 connected to send and sent nothing"),
        (row(services=["echo"], count=14), "CT1 tested the connection (echo), 14 times"),
        (row(services=[]), "CT1 tested the connection (echo)"),
        (
            row("PACS", services=["find", "move"], bytes_in=900, bytes_out=48_000),
            "PACS connected for find, move, received 48 kB, 34 s",
        ),
        (
            row("PACS", services=["find", "move"], objects=48, bytes_in=900, bytes_out=48_000),
            "PACS connected for find, move, 48 images, received 48 kB, 34 s",
        ),
        (row(outcome=Outcome.INCOMPLETE, objects=2), "CT1 sent 2 images, 110 MB, in 34 s; others did not get through"),
        (
            row("PACS", Outcome.UNKNOWN_DESTINATION, called_aet="WORKS2", count=3),
            "PACS asked to have images sent to WORKS2, which is no node with an address here, 3 attempts",
        ),
        (row("X", Outcome.UNKNOWN_AET, count=14), "Unknown AE title X from 10.1.2.3, 14 attempts"),
        (row("", Outcome.UNKNOWN_AET), "A caller without an AE title from 10.1.2.3"),
        (row("X", Outcome.WRONG_ADDRESS), "X called from 10.1.2.3, where it is not registered"),
        (row("X", Outcome.WRONG_CALLED_AET, called_aet="LUKE"), "X from 10.1.2.3 called this archive LUKE"),
        (row("X", Outcome.NO_CERTIFICATE), "X from 10.1.2.3 showed no certificate"),
        (row("X", Outcome.SERVICE_NOT_ALLOWED, services=["find"]), "X from 10.1.2.3 asked for find, which it may not do"),
        (row("", Outcome.TIMEOUT), "Somebody at 10.1.2.3 opened a connection and fell silent"),
    ],
)
def test_sentences(told: Any, text: str) -> None:
    assert words.association(told).text == text


def test_there_are_words_for_every_outcome_service_and_answer() -> None:
    for outcome in Outcome:
        assert words.association(row(outcome=outcome)).text
    assert set(words.SERVICES) == set(Service)
    for answer in Answer:
        said = words.not_reached(Knock(answer, (1, 1, 1)), "PACS", "10.1.2.3:104", archive="MERCY")
        assert (said.ok, said.word) == (False, answer.value)
        assert said.text.endswith(".")
        assert said.advice.endswith(".")
