"""What a reading context is answered, over an archive of plain dictionaries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orthanc_plugin import finding, passing
from orthanc_plugin.decide import Request
from orthanc_plugin.explorer import Context
from orthanc_plugin.finding import MalformedError
from orthanc_plugin.owners import SURE_SECONDS, Owners


class FakeArchive:
    """Two patients: P1 with the studies 1.1, 1.2, 1.3, P2 with 2.1; and 3.1, which both patients have."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.resources: dict[str, dict[str, Any]] = {}
        for patient, uids in (("P1", ("1.1", "1.2", "1.3", "3.1")), ("P2", ("2.1", "3.1"))):
            studies = [f"{patient}-{uid}" for uid in uids]
            self.resources[f"/patients/{patient}"] = {
                "ID": patient, "Type": "Patient", "MainDicomTags": {}, "Studies": studies, "LastUpdate": "x", "Labels": ["y"],
            }  # fmt: skip
            for study, uid in zip(studies, uids, strict=True):
                self.add(patient, study, uid)

    def add(self, patient: str, study: str, uid: str) -> None:
        images = [f"{study}-i1", f"{study}-i2"]
        self.resources[f"/studies/{study}"] = {
            "ID": study, "MainDicomTags": {"StudyInstanceUID": uid}, "ParentPatient": patient, "Series": [f"{study}-s"],
        }  # fmt: skip
        self.resources[f"/studies/{study}/statistics"] = {
            "DiskSize": "1048576", "UncompressedSize": "2097152", "CountSeries": 1, "CountInstances": 2,
        }  # fmt: skip
        self.resources[f"/series/{study}-s"] = {"ID": f"{study}-s", "Instances": images}
        for each in (f"/series/{study}-s", *(f"/instances/{image}" for image in images)):
            self.resources[f"{each}/study"] = self.resources[f"/studies/{study}"]
            self.resources.setdefault(each, {"ID": each.split("/")[2]})

    def find(self, uri: str) -> Any:
        self.asked.append(uri)
        path = uri.split("?", maxsplit=1)[0]
        if path.startswith("/patients/") and path.endswith("/studies"):
            patient = self.resources.get(path.removesuffix("/studies"))
            return patient and [self.resources[f"/studies/{study}"] for study in patient["Studies"]]
        return self.resources.get(path)

    def post(self, uri: str, body: bytes) -> bytes:
        if uri == "/tools/lookup":
            found = [("Patient", "P1"), ("Patient", "P2"), ("Study", "P1-1.1"), ("Study", "P2-2.1"), ("Series", "P2-2.1-s")]
            return json.dumps([{"Type": kind, "ID": each} for kind, each in found]).encode()
        asked = json.loads(body)
        uids = asked["Query"]["StudyInstanceUID"].split("\\")
        studies = [each for path, each in self.resources.items() if path.count("/") == 2 and path.startswith("/studies/")]
        mine = [each for each in studies if each["MainDicomTags"]["StudyInstanceUID"] in uids]
        series = [one for each in mine for one in each["Series"]]
        images = [one for each in series for one in self.resources[f"/series/{each}"]["Instances"]]
        # A careless Orthanc: it adds one that was not asked for, which must be judged once more.
        found = {"Study": [*(each["ID"] for each in mine), "P2-2.1"], "Series": [*series, "P2-2.1-s"], "Instance": images}
        limit = asked.get("Limit")
        return json.dumps([each["ID"] for each in mine][:limit] if limit else found[asked["Level"]]).encode()


@pytest.fixture
def archive() -> FakeArchive:
    return FakeArchive()


def context(archive: FakeArchive, *uids: str) -> Context:
    owners = Owners(archive.find, archive.post)
    return Context(frozenset(uids), owners, archive.find, archive.post)


def answer(archive: FakeArchive, path: str, body: Any = None, **arguments: str) -> Any:
    asked = Request("POST" if body is not None else "GET", path, {}, arguments)
    return context(archive, "1.1", "1.2", "3.1", "9.9").answer(asked, json.dumps(body).encode())


def test_owners_are_looked_up_once_and_doubtful_ones_are_nobodys(archive: FakeArchive) -> None:
    owners = Owners(archive.find, archive.post)
    assert owners("series", "P1-1.1-s") == owners("instances", "P1-1.1-i1") == owners("dicom-web", "1.1") == {"1.1"}
    asked = len(archive.asked)
    assert owners("series", "P1-1.1-s") == {"1.1"}
    assert len(archive.asked) == asked
    assert owners("patients", "P1") == {"1.1", "1.2", "1.3"}
    assert owners("studies", "P1-3.1") == owners("studies", "nothing") == owners("patients", "nothing") == set()
    assert owners("dicom-web", "3.1") == owners("dicom-web", "9.9") == set()
    assert owners.study("") is None


def test_what_was_one_patients_is_nobodys_when_another_comes_with_the_same_uid(archive: FakeArchive) -> None:
    now = [100.0]
    owners = Owners(archive.find, archive.post, lambda: now[0])
    everything = [("studies", "P1-1.1"), ("instances", "P1-1.1-i1"), ("dicom-web", "1.1")]
    assert [owners(*each) for each in everything] == [{"1.1"}] * 3
    archive.add("P2", "P2-1.1", "1.1")
    now[0] += SURE_SECONDS
    assert [owners(*each) for each in everything] == [set()] * 3
    assert owners("studies", "P2-1.1") == set()


def test_lists_hold_the_contexts_studies_only(archive: FakeArchive) -> None:
    assert answer(archive, "/studies") == ["P1-1.1", "P1-1.2"]
    assert answer(archive, "/series") == ["P1-1.1-s", "P1-1.2-s"]
    assert answer(archive, "/patients") == ["P1"]
    assert answer(archive, "/studies", since="1", limit="5") == ["P1-1.2"]
    assert [each["ID"] for each in answer(archive, "/studies", expand="")] == ["P1-1.1", "P1-1.2"]
    assert answer(archive, "/studies", expand="false") == ["P1-1.1", "P1-1.2"]
    (patient,) = answer(archive, "/patients", expand="", full="")
    assert patient == {"ID": "P1", "Type": "Patient", "MainDicomTags": {}, "Studies": ["P1-1.1", "P1-1.2"]}
    with pytest.raises(MalformedError):
        answer(archive, "/studies", limit="all")


def test_a_patient_is_its_studies_in_the_context(archive: FakeArchive) -> None:
    assert answer(archive, "/patients/P1")["Studies"] == ["P1-1.1", "P1-1.2"]
    assert answer(archive, "/patients/P2") is answer(archive, "/patients/P9") is None
    assert [each["ID"] for each in answer(archive, "/patients/P1/studies")] == ["P1-1.1", "P1-1.2"]
    assert [each["ID"] for each in answer(archive, "/patients/P1/series")] == ["P1-1.1-s", "P1-1.2-s"]
    assert len(answer(archive, "/patients/P1/instances")) == 4
    assert answer(archive, "/patients/P2/studies") == []


def test_counts_are_the_contexts(archive: FakeArchive) -> None:
    counts = answer(archive, "/statistics")
    assert [counts[f"Count{each}"] for each in ("Patients", "Studies", "Series", "Instances")] == [1, 2, 2, 4]
    assert (counts["TotalDiskSize"], counts["TotalUncompressedSizeMB"]) == ("2097152", 4)
    for level, expected in (("Patient", 1), ("Study", 2), ("Series", 2), ("Instance", 4)):
        assert answer(archive, "/tools/count-resources", {"Level": level}) == {"Count": expected}


def test_what_orthanc_finds_is_judged_once_more(archive: FakeArchive) -> None:
    assert answer(archive, "/tools/find", {"Level": "Study"}) == ["P1-1.1", "P1-1.2"]
    assert answer(archive, "/tools/find", {"Level": "Patient"}) == ["P1"]
    assert answer(archive, "/tools/find", {"Level": "Series", "Since": 1, "Limit": 1}) == ["P1-1.2-s"]
    (study,) = answer(archive, "/tools/find", {"Level": "Study", "Query": {"StudyInstanceUID": "1.2\\2.1"}, "Expand": True})
    assert study["ID"] == "P1-1.2"
    assert answer(archive, "/tools/find", {"Level": "Study", "Query": {"StudyInstanceUID": "2.1"}}) == []
    assert {each["ID"] for each in answer(archive, "/tools/lookup", "x")} == {"P1", "P1-1.1"}


def test_an_empty_lookup_is_none(archive: FakeArchive) -> None:
    for body in (b"", b"x" * 257):
        with pytest.raises(MalformedError):
            context(archive, "1.1").answer(Request("POST", "/tools/lookup"), body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[" * 100_000, b"[]", b'"x"', b"x" * 20_000, b'{"Level": "Study", "Other": 1}', b'{"Level": 1}', b"{}",
        b'{"Level": "Study", "Limit": true}', b'{"Level": "Study", "Since": -1}', b'{"Level": "Study", "Query": []}',
        b'{"Level": "Study", "Query": {"SOPInstanceUID": "1"}}', b'{"Level": "Study", "Query": {"PatientID": 1}}',
        b'{"Level": "Study", "Query": {"0020,000d": "1"}}', b'{"Level": "Study", "Expand": "yes"}',
    ],
)  # fmt: skip
def test_a_search_is_read_strictly(body: bytes) -> None:
    with pytest.raises(MalformedError):
        finding.read(body)


def test_a_search_is_built_anew() -> None:
    asked = finding.read(b'{"Level": "Patient", "Query": {"PatientName": "A*"}, "Limit": 99999, "Short": true}')
    assert (asked.limit, asked.form) == (finding.MAXIMUM, "?short")
    built = json.loads(finding.server_built(asked, ["1.1", "1.2"]))
    assert built == {
        "Level": "Study", "CaseSensitive": False, "Query": {"PatientName": "A*", "StudyInstanceUID": "1.1\\1.2"},
    }  # fmt: skip
    assert finding.within(asked, ["1.2", "1.1"]) == ["1.1", "1.2"]


def test_staff_are_handed_on_with_an_end_to_long_lists() -> None:
    def path(uri: str, **arguments: str) -> str:
        return passing.native(Request("GET", uri, {}, arguments))

    assert path("/patients", expand="", full="", since="5", limit="101", _="7") == "/patients?expand&full&since=5&limit=101"
    assert path("/studies", expand="") == "/studies?expand&since=0&limit=1000"
    assert path("/studies", expand="", limit="999999") == "/studies?expand&limit=1000&since=0"
    assert path("/studies") == "/studies"
    assert path("/patients/x", full="") == "/patients/x?full"
    for bad in ({"expand": "", "limit": "x"}, {"full": "a&b=c"}, {"expand": "", "since": "1" * 12}):
        with pytest.raises(MalformedError):
            path("/studies", **bad)


def test_people_hear_little_about_the_server() -> None:
    system = {"ApiVersion": 31, "Name": "MERCY", "Version": "1.13.0", "DicomPort": 4242, "DatabaseServerIdentifier": "x"}
    assert passing.about(system) == {"ApiVersion": 31, "Name": "MERCY", "Version": "1.13.0", "HasLabels": False}
