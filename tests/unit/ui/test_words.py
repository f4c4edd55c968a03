from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.ui import words

NOW = datetime(2026, 11, 21, 20, 4, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Doe^Jane^Mary^Dr^PhD", "Doe, Jane Mary"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田 太郎)"),
        ("=山田^太郎", "山田 太郎"),
        ("Doe", "Doe"),
        ("^Jane", "Jane"),
        ("", "Name missing"),
        (None, "Name missing"),
        ("^^", "Name missing"),
    ],
)
def test_names(value: str | None, shown: str) -> None:
    assert words.dicom_name(value) == shown


@given(st.text())
def test_any_text_is_a_name(value: str) -> None:
    assert words.dicom_name(value)


@pytest.mark.parametrize(
    ("birth", "shown"),
    [
        ("19700131", "56 y"),
        (date(1970, 11, 22), "55 y"),
        ("20241121", "2 y"),
        ("20241122", "23 mo"),
        ("20261001", "51 d"),
        ("20261121", "0 d"),
        ("", ""),
        (None, ""),
        ("garbage", "?"),
        ("20300101", "?"),
    ],
)
def test_age(birth: date | str | None, shown: str) -> None:
    assert words.age(birth, date(2026, 11, 21)) == shown


@pytest.mark.parametrize(
    ("seconds", "text", "state"),
    [
        (59, "59 s", "soon"),
        (1800, "30 min", "soon"),
        (1801, "30 min", "ok"),
        (3900, "1 h 05", "ok"),
        (200_000, "2 d", "ok"),
        (-240, "4 min late", "overdue"),
        (-1, "1 s late", "overdue"),
    ],
)
def test_remaining(seconds: int, text: str, state: str) -> None:
    assert words.remaining(NOW + timedelta(seconds=seconds), NOW) == (text, state)


def test_moments_are_relative_within_a_day_and_dated_beyond() -> None:
    assert words.relative(NOW - timedelta(seconds=20), NOW, BERLIN) == "just now"
    assert words.relative(NOW - timedelta(minutes=12), NOW, BERLIN) == "12 min ago"
    assert words.relative(NOW + timedelta(hours=3), NOW, BERLIN) == "in 3 h"
    assert words.relative(NOW - timedelta(days=2), NOW, BERLIN) == "19 Nov 21:04"
    assert words.relative(NOW - timedelta(days=400), NOW, BERLIN) == "17 Oct 2025 22:04"
    assert words.absolute(NOW, BERLIN) == "21 Nov 2026 21:04 CET"
    assert words.iso(NOW.astimezone(timezone(timedelta(hours=5)))) == "2026-11-21T20:04:07Z"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (48_000_000, "48 MB"), (3_400_000_000, "3.4 GB"), (2 * 10**12, "2.0 TB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert words.size(count) == shown


def test_dicom_dates_and_times() -> None:
    assert (words.day("20261121"), words.day(""), words.day("soon")) == ("2026-11-21", "", "soon")
    assert (words.minute("194412.5"), words.minute(""), words.minute("19")) == ("19:44", "", "")
