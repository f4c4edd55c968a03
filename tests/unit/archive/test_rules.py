"""Retention, what stands in the way of a deletion, progress, names and problems: facts in, words out."""

from datetime import UTC, date, datetime, timedelta

import pytest

from sidecar.archive import rules
from sidecar.archive.model import Form, Reason

TODAY = date(2026, 11, 21)
ARRIVED = date(2026, 11, 20)


def standing(**changes: object) -> rules.Standing:
    facts = {"held": False, "kept_until": date(2036, 11, 20), "reported": False, "read_by": ""}
    return rules.Standing(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("study_date", "years", "until"),
    [
        ("20161121", 10, date(2026, 11, 21)),
        ("20240229", 10, date(2034, 3, 1)),
        ("20240229", 4, date(2028, 2, 29)),
        ("", 10, date(2036, 11, 20)),
        ("20261399", 10, date(2036, 11, 20)),
        ("2026.11.20", 1, date(2027, 11, 20)),
        ("99990101", 10, date.max),
        ("20161121", 0, date(2016, 11, 21)),
    ],
)
def test_a_study_is_kept_for_years_from_its_date_or_its_arrival(study_date: str, years: int, until: date) -> None:
    assert rules.kept_until(study_date, ARRIVED, years) == until


def test_the_proposal_and_the_rule_name_the_same_day() -> None:
    day = date(2023, 1, 1)
    while day < date(2029, 1, 1):
        for back in (0, 1, 2, 59, 60, 61, 365):
            made = day - timedelta(days=365 * 4 + back)
            expired = rules.kept_until(f"{made:%Y%m%d}", ARRIVED, 4) <= day
            assert expired == (made <= rules.last_expired(day, 4)), (day, made)
        day += timedelta(days=1)


def test_a_hold_and_a_reader_stop_every_deletion() -> None:
    past = date(2020, 1, 1)
    for reason in Reason:
        assert "legal hold" in rules.why_not_delete(standing(held=True, kept_until=past), reason, TODAY)
        assert "Nora is reading" in rules.why_not_delete(standing(read_by="Nora", kept_until=past), reason, TODAY)
        assert rules.why_not_delete(standing(kept_until=TODAY), reason, TODAY) == ""


def test_retention_protects_records_of_care_and_lets_go_what_never_was_one() -> None:
    misfiled = {Reason.SENT_IN_ERROR, Reason.WRONG_PATIENT, Reason.TEST_IMAGES}
    for reason in Reason:
        assert bool(rules.why_not_delete(standing(), reason, TODAY)) == (reason not in misfiled), reason
        assert "2036-11-20" in rules.why_not_delete(standing(reported=True), reason, TODAY)


def test_time_left_is_told_once_it_is_more_than_a_guess() -> None:
    begun, now = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert rules.seconds_left(begun, now, done=100, total=400) == 180
    assert rules.seconds_left(begun, now, done=1, total=400) is None
    assert rules.seconds_left(begun, now, done=0, total=4) is None
    assert rules.seconds_left(None, now, done=4, total=4) is None
    assert rules.seconds_left(begun, now, done=0, total=0) is None


def test_a_file_name_says_accession_and_date_and_holds_nothing_that_a_system_refuses() -> None:
    facts = {"accession_number": 'A/1\\"x\r\nSet-Cookie: y', "study_date": "20260102", "modalities": ["CT", "SR"]}
    assert rules.file_name(**facts, form=Form.ZIP, series_number=None) == "A-1-x-Set-Cookie-y_20260102_CT-SR.zip"  # type: ignore[arg-type]
    bare = {"accession_number": "", "study_date": "", "modalities": []}
    assert rules.file_name(**bare, form=Form.MEDIA, series_number=None) == "study_DICOMDIR.zip"  # type: ignore[arg-type]
    assert rules.file_name(**bare, form=Form.ZIP, series_number=3) == "study_series3.zip"  # type: ignore[arg-type]
    assert rules.file_name(**bare | {"accession_number": "漢字"}, form=Form.ZIP, series_number=None) == "study.zip"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "details", "problem"),
    [
        (9, 'DicomAssociation - connecting to AET "X": TCP Initialization Error: Operation now in progress', ("unreachable", "")),
        (9, 'DicomAssociation - connecting to AET "X": DUL Association Rejected', ("rejected", "")),
        (9, 'C-STORE SCU to AET "X" has failed with DIMSE status 0xA700', ("full", "0xA700")),
        (9, 'C-STORE SCU to AET "X" has failed with DIMSE status 0x0124', ("rejected", "0x0124")),
        (9, 'C-STORE SCU to AET "X" has failed with DIMSE status 0xc000', ("refused", "0xc000")),
        (9, 'C-STORE SCU to AET "X": Peer aborted Association', ("interrupted", "")),
        (2015, "No acceptable presentation context", ("unsupported", "")),
        (1, "something new", ("other", "")),
    ],
)
def test_what_orthanc_says_becomes_a_word_of_ours(code: int, details: str, problem: tuple[str, str]) -> None:
    assert rules.problem(code, details) == problem
    assert problem[0] in rules.PROBLEMS
