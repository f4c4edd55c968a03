"""Rules of studies, in microseconds."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.studies import rules
from sidecar.studies.model import Priority, Status

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
DAY = date(2026, 11, 21)
ELEMENTS = (*rules.PATIENT, *rules.REQUEST)
FIELDS = st.fixed_dictionaries({name: st.sampled_from(["", "a", "b"]) for name in ELEMENTS})


def test_a_study_of_one_image_waits_longer() -> None:
    assert rules.completes_at(NOW, instances=1) == NOW + timedelta(seconds=20)
    assert rules.completes_at(NOW, instances=2) == NOW + timedelta(seconds=10)


def test_the_deadline_counts_from_arrival() -> None:
    minutes = {"stat": 30, "routine": 1440}
    assert rules.due_at(NOW, minutes, Priority.STAT) == NOW + timedelta(minutes=30)
    assert rules.due_at(NOW, minutes, Priority.URGENT) is None


@pytest.mark.parametrize(
    ("allowed", "starts_on", "ends_on", "covered"),
    [
        (None, DAY, None, True),
        (["CT"], DAY, DAY, True),
        (["MR", "CT"], date(2020, 1, 1), None, True),
        (["MR"], DAY, None, False),
        ([], DAY, None, False),
        (None, date(2026, 11, 22), None, False),
        (None, date(2020, 1, 1), date(2026, 11, 20), False),
    ],
)
def test_which_contract_covers(allowed: list[str] | None, starts_on: date, ends_on: date | None, covered: bool) -> None:
    assert (rules.fits(["CT", "SR"], allowed) and rules.covers(DAY, starts_on=starts_on, ends_on=ends_on)) is covered


@given(known=FIELDS, told=FIELDS)
def test_gaps_are_filled_and_nothing_known_is_overwritten(known: dict[str, str], told: dict[str, str]) -> None:
    filled = {**known, **rules.fill_gaps(known, told)}
    assert all(filled[name] == value for name, value in known.items() if value)
    assert all(filled[name] == told[name] for name in rules.REQUEST if not known[name])


@given(known=FIELDS, told=FIELDS)
def test_nobody_is_made_of_two_patients(known: dict[str, str], told: dict[str, str]) -> None:
    filled = {**known, **rules.fill_gaps(known, told)}
    person = [filled[name] for name in rules.PATIENT]
    if any(known[name] and told[name] and known[name] != told[name] for name in rules.PATIENT):
        assert person == [known[name] for name in rules.PATIENT]


def test_a_signed_study_stays_signed() -> None:
    assert not any(rules.may_follow(Status.FINAL, status) for status in Status)
    assert rules.predecessors(Status.READING) == {Status.UNREAD, Status.ASSIGNED, Status.PRELIMINARY}
    assert all(Status.FINAL not in rules.predecessors(status) for status in Status)
