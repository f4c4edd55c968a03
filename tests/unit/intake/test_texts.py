"""Text of images made storable: by rule, not by luck."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.intake import texts

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=400), st.integers(64, 300))
def test_whatever_comes_can_be_stored(value: str, limit: int) -> None:
    cleaned = texts.clean(value, limit)
    assert len(cleaned) <= limit
    assert "\x00" not in cleaned
    cleaned.encode()  # no lone surrogates
    assert texts.clean(cleaned, limit) == cleaned


def test_what_is_cut_stays_different() -> None:
    long = "A" * 70000
    assert texts.clean(long + "1", 256) != texts.clean(long + "2", 256)
    assert texts.clean("A" * 256, 256) == "A" * 256
    assert texts.clean(None, 256) == ""


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12", 12), (" +7 ", 7), ("-3", -3), ("5.0", 5), ("", None), (None, None), ("x", None), ("2147483648", None),
        ("1e3", None), ("1.5", None), ("9" * 4000, None), (12, 12), ("١٢", 12),
    ],
)  # fmt: skip
def test_integers(value: object, number: int | None) -> None:
    assert texts.integer(value) == number


def test_reception_is_utc_and_never_later_than_now() -> None:
    assert texts.reception("20261121T195900", NOW, now=NOW) == NOW - timedelta(minutes=1)
    assert texts.reception("20271121T195900", NOW, now=NOW) == NOW
    assert texts.reception("yesterday", NOW - timedelta(hours=1), now=NOW) == NOW - timedelta(hours=1)


def test_controls_and_turned_directions_are_shown_as_what_they_are() -> None:
    assert texts.clean("A\x1b[31m\u202eB\tC\nD\x9b", 100) == "A\ufffd[31m\ufffdB\tC\nD\ufffd"


def test_identifiers_that_differ_in_controls_alone_stay_different() -> None:
    one, other = (texts.clean(f"P{control}1", 64, distinct=True) for control in "\x01\x02")
    assert one.startswith("P\ufffd1…")
    assert one != other
    assert texts.clean("P1", 64, distinct=True) == "P1"
