"""Rows in the DICOM JSON model, and several series joined into one list."""

import gzip
import json

from sidecar.dicomweb.answers import Answers
from sidecar.dicomweb.attributes import Level, Row
from sidecar.dicomweb.query import read_query
from sidecar.dicomweb.retrieve import joined
from tests.unit.dicomweb.test_query import ROW, STUDY

ROOT = "https://rr.example/dicom-web/c"


def test_a_study() -> None:
    answers = Answers(read_query(b"includefield=all", Level.STUDY), ROOT)
    (dataset,) = answers.datasets([Row(STUDY)])
    assert dataset["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Brandt^Jürgen^^Dr.", "Ideographic": "黒沢^洋"}]}
    assert dataset["00080090"] == {"vr": "PN"}
    assert dataset["00080061"] == {"vr": "CS", "Value": ["CT", "SR"]}
    assert dataset["00201208"] == {"vr": "IS", "Value": [44]}
    assert dataset["00081190"] == {"vr": "UR", "Value": [f"{ROOT}/studies/1.2.3"]}
    assert list(dataset) == sorted(dataset)


def test_a_series() -> None:
    answers = Answers(read_query(b"", Level.SERIES), ROOT)
    (dataset,) = answers.datasets([ROW])
    assert dataset["00081190"]["Value"] == [f"{ROOT}/studies/1.2.3/series/1.2.3.4"]
    assert dataset["0020000D"]["Value"] == ["1.2.3"]
    assert "00100010" not in dataset


def test_joined_series_name_bulk_data_below_the_study() -> None:
    tricky = b'"00081030":{"vr":"LO","Value":["\\"BulkDataURI\\":\\"instances/"]}'
    one = b"[{" + tricky + b',"7FE00010":{"vr":"OW","BulkDataURI":"instances/9/bulk/1"}}]'
    parts = [("1.1", gzip.compress(one)), ("1.2", gzip.compress(b"[]")), ("1.3", gzip.compress(one))]
    first, second = json.loads(b"".join(joined(parts)))
    assert first["7FE00010"]["BulkDataURI"] == "series/1.1/instances/9/bulk/1"
    assert second["7FE00010"]["BulkDataURI"] == "series/1.3/instances/9/bulk/1"
    assert first["00081030"]["Value"] == ['"BulkDataURI":"instances/']
    assert json.loads(b"".join(joined([]))) == []
