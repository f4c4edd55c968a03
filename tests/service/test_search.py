"""Searching by SQL: the same answers as the rules written in plain Python, six resources, and nobody else's studies."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sidecar.dicomweb.attributes import Level, Row
from sidecar.dicomweb.query import MOST_RESULTS, read_query
from sidecar.dicomweb.search import Part, search
from sidecar.gate.scope import Scopes
from sidecar.studies import queries
from tests.browser import Browser
from tests.cast import Cast, Person, make_cast, share_with
from tests.factories.studies import Made, make_study
from tests.unit.dicomweb import reference

Browse = Callable[[Person | None], Browser]
NAMES = (
    "Müller^Änne", "MULLER^ANNE", "Mueller^Anne^Maria^Dr.", "Brandt^Jürgen=黒沢^洋=くろさわ^ひろし", "O'Brien^Seán", "Doe^^^",
    "Łukasz^Żółć", "Иванов^Пётр", "100%^Under_score", "back\\slash^x", "Smith-Jones^Al", "Ñandú^José=山田^太郎", "", "ガガ^=ｶﾞ",
    "Doe^J=^=x",
)  # fmt: skip
IDS = ("P1", "P10", "p1", "P_1", "P%1", "100455", "", "A\\1", "*1")
OTHERS = (
    "StudyDate=20260101", "StudyDate=20260101-20260102", "StudyDate=-20260101", "StudyTime=12", "StudyTime=0900-1200",
    "StudyTime=-12", "StudyTime=235959.9-", "ModalitiesInStudy=CT", "ModalitiesInStudy=M*", "ModalitiesInStudy=CT%5CMR",
    "ModalitiesInStudy=S?,PT", "Modality=CT", "Modality=*", "SeriesNumber=1", "SeriesNumber=02", "StudyID=", "PatientSex=F",
    "InstanceAvailability=ONLINE", "InstanceAvailability=NEAR*", "BodyPartExamined=CH*,HEAD", "SeriesTime=1201",
    "NumberOfStudyRelatedInstances=2", "PatientBirthDate=19700101",
)  # fmt: skip
ALPHABET = "".join(sorted(set("".join(NAMES) + "*?" * 3 + "abpP1"))).replace("&", "")


@dataclass(frozen=True)
class House:
    """A hospital with studies of every kind of name, and another one's studies beside them."""

    cast: Cast
    rows: list[Row]


@pytest.fixture(scope="module")
def filled(app: Flask, scopes: Scopes) -> House:
    cast = make_cast(scopes, app.extensions["readingroom.seal"])
    made: list[Made] = []
    for number, name in enumerate(NAMES):
        elements = {
            "patient_name": name, "patient_id": IDS[number % len(IDS)], "referring_physician_name": NAMES[-number],
            "study_date": ("20260101", "20260102", "", "2026.1.2", "19991231")[number % 5],
            "study_time": ("120000", "0930", "12", "", "235959.999999", "ab")[number % 6],
            "modalities_in_study": (["CT"], ["MR", "SR"], [], ["CT", "PT"])[number % 4],
            "study_description": ("CT chest [low]", "MR 100%", "", "a_b")[number % 4],
        }  # fmt: skip
        made.append(make_study(scopes, cast.mercy, reading=cast.nightowls, series=(2,), **elements))
        make_study(scopes, cast.luke, reading=cast.nightowls, series=(2,), **elements)
    with scopes.open(cast.owner.actor) as scope:
        found = [queries.get(scope, each.id) for each in made]
        rows = [Row(study, series) for study in found for series in queries.series_of(scope, study)]
    return House(cast, rows)


def asked() -> st.SearchStrategy[str]:
    """Queries people and viewers send, and such as nobody would."""
    cut = st.builds(
        lambda name, start, length, before, after: before + name[start : start + length] + after,
        st.sampled_from([each for each in NAMES if each]), st.integers(0, 8), st.integers(1, 9),
        st.sampled_from(["", "*", "?"]), st.sampled_from(["", "*", "?*", "**"]),
    )  # fmt: skip
    names = st.sampled_from(NAMES) | cut | st.text(ALPHABET, max_size=8)
    name = st.builds(lambda keyword, value: f"{keyword}={quote(value)}", st.sampled_from(["PatientName", "00080090"]), names)
    texts = st.builds(
        lambda keyword, value: f"{keyword}={quote(value)}",
        st.sampled_from(["PatientID", "StudyDescription", "SeriesDescription", "AccessionNumber"]),
        st.sampled_from(IDS) | st.text("P1p_%*?\\ CTaMR0[", max_size=6),
    )
    fuzzy = st.sampled_from(["fuzzymatching=true", "fuzzymatching=false"])
    kinds = st.tuples(st.none() | name, st.none() | texts, st.none() | st.sampled_from(OTHERS), st.none() | fuzzy)
    return kinds.map(lambda each: "&".join(filter(None, each)))


@settings(
    max_examples=250, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(query=asked(), own=st.booleans())
def test_sql_and_the_rules_agree(query: str, own: bool, filled: House, scopes: Scopes) -> None:
    cast, raw = filled.cast, query.encode()
    expected = {row.series.id for row in filled.rows if row.series and reference.admits(raw, row)}
    part = Part(cast.mercy, own=True) if own else Part(cast.mercy, studies=[row.study.id for row in filled.rows])
    with scopes.open((cast.owner if own else cast.reader).actor) as scope:
        found, more = search(scope, part, read_query(raw, Level.SERIES))
    assert {row.series.id for row in found if row.series} == expected
    assert not more


def test_the_views_are_empty_without_anybody(filled: House, scopes: Scopes) -> None:
    with scopes.engine.connect() as connection:
        for view in ("own_studies", "own_series", "own_instances"):
            assert connection.scalar(text(f"SELECT count(*) FROM {view}")) == 0  # noqa: S608


def test_six_resources_of_the_own_archive(filled: House, browse: Browse, scopes: Scopes) -> None:
    cast = filled.cast
    browser = browse(cast.owner)
    study = make_study(scopes, cast.mercy, series=(2, 3), patient_id="SIX", study_date="20991231", patient_name="Six^Sue")
    root = "/dicom-web/own"
    (found,) = browser.get(f"{root}/studies?PatientID=SIX").json or []
    assert found["0020000D"]["Value"] == [study.uid]
    assert found["00081190"]["Value"][0].endswith(f"/dicom-web/own/studies/{study.uid}")
    series = browser.get(f"{root}/series?PatientID=SIX").json or []
    assert [each["0020000E"]["Value"][0] for each in series] == list(study.series)
    assert series[0]["00100010"]["Value"] == [{"Alphabetic": "Six^Sue"}]  # the path names no study: its attributes come along
    instances = browser.get(f"{root}/instances?PatientID=SIX&limit=4").json or []
    assert [each["00200013"]["Value"][0] for each in instances] == [1, 2, 1, 2]
    assert instances[0]["00080060"]["Value"] == ["CT"]
    below = f"{root}/studies/{study.uid}"
    assert "00100010" not in (browser.get(f"{below}/series").json or [])[0]
    assert len(browser.get(f"{below}/instances").json or []) == 5
    assert len(browser.get(f"{below}/series/{study.series[1]}/instances").json or []) == 3
    assert len(browser.get(f"{root}/instances?SOPInstanceUID={instances[0]['00080018']['Value'][0]}").json or []) == 1


def test_pages_are_stable_and_say_when_there_is_more(filled: House, browse: Browse) -> None:
    browser = browse(filled.cast.owner)
    whole = [each["0020000D"]["Value"][0] for each in browser.get("/dicom-web/own/studies").json or []]
    pages: list[str] = []
    for offset in range(0, len(whole) + 3, 3):
        page = browser.get(f"/dicom-web/own/studies?limit=3&offset={offset}")
        assert page.status_code == 200
        assert ("additional results" in page.headers.get("Warning", "")) == (offset + 3 < len(whole))
        pages += [each["0020000D"]["Value"][0] for each in page.json or []]
    assert pages == whole
    assert browser.get("/dicom-web/own/studies?limit=0").json == []
    assert MOST_RESULTS[Level.STUDY] == 1000


WITH_SETS = "application/dicom+json; charset=utf-8; transfer-syntax=*, text/html"


def test_the_form_of_the_answer_is_the_clients_choice(filled: House, browse: Browse) -> None:
    browser = browse(filled.cast.owner)
    for accept in ("application/dicom+json", "application/json", "*/*", "text/html, */*;q=0.1", "application/*", WITH_SETS):
        assert browser.get("/dicom-web/own/studies", headers={"Accept": accept}).content_type == "application/dicom+json"
    xml = browser.get("/dicom-web/own/studies?limit=2", headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    assert xml.content_type.startswith('multipart/related; type="application/dicom+xml"')
    assert xml.data.count(b"<NativeDicomModel") == 2
    assert xml.data.count(b'keyword="PatientName"') == 2
    nothing = {"Accept": "multipart/related; type=application/dicom+xml"}
    assert browser.get("/dicom-web/own/studies?PatientID=none", headers=nothing).status_code == 204
    assert browser.get("/dicom-web/own/studies?PatientID=none").json == []
    for accept in ("text/html", "application/dicom+xml", "image/jpeg", 'multipart/related; type="application/dicom"'):
        assert browser.get("/dicom-web/own/studies", headers={"Accept": accept}).status_code == 406
    assert browser.get("/dicom-web/own/studies?accept=application/json", headers={"Accept": "text/html"}).status_code == 200
    refused = browser.get("/dicom-web/own/studies?PatientNmae=Doe")
    assert refused.status_code == 400
    assert "PS3.6" in (refused.json or {})["message"]


def test_own_and_foreign_ids_in_one_list_find_the_own(filled: House, browse: Browse, scopes: Scopes) -> None:
    cast = filled.cast
    mine, theirs = make_study(scopes, cast.mercy), make_study(scopes, cast.luke)
    for path in ("studies", "series", "instances"):
        named = f"StudyInstanceUID={mine.uid},{theirs.uid},{mine.uid[:-1]}"
        found = browse(cast.owner).get(f"/dicom-web/own/{path}?{named}").json or []
        assert {each["0020000D"]["Value"][0] for each in found} == {mine.uid}
    series = browse(cast.owner).get(f"/dicom-web/own/series?SeriesInstanceUID={theirs.series[0]},{mine.series[0]}").json or []
    assert [each["0020000E"]["Value"][0] for each in series] == [mine.series[0]]


def test_the_cast_at_the_own_root(filled: House, browse: Browse, scopes: Scopes) -> None:
    cast = filled.cast
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    paths = (f"/studies/{study.uid}/series", f"/studies/{study.uid}/instances", f"/studies/{study.uid}/metadata",
             f"/studies/{study.uid}/series/{study.series[0]}/instances")  # fmt: skip
    share_with(scopes, study.id, cast.mercy, cast.colleague)
    for person in (cast.owner, cast.colleague, cast.own_radiologist, cast.mercy_manager):
        assert browse(person).get(f"/dicom-web/own{paths[0]}").status_code == 200
    assert browse(None).get("/dicom-web/own/studies").status_code == 401
    for person in (cast.mercy_admin, cast.platform_admin):
        assert browse(person).get("/dicom-web/own/studies").status_code == 403
    for person in (cast.reader, cast.stranger):  # who reads for others has no archive of its own
        assert browse(person).get("/dicom-web/own/studies").status_code == 404
    for path in paths:
        unknown = browse(cast.owner).get(f"/dicom-web/own{path.replace(study.uid, '1.2.3')}")
        foreign = browse(cast.luke_technician).get(f"/dicom-web/own{path}")
        stranger = browse(cast.strange_technician).get(f"/dicom-web/own{path}")
        assert foreign.status_code == stranger.status_code == unknown.status_code == 404
        assert foreign.data == stranger.data == unknown.data
    assert browse(cast.stranger).get(f"/dicom-web/{uuid4()}/studies").status_code == 404
