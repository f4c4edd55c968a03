"""The doors of reports: pages and JSON as a browser meets them, and what a stranger meets."""

import json
import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from sidecar.gate.scope import Scopes
from tests.browser import Browser
from tests.cast import PASSWORD, Cast, Person, share_with
from tests.factories.studies import Made, make_study

Browse = Callable[[Person | None], Browser]
TEXT = {"findings": "Lungs are clear.", "impression": "No <b>acute</b> finding."}


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls, patient_name="Sato^Haruka=佐藤^遥")


def begun(browse: Browse, cast: Cast, study: Made) -> tuple[Browser, str]:
    reader = browse(cast.reader)
    answer = reader.post("/api/reports", json={"study_id": str(study.id)})
    assert answer.status_code == 200
    return reader, answer.json["id"]


def signed(browse: Browse, cast: Cast, study: Made) -> str:
    reader, report_id = begun(browse, cast, study)
    assert reader.put(f"/api/reports/{report_id}/draft", json={"sections": TEXT, "revision": 0}).status_code == 200
    proof = {"password": PASSWORD, "code": cast.reader.code(), "meaning": "author", "revision": 1}
    answer = reader.post(f"/api/reports/{report_id}/sign", json=proof)
    assert answer.status_code == 200, answer.json
    assert answer.json["next"] == f"/reports/{report_id}"
    return report_id


def test_the_desk_opens_the_images_and_the_report(browse: Browse, cast: Cast, study: Made) -> None:
    page = browse(cast.reader).get(f"/reading/{study.id}")
    assert page.status_code == 200
    assert f"/ohif/viewer?StudyInstanceUIDs={study.uid}&amp;ctx=" in page.text
    assert 'data-editable="yes"' in page.text
    assert "佐藤" in page.text
    assert 'name="impression"' in page.text
    assert browse(cast.reader).get(f"/reading/{study.id}/images").status_code == 200


def test_a_colleague_at_the_desk_sees_who_reads(browse: Browse, cast: Cast, study: Made) -> None:
    reader, report_id = begun(browse, cast, study)
    reader.put(f"/api/reports/{report_id}/draft", json={"sections": TEXT, "revision": 0})
    page = browse(cast.second_reader).get(f"/reading/{study.id}").text
    assert 'data-editable="no"' in page
    assert "Dr. Nora Reader" in page
    assert "Lungs are clear." in page


def test_a_draft_is_saved_by_the_tag_of_what_was_read_and_by_no_older_one(browse: Browse, cast: Cast, study: Made) -> None:
    reader, report_id = begun(browse, cast, study)
    address, draft = f"/api/reports/{report_id}", {"sections": TEXT, "revision": 0}
    tag = reader.get(address).headers["ETag"]
    for person in (cast.stranger, cast.luke_manager):
        assert browse(person).put(f"{address}/draft", json=draft, headers={"If-Match": tag}).status_code in {403, 404}
    assert reader.put(f"{address}/draft", json=draft, headers={"If-Match": tag}).status_code == 200
    late = reader.put(f"{address}/draft", json=draft | {"sections": {"findings": "Older."}}, headers={"If-Match": tag})
    assert (late.status_code, late.json["code"]) == (412, "changed")
    assert "Lungs are clear." in reader.get(address).text
    assert reader.put(f"{address}/draft", json=draft, headers={"If-Match": '"1"'}).status_code == 200


def test_the_heartbeat_holds_the_lock_and_leaving_gives_it_back(browse: Browse, cast: Cast, study: Made) -> None:
    reader, _report = begun(browse, cast, study)
    assert reader.post(f"/reading/{study.id}/lock").json == {"revision": 0}
    other = browse(cast.second_reader).post(f"/reading/{study.id}/lock", headers={"Accept": "application/json"})
    assert (other.status_code, "Nora Reader" in other.json["message"]) == (409, True)
    assert reader.delete(f"/reading/{study.id}/lock").status_code == 204


def test_the_hospital_at_the_desk_sees_images_but_no_draft(browse: Browse, cast: Cast, study: Made) -> None:
    reader, report_id = begun(browse, cast, study)
    reader.put(f"/api/reports/{report_id}/draft", json={"sections": TEXT, "revision": 0})
    page = browse(cast.owner).get(f"/reading/{study.id}")
    assert page.status_code == 200
    assert "Lungs are clear." not in page.text
    assert "No report yet" in page.text
    assert 'data-editable="no"' in page.text


def test_a_draft_is_for_those_who_write_even_in_their_own_house(browse: Browse, cast: Cast, scopes: Scopes) -> None:
    own = make_study(scopes, cast.mercy)
    share_with(scopes, own.id, cast.mercy, cast.colleague)
    writer = browse(cast.own_radiologist)
    report_id = writer.post("/api/reports", json={"study_id": str(own.id)}).json["id"]
    writer.put(f"/api/reports/{report_id}/draft", json={"sections": TEXT, "revision": 0})
    for person in (cast.colleague, cast.owner, cast.mercy_manager):
        looker = browse(person)
        page = looker.get(f"/reading/{own.id}").text
        assert ("Lungs are clear." in page, "No report yet" in page) == (False, True)
        draft, unknown = looker.get(f"/api/reports/{report_id}"), looker.get(f"/api/reports/{uuid4()}")
        assert (draft.status_code, draft.text) == (404, unknown.text)


def test_saving_answers_revision_and_time_and_a_stale_one_brings_the_newer_text(browse: Browse, cast: Cast, study: Made) -> None:
    reader, report_id = begun(browse, cast, study)
    first = reader.put(f"/api/reports/{report_id}/draft", json={"sections": TEXT, "revision": 0})
    assert first.json["revision"] == 1
    assert first.json["saved_at"].endswith("Z")
    stale = reader.put(f"/api/reports/{report_id}/draft", json={"sections": {"findings": "other"}, "revision": 0})
    assert (stale.status_code, stale.json["code"]) == (409, "stale")
    assert (stale.json["sections"]["findings"], stale.json["revision"]) == ("Lungs are clear.", 1)
    assert stale.json["saved_by"] == "Dr. Nora Reader"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {"sections": {}, "revision": "1"},
        {"sections": {"x": ""}, "revision": 0},
        {"sections": 3, "revision": 0},
    ],
)
def test_what_is_not_a_draft_is_refused_in_words(browse: Browse, cast: Cast, study: Made, body: object) -> None:
    reader, report_id = begun(browse, cast, study)
    answer = reader.put(f"/api/reports/{report_id}/draft", data=json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid")


def test_review_shows_the_text_as_printed_and_what_is_missing(browse: Browse, cast: Cast, study: Made) -> None:
    reader, report_id = begun(browse, cast, study)
    assert "data-blocked" in reader.get(f"/reading/{study.id}/review").text
    reader.put(f"/api/reports/{report_id}/draft", json={"sections": TEXT, "revision": 0})
    review = reader.get(f"/reading/{study.id}/review").text
    assert "data-blocked" not in review
    assert "NOT SIGNED" in review
    assert "No &lt;b&gt;acute&lt;/b&gt; finding." in review


def test_a_used_code_is_told_plainly(browse: Browse, cast: Cast, scopes: Scopes, study: Made) -> None:
    signed(browse, cast, study)
    other = make_study(scopes, cast.luke, reading=cast.nightowls)
    reader, report_id = begun(browse, cast, other)
    reader.put(f"/api/reports/{report_id}/draft", json={"sections": TEXT, "revision": 0})
    proof = {"password": PASSWORD, "code": cast.reader.code(), "meaning": "author", "revision": 1}
    answer = reader.post(f"/api/reports/{report_id}/sign", json=proof)
    assert (answer.status_code, answer.json["code"]) == (403, "signature-refused")
    assert "already used" in answer.json["message"]


def test_the_hospital_reads_the_signed_report_on_screen_and_on_paper(
    browse: Browse, cast: Cast, study: Made, scopes: Scopes
) -> None:
    report_id = signed(browse, cast, study)
    share_with(scopes, study.id, cast.mercy, cast.colleague)
    for person in (cast.owner, cast.colleague, cast.reader):
        page = browse(person).get(f"/reports/{report_id}")
        assert page.status_code == 200
        assert "Dr. Nora Reader" in page.text
        assert "UTC" in page.text
        assert "Author of this final report" in page.text
        paper = browse(person).get(f"/reports/{report_id}/report.pdf")
        assert paper.data.startswith(b"%PDF")
        assert paper.headers["Cache-Control"] == "no-store"
    full = browse(cast.owner).get(f"/api/reports/{report_id}").json
    assert full["versions"][0]["content"]["signature"]["signer_name"] == "Dr. Nora Reader"
    row = browse(cast.owner).get("/hospital").text
    assert f"/reports/{report_id}" in row
    assert browse(cast.reader).get(f"/reading/{study.id}").status_code == 200


def test_images_after_the_signature_are_told(browse: Browse, cast: Cast, scopes: Scopes, study: Made) -> None:
    report_id = signed(browse, cast, study)
    assert "arrived after" not in browse(cast.owner).get(f"/reports/{report_id}").text
    add_images(scopes, cast, study)
    assert "4 images" in browse(cast.owner).get(f"/reports/{report_id}").text
    assert "+4 after signing" in browse(cast.owner).get("/hospital").text


def add_images(scopes: Scopes, cast: Cast, study: Made) -> None:
    with scopes.open(cast.owner.actor) as scope:
        scope.session.execute(text("UPDATE studies SET instance_count = instance_count + 4 WHERE id = :s"), {"s": study.id})


def test_the_hospitals_list_and_its_changes(browse: Browse, cast: Cast, scopes: Scopes, study: Made) -> None:
    owner = browse(cast.owner)
    page = owner.get("/hospital").text
    assert f'id="study-{study.id}"' in page
    cursor = page.split('data-cursor="')[1].split('"')[0]
    reader, _report = begun(browse, cast, study)
    changed = owner.get(f"/hospital/changes?since={cursor}")
    assert f'id="study-{study.id}"' in changed.text
    assert "Being read" in changed.text
    assert int(changed.headers["X-Worklist-Cursor"]) >= int(cursor)
    counted = [each.get("/hospital/counts?state=reading").text for each in (owner, browse(cast.luke_technician))]
    assert [re.findall(r'class="count">(\d+)', text) for text in counted] == [["1", "0", "0", "1", "0"], ["0"] * 5]
    found = owner.post("/hospital/rows", data={"q": "佐藤", "state": "reading"}).text
    assert f'id="study-{study.id}"' in found
    assert f'id="study-{study.id}"' not in owner.post("/hospital/rows", data={"q": "nobody"}).text
    assert owner.get("/hospital?state=nonsense").status_code == 400
    assert f'id="study-{study.id}"' not in browse(cast.luke_technician).get("/hospital").text
    assert reader.get("/hospital").status_code == 200


ROUTES = [
    ("GET", "/reading/{study}", None),
    ("GET", "/reading/{study}/images", None),
    ("GET", "/reading/{study}/review", None),
    ("POST", "/reading/{study}/lock", None),
    ("DELETE", "/reading/{study}/lock", None),
    ("POST", "/api/reports", {"study_id": "{study}"}),
    ("GET", "/api/reports/{report}", None),
    ("PUT", "/api/reports/{report}/draft", {"sections": TEXT, "revision": 1}),
    ("POST", "/api/reports/{report}/sign", {"password": PASSWORD, "code": "000000", "meaning": "author", "revision": 1}),
    ("GET", "/reports/{report}", None),
    ("GET", "/reports/{report}?version=1", None),
    ("GET", "/reports/{report}/report.pdf", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
@pytest.mark.parametrize("state", ["draft", "signed"])
def test_a_strangers_answer_is_the_unknown_ids(
    browse: Browse, cast: Cast, study: Made, method: str, path: str, body: dict[str, object] | None, state: str
) -> None:
    report_id = signed(browse, cast, study) if state == "signed" else begun(browse, cast, study)[1]
    stranger = browse(cast.stranger)

    def ask(study_id: UUID, report: str) -> tuple[int, bytes]:
        place = {"study": str(study_id), "report": report}
        sent = json.loads(json.dumps(body).replace("{study}", str(study_id))) if body else None
        answer = stranger.ask(method, path.format(**place), json=sent) if sent else stranger.ask(method, path.format(**place))
        text = answer.data.replace(str(study_id).encode(), b"ID").replace(report.encode(), b"ID")
        return answer.status_code, _without_moment(text)

    seen, unknown = ask(study.id, report_id), ask(uuid4(), str(uuid4()))
    assert seen == unknown
    assert seen[0] == 404


def _without_moment(page: bytes) -> bytes:
    """Leave out the page's own clock and the token that bears its second: they differ between any two answers."""
    for name in (rb"csrf-token", rb"now", rb"session-idle", rb"session-ends"):
        if found := re.search(rb'<meta name="' + name + rb'" content="([^"]+)"', page):
            page = page.replace(found[1], b"")
    return page


def test_nobody_signed_in_gets_nothing(browse: Browse, cast: Cast, study: Made) -> None:
    _reader, report_id = begun(browse, cast, study)
    for method, path, body in ROUTES:
        where = path.format(study=study.id, report=report_id)
        answer = browse(None).ask(method, where, **({"json": body} if body else {}))
        assert answer.status_code in (302, 401), (method, path)
