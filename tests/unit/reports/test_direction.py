"""Right-to-left writing, line by line, against what a reader expects to see."""

import pytest

from sidecar.reports.direction import runs_right_to_left, shape, visual


def test_plain_left_to_right_stays() -> None:
    for text in ("CT 120 kV (5 mm)", "", "Nováková 12:30"):
        assert visual(text, right_to_left=False) == text
        assert shape(text) == text


@pytest.mark.parametrize(
    ("logical", "drawn"),
    [
        ("שלום", "םולש"),
        ("שלום 123", "123 םולש"),
        ("שלום (abc)", "(abc) םולש"),
        ("גיל 36, CT 120 kV.", ".CT 120 kV ,36 ליג"),
        ("12.5 ממ", "ממ 12.5"),
    ],
)
def test_hebrew_paragraphs(logical: str, drawn: str) -> None:
    assert visual(logical, right_to_left=True) == drawn


def test_a_name_within_a_left_to_right_line() -> None:
    assert visual("Cohen (כהן דוד) ID 7", right_to_left=False) == "Cohen (דוד ןהכ) ID 7"
    assert visual("A אב B", right_to_left=False) == "A בא B"


def test_arabic_letters_join() -> None:
    assert shape("حداد") == "\ufea3\ufeaa\ufe8d\ufea9"
    assert shape("لا") == "\ufefb"
    assert shape("بلا") == "\ufe91\ufefc"


def test_vowel_marks_do_not_part_letters_and_stay_with_theirs() -> None:
    assert shape("بَب") == "\ufe91\u064e\ufe90"
    assert visual("\ufe91\u064e\ufe90", right_to_left=True) == "\ufe90\ufe91\u064e"


def test_direction_of_a_paragraph() -> None:
    assert runs_right_to_left("123 שלום")
    assert not runs_right_to_left("CT שלום")
    assert not runs_right_to_left("")
