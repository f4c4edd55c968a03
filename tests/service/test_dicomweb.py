"""The DICOMweb root of a reading context over HTTP: what it shows, and that a stranger's answer is the unknown id's."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from flask import Flask
from pydicom.uid import RLELossless
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from sidecar.adapters import carriages
from sidecar.adapters.cell_tokens import session_hash
from sidecar.dicomweb import jobs
from sidecar.gate.actor import Actor, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.clock import utc_now
from sidecar.kernel.errors import Broken, Busy
from sidecar.studies import contexts, queries
from sidecar.studies.tables import Instance, Series, SeriesMetadata
from tests.browser import Browser
from tests.cast import Cast, Person, share_with
from tests.doors import phantom
from tests.factories.objects import stored
from tests.factories.studies import Made, make_study
from tests.fakes.cells import FakeCells

Browse = Callable[[Person | None], Browser]
View = Callable[..., "Viewer"]


@dataclass
class Viewer:
    """A signed-in browser with one open context."""

    browser: Browser
    actor: Actor
    context: UUID

    def get(self, path: str, **options: object) -> TestResponse:
        return self.browser.get(f"/dicom-web/{self.context}{path}", **options)

    def pixels(self, study: Made, *, uid: str = "", series: str = "") -> TestResponse:
        named = f"study={uid or study.uid}&series={series or study.series[0]}"
        return self.browser.get(f"/edge/pixels?context={self.context}&{named}")


@pytest.fixture
def view(browse: Browse, scopes: Scopes) -> View:
    def open_viewer(person: Person, study: Made, *, within: Scopes = scopes) -> Viewer:
        browser = browse(person)
        actor = replace(person.actor, session=sid_hash(browser))
        with within.open(actor) as scope:
            return Viewer(browser, actor, contexts.open_context(scope, study.id).id)

    return open_viewer


@pytest.fixture
def cells(app: Flask) -> Iterator[FakeCells]:
    real, fake = app.extensions["readingroom.cells"], FakeCells()
    app.extensions["readingroom.cells"] = fake
    yield fake
    app.extensions["readingroom.cells"] = real


def sid_hash(browser: Browser) -> str:
    with browser.client.session_transaction() as session:
        return session_hash(session.sid)


def described(count: int, name: str = "Doe^Jane") -> bytes:
    pixels = {"vr": "OW", "BulkDataURI": "instances/1/bulk/2"}
    one = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]}, "7FE00010": pixels}
    return json.dumps([one] * count, separators=(",", ":")).encode()


def words(response: TestResponse, *ids: object) -> tuple[int, str, bytes]:
    """What a client sees, with the ids it sent itself taken out."""
    body = response.data
    for each in ids:
        body = body.replace(str(each).encode(), b"ID")
    return response.status_code, response.content_type, body


def test_searches_see_the_contexts_studies_and_no_other(cast: Cast, scopes: Scopes, view: View) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls, series=(2, 3))
    prior = make_study(scopes, cast.mercy, reading=cast.nightowls, study_date="20240101")
    other = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_id="P2")
    make_study(scopes, cast.luke, reading=cast.nightowls)
    viewer = view(cast.reader, study)
    every = viewer.get("/studies?00100020=P1&includefield=00081030").json
    assert every is not None
    assert [each["0020000D"]["Value"][0] for each in every] == [study.uid, prior.uid]
    assert every[0]["00081030"]["Value"] == ["CT chest"]
    assert every[0]["00201208"]["Value"] == [5]
    for search in (f"StudyInstanceUID={other.uid}", f"0020000D={other.uid}", "00100020=P2", "00100020=P2*", "offset=2"):
        assert viewer.get(f"/studies?{search}").json == [], search
    assert len(viewer.get(f"/studies?StudyInstanceUID={other.uid},{study.uid}").json or []) == 1
    assert len(viewer.get("/studies?limit=1").json or []) == 1
    assert viewer.get(f"/studies?StudyInstanceUID={study.uid}&0020000D={other.uid}").status_code == 400


def test_series_and_instances(cast: Cast, scopes: Scopes, view: View) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls, series=(2, 3))
    viewer = view(cast.reader, study)
    response = viewer.get(f"/studies/{study.uid}/series?includefield=00080021,00080031,0008103E,00200011")
    assert response.content_type == "application/dicom+json"
    assert response.headers["Cache-Control"] == "no-store"
    series = response.json or []
    assert [each["00201209"]["Value"][0] for each in series] == [2, 3]
    assert [each["0020000E"]["Value"][0] for each in series] == list(study.series)
    instances = viewer.get(f"/studies/{study.uid}/series/{study.series[1]}/instances?InstanceNumber=2").json or []
    assert [each["00200013"]["Value"] for each in instances] == [[2]]
    assert viewer.get(f"/studies/{study.uid}/series?Modality=MR").json == []


def test_foreign_expired_and_unknown_are_one_answer(cast: Cast, scopes: Scopes, browse: Browse, view: View) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    elsewhere = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_id="P2")
    viewer, colleague = view(cast.reader, study), view(cast.second_reader, study)
    second_session = view(cast.reader, study)
    past = replace(scopes, clock=lambda: utc_now() - timedelta(minutes=31))
    expired = view(cast.reader, elsewhere, within=past)
    unknown = uuid4()
    for rest in ("/studies", f"/studies/{study.uid}/series", f"/studies/{study.uid}/metadata",
                 f"/studies/{study.uid}/series/{study.series[0]}/metadata",
                 f"/studies/{study.uid}/series/{study.series[0]}/instances",
                 f"/studies/{study.uid}/series/{study.series[0]}/instances/1.2/frames/1"):  # fmt: skip
        reference = words(viewer.browser.get(f"/dicom-web/{unknown}{rest}"), unknown)
        assert reference[0] == 404
        for browser, context in [
            (viewer.browser, colleague.context), (viewer.browser, second_session.context), (expired.browser, expired.context),
            (browse(cast.stranger), viewer.context), (browse(cast.own_radiologist), viewer.context), (viewer.browser, "nonsense"),
        ]:  # fmt: skip
            assert words(browser.get(f"/dicom-web/{context}{rest}"), context) == reference, rest
        foreign = rest.replace(study.uid, elsewhere.uid)
        if foreign != rest:
            missing = rest.replace(study.uid, "1.2.3")
            assert words(viewer.get(foreign), elsewhere.uid) == words(viewer.get(missing), "1.2.3") == reference


def test_who_is_not_signed_in_or_may_not_read_gets_nothing(cast: Cast, scopes: Scopes, browse: Browse, view: View) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    viewer = view(cast.reader, study)
    for path in (f"/dicom-web/{viewer.context}/studies", f"/edge/pixels?context={viewer.context}&study={study.uid}"):
        assert browse(None).get(path).status_code == 401
        assert browse(cast.platform_admin).get(path).status_code == 403


def test_signing_out_closes_the_root(cast: Cast, scopes: Scopes, view: View) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    viewer = view(cast.reader, study)
    assert viewer.pixels(study).status_code == 204
    assert viewer.browser.post("/logout").status_code == 302
    assert viewer.get("/studies").status_code == 401
    assert viewer.pixels(study).status_code == 401
    with pytest.raises(Exception, match="Nothing"), scopes.open(viewer.actor) as scope:
        contexts.look_in(scope, viewer.context)


def test_same_identifiers_at_two_hospitals_stay_two_patients(cast: Cast, scopes: Scopes, view: View, cells: FakeCells) -> None:
    same = {"uid": f"1.2.{uuid4().int}", "series_uids": (f"1.3.{uuid4().int}",), "reading": cast.nightowls}
    mercy = make_study(scopes, cast.mercy, patient_name="Mercy^Mary", **same)
    luke = make_study(scopes, cast.luke, patient_name="Luke^Lars", **same)
    for study, name in ((mercy, "Mercy^Mary"), (luke, "Luke^Lars")):
        cells.metadata[study.uid, study.series[0]] = described(2, name)
        viewer = view(cast.reader, study)
        (found,) = viewer.get(f"/studies?StudyInstanceUID={study.uid}").json or []
        assert found["00100010"]["Value"] == [{"Alphabetic": name}]
        metadata = viewer.get(f"/studies/{study.uid}/series/{study.series[0]}/metadata").json or []
        assert metadata[0]["00100010"]["Value"] == [{"Alphabetic": name}]
        assert cells.asked[-1][0].organisation_id == study.owner
        claims = jwt.decode(viewer.pixels(study).headers["X-Cell-Token"], options={"verify_signature": False})
        assert claims["aud"] == str(cells.asked[-1][0].cell_id)


def test_metadata_is_asked_once_and_never_stale(cast: Cast, scopes: Scopes, view: View, cells: FakeCells) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    path = f"/studies/{study.uid}/series/{study.series[0]}/metadata"
    viewer = view(cast.reader, study)
    cells.metadata[study.uid, study.series[0]] = described(2)
    packed = viewer.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == described(2)
    plain = viewer.get(path)
    assert "Content-Encoding" not in plain.headers
    assert plain.data == described(2)
    assert len(cells.asked) == 1
    with scopes.open(system_actor(cast.mercy)) as scope:  # one more image arrives
        scope.session.execute(update(Series).where(Series.study_id == study.id).values(instance_count=3))
    cells.metadata[study.uid, study.series[0]] = described(3)
    assert len(viewer.get(path).json or []) == 3
    joined = viewer.get(f"/studies/{study.uid}/metadata")
    assert (joined.json or [])[2]["7FE00010"]["BulkDataURI"] == f"series/{study.series[0]}/instances/1/bulk/2"
    assert len(cells.asked) == 2
    for level, uri in ((path, "instances/"), (f"/studies/{study.uid}/metadata", f"series/{study.series[0]}/instances/")):
        xml = viewer.get(level, headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
        assert xml.content_type.startswith('multipart/related; type="application/dicom+xml"; boundary=')
        assert xml.data.count(b"<NativeDicomModel") == 3
        assert xml.data.count(f'<BulkData uri="{uri}1/bulk/'.encode()) == 3
    assert viewer.get(path, headers={"Accept": "application/dicom+xml"}).status_code == 406


def test_what_the_cell_says_beside_the_index_is_shown_but_not_kept(
    cast: Cast, scopes: Scopes, view: View, cells: FakeCells
) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    arriving = make_study(scopes, cast.mercy, reading=cast.nightowls, arrival="arriving")
    for made, count in ((study, 5), (arriving, 2)):
        cells.metadata[made.uid, made.series[0]] = described(count)
        viewer = view(cast.reader, made)
        for _ in range(2):
            assert len(viewer.get(f"/studies/{made.uid}/series/{made.series[0]}/metadata").json or []) == count
    assert len(cells.asked) == 4
    with scopes.open(system_actor(cast.mercy)) as scope:
        assert scope.session.scalar(select(func.count()).select_from(SeriesMetadata)) == 0


def test_a_silent_cell_is_said_so(cast: Cast, scopes: Scopes, view: View, cells: FakeCells) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    cells.metadata[study.uid, study.series[0]] = Busy("The archive is not answering.")
    response = view(cast.reader, study).get(f"/studies/{study.uid}/series/{study.series[0]}/metadata")
    assert response.status_code == 503
    assert response.headers["Retry-After"]


def test_the_worker_fills_the_cache_and_leaves_a_bad_series_alone(cast: Cast, scopes: Scopes) -> None:
    good = make_study(scopes, cast.mercy, series=(2, 1))
    bad = make_study(scopes, cast.mercy)
    waiting = make_study(scopes, cast.mercy, arrival="arriving")
    cells = FakeCells()
    cells.metadata = {
        (good.uid, good.series[0]): described(2), (good.uid, good.series[1]): described(1),
        (bad.uid, bad.series[0]): Broken("no JSON"),
    }  # fmt: skip
    assert jobs.fill_provider(scopes, cells, cast.mercy, host="127.0.0.1") == 2
    asked = {series for _, series in cells.asked}
    assert bad.series[0] in asked
    assert waiting.series[0] not in asked
    assert jobs.fill_provider(scopes, cells, cast.mercy, host="127.0.0.1") == 0
    assert len(cells.asked) == 3


def test_pixels_are_allowed_for_one_study_for_two_minutes(cast: Cast, scopes: Scopes, view: View, app: Flask) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    prior = make_study(scopes, cast.mercy, reading=cast.nightowls)
    other = make_study(scopes, cast.mercy, reading=cast.nightowls, patient_id="P2")
    viewer = view(cast.reader, study)
    for made in (study, prior):
        response = viewer.pixels(made)
        assert response.status_code == 204
        assert response.headers["X-Cell-Address"] == "127.0.0.1:4"
        key = app.extensions["readingroom.cell_tokens"].key.public_key()
        audience = jwt.decode(response.headers["X-Cell-Token"], options={"verify_signature": False})["aud"]
        claims = jwt.decode(response.headers["X-Cell-Token"], key, algorithms=["EdDSA"], audience=audience)
        assert claims["studies"] == [made.uid]
        assert (claims["role"], claims["sid"]) == ("radiologist", viewer.actor.session)
        assert claims["exp"] - claims["iat"] <= 120
    foreign, unknown = viewer.pixels(other), viewer.pixels(other, uid="1.2.3")
    assert words(foreign) == words(unknown)
    assert foreign.status_code == 403
    assert "X-Cell-Token" not in foreign.headers
    assert viewer.browser.get("/edge/pixels").status_code == 403


def test_the_same_study_uid_of_another_patient_opens_no_pixels(cast: Cast, scopes: Scopes, view: View) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    twin = make_study(scopes, cast.mercy, uid=study.uid, patient_id="P2")
    viewer = view(cast.reader, study)
    assert viewer.pixels(study).status_code == 204
    foreign, unknown = viewer.pixels(twin), viewer.pixels(study, series="1.2.3")
    assert foreign.status_code == 403
    assert words(foreign) == words(unknown)


def test_whole_studies_go_to_who_may_take_them_along_and_an_instance_of_another_patient_to_nobody(
    app: Flask, cast: Cast, scopes: Scopes, view: View
) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    twin = make_study(scopes, cast.mercy, reading=cast.nightowls, uid=study.uid, series_uids=study.series, patient_id="P2")
    with scopes.open(system_actor(cast.mercy)) as scope:
        mine, theirs = (scope.one(select(Instance).where(Instance.study_id == each.id).limit(1)) for each in (study, twin))
    share_with(scopes, study.id, cast.mercy, cast.colleague)
    series = f"study={study.uid}&series={study.series[0]}"
    whole = [f"study={study.uid}", series]
    cells = {"X-Cell-Address", "X-Cell-Token"}
    for person, status in ((cast.owner, 204), (cast.reader, 204), (cast.colleague, 403)):
        viewer = view(person, study)

        def ask(named: str, viewer: Viewer = viewer) -> TestResponse:
            return viewer.browser.get(f"/edge/objects?root={viewer.context}&{named}")

        assert [ask(each).status_code for each in whole] == [status] * 2
        one = ask(f"{series}&instance={mine.sop_instance_uid}")
        assert (one.status_code, cells & set(one.headers.keys())) == (204, set())
        laid = carriages.take(app.extensions["readingroom.redis"], one.headers["X-Carried"].removeprefix("/"))
        assert laid is not None
        path = f"/dicom-web/studies/{study.uid}/series/{study.series[0]}/instances/{mine.sop_instance_uid}"
        assert (laid.url, laid.bearer.user_id) == (f"http://127.0.0.1:4{path}", person.user_id)
        refused, unknown = ask(f"{series}&instance={theirs.sop_instance_uid}"), ask(f"{series}&instance=1.2.3")
        assert refused.status_code == 403
        assert words(refused) == words(unknown)
        assert not (cells | {"X-Carried"}) & set(refused.headers.keys())
    own = [view(cast.colleague, study).browser.get(f"/edge/objects?root=own&{each}").status_code for each in whole]
    assert own == [403, 403]
    stranger = view(cast.stranger, make_study(scopes, cast.third, reading=cast.strangers)).browser
    assert stranger.get(f"/edge/objects?root={viewer.context}&{series}&instance={mine.sop_instance_uid}").status_code == 403


def test_frames_that_the_cell_cannot_give_are_cut_out_of_the_file_in_a_form_the_viewer_takes(
    cast: Cast, scopes: Scopes, view: View, cells: FakeCells
) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    with scopes.open(system_actor(cast.mercy)) as scope:
        image = scope.session.scalars(select(Instance).where(Instance.study_id == study.id)).first()
    assert image is not None
    packed = phantom.image()
    packed.compress(RLELossless)
    cells.files[image.orthanc_id] = stored(packed)
    viewer = view(cast.reader, study)
    frame = f"/studies/{study.uid}/series/{study.series[0]}/instances/{image.sop_instance_uid}/frames"
    octets = "multipart/related; type=application/octet-stream; transfer-syntax"
    for accept, status in (
        (f"{octets}=*", 200), ('multipart/related; type="image/dicom-rle"', 200), ("*/*", 200),
        (f"{octets}=1.2.840.10008.1.2.1", 406), ('multipart/related; type="image/jp2"', 406), ("text/html", 406),
    ):  # fmt: skip
        answer = viewer.get(f"{frame}/1", headers={"Accept": accept})
        assert answer.status_code == status, accept
        assert (b'transfer-syntax="1.2.840.10008.1.2.5"' in answer.data) is (status == 200)
    asked = len(cells.asked)
    for what, accept, status in (("1", "text/html", 406), ("2", "*/*", 404), ("0", "*/*", 404)):
        assert viewer.get(f"{frame}/{what}", headers={"Accept": accept}).status_code == status
    assert len(cells.asked) == asked, "what is refused in any case is not read for it"


def test_storing_is_refused_and_says_so(cast: Cast, scopes: Scopes, view: View, browse: Browse) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    viewer = view(cast.reader, study)
    for path in ("/studies", f"/studies/{study.uid}"):
        response = viewer.browser.post(f"/dicom-web/{viewer.context}{path}", data=b"--x", content_type="multipart/related")
        assert response.status_code == 403
        assert (response.json or {})["code"] == "denied"
    assert browse(cast.stranger).post(f"/dicom-web/{viewer.context}/studies").status_code == 404


def test_only_dicom_json_is_offered(cast: Cast, scopes: Scopes, view: View) -> None:
    viewer = view(cast.reader, make_study(scopes, cast.mercy, reading=cast.nightowls))
    for accepted in ("application/dicom+json", "application/json", "*/*", "application/dicom+json, */*;q=0.1"):
        assert viewer.get("/studies", headers={"Accept": accepted}).status_code == 200
    assert viewer.get("/studies", headers={"Accept": "text/html"}).status_code == 406


def test_thumbnails_are_made_once_and_anew_when_images_come(cast: Cast, scopes: Scopes, view: View, cells: FakeCells) -> None:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls, series=(3, 2))
    with scopes.open(system_actor(cast.mercy)) as scope:  # the second series holds no images
        _, report = queries.series_of(scope, queries.get(scope, study.id))
        scope.session.execute(update(Instance).where(Instance.series_id == report.id).values(rows=None))
        rows = select(Instance.orthanc_id, Instance.instance_number).where(Instance.study_id == study.id, Instance.rows == 512)
        middle = {number: orthanc_id for orthanc_id, number in scope.session.execute(rows)}[2]
    cells.pictures[middle] = b"\xff\xd8first"
    assert jobs.make_provider(scopes, cells, cast.mercy, host="127.0.0.1") == 2
    assert [asked for _, asked in cells.asked] == [f"rendered {middle} 256"]
    viewer = view(cast.reader, study)
    below = f"/studies/{study.uid}"
    for path in (f"{below}/thumbnail", f"{below}/series/{study.series[0]}/thumbnail"):
        answer = viewer.get(path, headers={"Accept": "image/avif,image/webp,*/*;q=0.8"})
        assert (answer.status_code, answer.content_type, answer.data) == (200, "image/jpeg", b"\xff\xd8first")
        assert answer.headers["Cache-Control"] == "no-store"
    nothing = viewer.get(f"{below}/series/{study.series[1]}/thumbnail")
    assert nothing.data.startswith(b"\xff\xd8\xff")
    assert viewer.get(f"{below}/thumbnail", headers={"Accept": "image/png"}).status_code == 406
    with scopes.open(system_actor(cast.mercy)) as scope:  # one more image arrives
        scope.session.execute(update(Series).where(Series.series_instance_uid == study.series[0]).values(instance_count=4))
    cells.pictures[middle] = b"\xff\xd8second"
    for _ in range(2):
        assert viewer.get(f"{below}/series/{study.series[0]}/thumbnail").data == b"\xff\xd8second"
    assert len(cells.asked) == 2
    unknown = words(viewer.get("/studies/1.2.3/thumbnail"))
    assert unknown[0] == 404
    foreign = viewer.browser.get(f"/dicom-web/own{below}/thumbnail")
    assert words(foreign) == unknown


def test_what_the_cell_cannot_draw_is_not_asked_again(cast: Cast, scopes: Scopes, cells: FakeCells, browse: Browse) -> None:
    study = make_study(scopes, cast.mercy)
    with scopes.open(system_actor(cast.mercy)) as scope:
        ids = scope.session.scalars(select(Instance.orthanc_id).where(Instance.study_id == study.id)).all()
    cells.pictures = dict.fromkeys(ids, Broken("cannot decode"))
    assert jobs.make_provider(scopes, cells, cast.mercy, host="127.0.0.1") == 1
    assert jobs.make_provider(scopes, cells, cast.mercy, host="127.0.0.1") == 0
    own = f"/dicom-web/own/studies/{study.uid}/thumbnail"
    assert browse(cast.owner).get(own).status_code == 200
    assert browse(cast.colleague).get(own).status_code == 404  # not shared with this viewer
    assert browse(cast.strange_technician).get(own).status_code == 404


def test_one_instances_metadata_is_cut_out_of_its_series(cast: Cast, scopes: Scopes, browse: Browse, cells: FakeCells) -> None:
    study = make_study(scopes, cast.mercy, series=(2,))
    with scopes.open(system_actor(cast.mercy)) as scope:
        first, second = scope.session.scalars(select(Instance.sop_instance_uid).where(Instance.study_id == study.id)).all()
    one = {
        uid: {"00080018": {"vr": "UI", "Value": [uid]}, "7FE00010": {"vr": "OW", "BulkDataURI": f"instances/{uid}/bulk/1"}}
        for uid in (first, second)
    }
    cells.metadata[study.uid, study.series[0]] = json.dumps(list(one.values()), separators=(",", ":")).encode()
    below = f"/dicom-web/own/studies/{study.uid}/series/{study.series[0]}/instances"
    (found,) = browse(cast.owner).get(f"{below}/{second}/metadata").json or []
    assert found == one[second] | {"7FE00010": {"vr": "OW", "BulkDataURI": "bulk/1"}}
    unknown = browse(cast.owner).get(f"{below}/1.2.3/metadata")
    stranger = browse(cast.strange_technician).get(f"{below}/{second}/metadata")
    assert (unknown.status_code, unknown.data) == (stranger.status_code, stranger.data)
    assert stranger.status_code == 404
