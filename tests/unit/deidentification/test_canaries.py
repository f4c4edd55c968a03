"""Not one planted value leaves, whatever the options, but what an option was asked to retain."""

from functools import cache
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from sidecar.deidentification.engine import Deidentifier
from sidecar.deidentification.identity import patient_of
from sidecar.deidentification.model import Option
from sidecar.deidentification.profile import Action, rows
from sidecar.deidentification.pseudonyms import Pseudonyms
from tests.unit.deidentification import canaries

PSEUDONYMS = Pseudonyms(b"a key of the test's own, 32 bytes")
EVERY = [frozenset(), *(frozenset({option}) for option in Option), frozenset(Option)]


@cache
def original() -> tuple[bytes, dict[int, object]]:
    dataset, secrets = canaries.full()
    return canaries.stored(dataset), secrets


def anonymised(options: frozenset[Option]) -> bytes:
    content, _made = canaries.make(original()[0], Deidentifier(options, PSEUDONYMS))
    assert content
    return content


def retained(tag: int, value: object, options: frozenset[Option]) -> bool:
    """Say whether an option asks to keep this very value."""
    said = {option: action for option, action in rows()[tag].options.items() if option in options}
    is_time = str(value).startswith("101112.") and said.get(Option.MODIFIED_DATES) is Action.CLEAN
    if Option.MODIFIED_DATES in said and not is_time:
        return False
    return is_time or Action.KEEP in said.values()


@pytest.mark.parametrize("options", EVERY, ids=lambda options: "+".join(sorted(options)) or "basic")
def test_no_planted_byte_survives(options: frozenset[Option]) -> None:
    content, secrets = anonymised(options), original()[1]
    kept = {tag for tag, value in secrets.items() if any(trace in content for trace in canaries.traces(value))}
    asked = {tag for tag, value in secrets.items() if retained(tag, value, options)}
    assert {f"{tag:08X} {rows()[tag].keyword}" for tag in kept - asked} == set()
    words = (
        b"ZQPRIVATE",
        b"ZQ PRIVATE",
        b"ZQORPHAN",
        b"ZQOVERLAY",
        b"ZQCURVE",
        b"ZQPADDING",
        b"ZQSOURCE",
        b"ZQMETA",
        b"ZQITEM",
        b"1.9.78.",
    )
    uids = Option.UIDS in options
    assert [word for word in words if word in content] == ([b"1.9.78."] if uids else [])
    assert content[:128] == b"\0" * 128


def test_the_corpus_is_nearly_the_whole_table() -> None:
    assert len(original()[1]) > 450
    assert len(rows()) == 652
    assert PSEUDONYMS.days(patient_of(read(original()[0]))) > 700, "shifted dates must not fall upon other planted ones"
    for tag, value in original()[1].items():
        assert all(trace in original()[0] for trace in canaries.traces(value)), rows()[tag].keyword


@pytest.mark.parametrize("option", [Option.PATIENT, Option.DEVICE, Option.UIDS])
def test_what_is_retained_is_there(option: Option) -> None:
    after = read(anonymised(frozenset({option})))
    for tag, row in rows().items():
        if (
            row.options.get(option) is Action.KEEP
            and tag in original()[1]
            and row.keyword not in {"PatientAge", "SelectorASValue"}
        ):
            assert str(after[tag].value) == str(original()[1][tag]), row.keyword


def test_type_of_every_replaced_attribute_is_right() -> None:
    after = read(anonymised(frozenset()))
    for tag, row in rows().items():
        if tag in original()[1] and row.basic is Action.REMOVE:
            assert tag not in after, row.keyword
        elif tag in original()[1] and row.basic is Action.EMPTY and row.keyword not in {"PatientID", "PatientName"}:
            assert after[tag].is_empty, row.keyword
        elif tag in original()[1]:
            assert not after[tag].is_empty, row.keyword


def test_stamp_says_what_was_done() -> None:
    after = read(anonymised(frozenset({Option.MODIFIED_DATES, Option.DESCRIPTORS})))
    assert after.PatientIdentityRemoved == "YES"
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"
    assert [item.CodeValue for item in after.DeidentificationMethodCodeSequence] == ["113100", "113105", "113107"]
    assert read(anonymised(frozenset())).LongitudinalTemporalInformationModified == "REMOVED"
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert after.PatientID == after.PatientName
    assert after.PatientID.startswith("P-")


def test_same_again_and_unlinkable_under_another_key() -> None:
    how = Deidentifier(frozenset(), PSEUDONYMS)
    assert anonymised(frozenset()) == anonymised(frozenset())
    _, other = canaries.make(original()[0], Deidentifier(frozenset(), Pseudonyms(b"b" * 32)))
    _, mine = canaries.make(original()[0], how)
    assert (mine.patient, mine.study, mine.series) != (other.patient, other.study, other.series)
    assert not {mine.patient, mine.study, mine.series} & {other.patient, other.study, other.series}


def read(content: bytes) -> Dataset:
    return dcmread(BytesIO(content))
