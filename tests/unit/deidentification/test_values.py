"""Dates, ages, words, pseudonyms, and the last look."""

from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import UID

from sidecar.deidentification.engine import Deidentifier
from sidecar.deidentification.model import Option
from sidecar.deidentification.pseudonyms import LONGEST_SHIFT, SHORTEST_SHIFT, Pseudonyms
from sidecar.deidentification.residue import Before
from sidecar.deidentification.values import capped, shifted
from sidecar.deidentification.vocabulary import cleaned

PSEUDONYMS = Pseudonyms(b"k" * 32)


def test_dates_move_by_whole_days() -> None:
    assert shifted("20240301", 1) == "20240229"
    assert shifted("1999.12.31", 31) == "19991130"
    assert shifted("20240301101112.5+0100", 1) == "20240229101112.5+0100"
    assert [shifted(text, 5) for text in ("", "2024", "202403", "20241399", "CANARY")] == [""] * 5
    assert shifted("00010101", 5) == ""


def test_ages_above_89_are_90() -> None:
    assert [capped(age) for age in ("045Y", "089Y", "090Y", "104Y", "100D", "")] == ["045Y", "089Y", "090Y", "090Y", "100D", ""]


def test_descriptions_keep_words_of_examinations_only() -> None:
    assert cleaned("CT CHEST w contrast, Doe Jane 12345 *19700131", frozenset()) == "CT CHEST contrast"
    assert cleaned("Brain MRA for Mrs Brain", frozenset({"brain"})) == "MRA"


@given(st.text(max_size=70))
def test_uids_are_valid_and_say_nothing(original: str) -> None:
    made = PSEUDONYMS.uid(original)
    assert UID(made).is_valid
    assert made == PSEUDONYMS.uid(original) != Pseudonyms(b"x" * 32).uid(original)
    assert SHORTEST_SHIFT <= PSEUDONYMS.days(original) < LONGEST_SHIFT


def test_dates_of_one_patient_keep_their_distance() -> None:
    moved = []
    for date in ("20240101", "20240131"):
        dataset = Dataset()
        dataset.PatientID, dataset.StudyDate, dataset.StudyTime = "4711", date, "101112"
        Deidentifier(frozenset({Option.MODIFIED_DATES}), PSEUDONYMS).clean(dataset)
        moved.append(dataset.StudyDate)
        assert dataset.StudyTime == "101112"
    assert int(shifted(moved[1], 30)) == int(moved[0])


def test_the_last_look_finds_a_name_left_in_an_attribute_nobody_thought_of() -> None:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.StudyInstanceUID = "Möller^Änne", "P-4711", "1.9.3.4"
    before = Before.of(dataset, uids=True)
    after = Dataset()
    for keyword, value, said in [
        ("CodeMeaning", "MÖLLER", True), ("CodeMeaning", "p-4711", True), ("CodeMeaning", "MOLYBDENUM", False),
        ("CodeMeaning", "1.9.3.4", True), ("CodeMeaning", "Möllers", False),
    ]:  # fmt: skip
        after.clear()
        after.SpecificCharacterSet = "ISO_IR 192"
        setattr(after, keyword, value)
        assert before.survives_in(after) is said, value
