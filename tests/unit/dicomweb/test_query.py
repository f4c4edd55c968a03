"""A client's query string: read strictly, understood as PS3.18 says, never wider than asked."""

from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.dicomweb.attributes import ATTRIBUTES, Level, Row, find
from sidecar.dicomweb.query import MOST_RESULTS, MULTIPLE_WARNING, UNKNOWN_WARNING, read_query
from sidecar.kernel.errors import Invalid
from tests.unit.dicomweb import reference

STUDY = cast("Any", SimpleNamespace(
    study_instance_uid="1.2.3", patient_id="100455", patient_name="Brandt^Jürgen^^Dr.=黒沢^洋", patient_birth_date="19610908",
    patient_sex="M", accession_number="MG260170", study_date="20261121", study_time="153903", study_id="0170",
    study_description="CT chest [low dose]", referring_physician_name="", modalities_in_study=["CT", "SR"], series_count=2,
    instance_count=44, id=uuid4(), arrived_at=datetime(2026, 11, 21, tzinfo=UTC),
))  # fmt: skip
SERIES = cast("Any", SimpleNamespace(
    series_instance_uid="1.2.3.4", modality="CT", series_number=2, series_description="Axial", body_part_examined="CHEST",
    series_date="20261121", series_time="154001.5", instance_count=44,
))  # fmt: skip
ROW = Row(STUDY, SERIES)


def admits(query: str) -> bool:
    """Read it as the search does, for its refusals; say what the reference says of it, which the SQL must agree with."""
    read_query(query.encode(), Level.SERIES)
    return reference.admits(query.encode(), ROW)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", True),
        ("StudyInstanceUID=1.2.3", True),
        ("0020000D=1.2.3", True),
        ("0020000d=1.2.3", True),
        ("0020000D=1.2.4", False),
        ("0020000D=1.2.4,1.2.3", True),
        ("0020000D=1.2.4%5C1.2.3", True),
        ("0020000D=1.2", False),
        ("PatientID=100455", True),
        ("PatientID=1004*", True),
        ("PatientID=*55", True),
        ("PatientID=1?0455", True),
        ("PatientID=10045", False),
        ("PatientID=", True),
        ("PatientID=*", True),
        ("PatientName=brandt*", True),
        ("PatientName=*J%C3%9CRGEN*", True),
        ("PatientName=*Ju%CC%88rgen*", True),
        ("PatientName=%E9%BB%92%E6%B2%A2*", True),
        ("PatientName=Brandt%5EJ%C3%BCrgen%5E%5EDr.", True),
        ("PatientName=Brandt", False),
        ("ReferringPhysicianName=A*", False),
        ("ReferringPhysicianName=*", True),
        ("StudyDescription=CT+chest+[low+dose]", True),
        ("StudyDescription=CT+chest+*[*", True),
        ("StudyDescription=ct+chest+*", False),
        ("StudyDescription=.*", False),
        ("ModalitiesInStudy=SR", True),
        ("ModalitiesInStudy=MR%5CSR", True),
        ("ModalitiesInStudy=MR,CT", True),
        ("ModalitiesInStudy=MR", False),
        ("StudyDate=20261121", True),
        ("StudyDate=20261101-20261130", True),
        ("StudyDate=20261122-", False),
        ("StudyDate=-20261121", True),
        ("StudyDate=-20261120", False),
        ("StudyTime=1539", True),
        ("StudyTime=15-16", True),
        ("StudyTime=153904-", False),
        ("SeriesTime=154001", True),
        ("SeriesTime=154002-", False),
        ("SeriesNumber=2", True),
        ("SeriesNumber=02", True),
        ("SeriesNumber=3", False),
        ("PatientSex=M&PatientID=100455", True),
        ("PatientSex=F&PatientID=100455", False),
    ],
)
def test_matching(query: str, *, expected: bool) -> None:
    assert admits(query) is expected


@pytest.mark.parametrize(
    "query",
    [
        "StudyInstanceUID=1.2.3&0020000D=1.2.4",  # one attribute in two spellings: the second must not win, nor the first
        "PatientID=1&PatientID=1",
        "limit=1&limit=2",
        "limit=-1",
        "limit=x",
        "offset=1e3",
        "limit=9999999999",
        "fuzzymatching=perhaps",
        "StudyDate=2026-11-21",
        "StudyDate=-",
        "StudyTime=25:00",
        "StudyInstanceUID=*",
        "StudyInstanceUID=1.2.3,",
        "SeriesNumber=two",
        "PatientName=%FF",
        "PatientName=%00",
        "&".join(f"a{n}=1" for n in range(100)),
    ],
)
def test_what_is_not_well_formed_is_refused(query: str) -> None:
    with pytest.raises(Invalid):
        read_query(query.encode(), Level.SERIES)


def test_a_raw_byte_beyond_ascii_is_refused() -> None:
    with pytest.raises(Invalid):
        read_query("PatientName=Jürgen".encode(), Level.STUDY)


def test_attributes_that_are_not_in_the_index_are_ignored_aloud() -> None:
    query = read_query(b"InstitutionName=SECRET&00101010=065Y&SOPInstanceUID=1.2&00091001=x&00400275.00400009=1", Level.STUDY)
    assert query.warnings == (UNKNOWN_WARNING,)
    assert query.conditions == ()
    assert read_query(b"includefield=InstitutionName", Level.STUDY).warnings == (UNKNOWN_WARNING,)


@pytest.mark.parametrize(
    "query", [b"PatientNmae=SECRET", b"foo=SECRET", b"0010FFF0=1", b"includefield=Nmae", b"PatientName.=x", b"=1"]
)
def test_what_is_no_attribute_at_all_is_refused_and_not_repeated(query: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read_query(query, Level.STUDY)
    assert "SECRET" not in refused.value.message
    assert "Nmae" not in refused.value.message


def test_kinds_of_matching_that_are_not_supported_are_said_so() -> None:
    assert read_query(b"multiplevaluematching=true&emptyvaluematching=false", Level.STUDY).warnings == (MULTIPLE_WARNING,)
    assert read_query(b"fuzzymatching=true", Level.STUDY).warnings == ()


def test_pages() -> None:
    query = read_query(b"limit=2&offset=3", Level.STUDY)
    assert (query.limit, query.offset) == (2, 3)
    assert read_query(b"limit=999999999", Level.STUDY).limit == read_query(b"", Level.STUDY).limit == MOST_RESULTS[Level.STUDY]


def returned(query: bytes, level: Level) -> set[str]:
    asked = read_query(query, level)
    return {each.keyword for each in ATTRIBUTES if asked.returns(each)}


def test_fields_come_by_default_when_asked_for_and_all() -> None:
    assert "StudyDescription" not in returned(b"", Level.STUDY)
    assert "StudyDescription" in returned(b"includefield=00081030,00080060", Level.STUDY)
    assert "StudyDescription" in returned(b"StudyDescription=*x*", Level.STUDY)
    assert "Modality" not in returned(b"includefield=all", Level.STUDY)
    assert {"Modality", "PatientName", "StudyDescription"} <= returned(b"includefield=all", Level.SERIES)
    assert "PatientName" not in returned(b"", Level.SERIES)
    assert {"StudyInstanceUID", "SeriesInstanceUID"} <= returned(b"", Level.INSTANCE)
    assert {"SeriesDate", "SeriesTime"} <= returned(b"includefield=SeriesDate&includefield=00080031", Level.SERIES)


def test_what_the_viewer_needs_is_there() -> None:
    study = "0020000D,00080020,00080030,00080050,00100020,00100010,00100030,00201208,00081030,00080061,00080090"
    series = "0020000E,00080060,00200011,00080021,00080031,0008103E,00201209"
    assert all(find(tag) for tag in f"{study},{series}".split(","))


def test_attributes_stand_in_the_order_of_tags() -> None:
    tags = [each.tag for each in ATTRIBUTES]
    assert tags == sorted(set(tags))


@given(st.text(alphabet="ab*?^= ", max_size=40), st.text(alphabet="ab^= ", max_size=60))
def test_any_pattern_ends_soon(pattern: str, value: str) -> None:
    """Stars in any number: matching takes no exponential time and never raises."""
    from urllib.parse import quote

    row = Row(cast("Any", SimpleNamespace(**vars(STUDY) | {"study_description": value, "patient_name": value})))
    for keyword in ("StudyDescription", "PatientName"):
        query = f"{keyword}={quote(pattern)}".encode()
        read_query(query, Level.STUDY)
        reference.admits(query, row)
    literal = f"StudyDescription={quote(value)}".encode()
    assert "*" in value or "?" in value or reference.admits(literal, row)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(Invalid):
        read_query(raw, Level.INSTANCE)
