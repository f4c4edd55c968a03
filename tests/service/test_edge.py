"""What the public door lets through, turns away and rewrites."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.edge import Edge

STUDY = "1.2.826.0.1"
FRAMES = f"/studies/{STUDY}/series/1.2/instances/1.3/frames/1"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    made = Edge(tmp_path_factory.mktemp("edge"))
    yield made
    made.close()


@pytest.fixture
def edge(door: Edge) -> Edge:
    """The shared door, with nobody known: a cookie of its own, because decisions outlive a test."""
    door.forget()
    return door


@pytest.mark.parametrize(
    "target",
    [
        f"/dicom-web/ctx/studies/{STUDY}/../9.9/metadata",
        f"/dicom-web/ctx/studies/{STUDY}/%2e%2e/9.9/metadata",
        f"/dicom-web/ctx/studies/{STUDY}%2Fseries/1.2",
        f"/dicom-web/ctx/studies/{STUDY}%5c..%5c9.9",
        "/dicom-web/ctx//studies",
        "/worklist\\admin",
        "/worklist/..",
        "/dicom-web/ctx/studies%252e",
        "/dicom-web/ctx/studies?_method=DELETE",
        "/dicom-web/ctx/studies?a=1&_METHOD=PUT",
        "/dicom-web/ctx/studies?%5Fmethod=DELETE",
    ],
)
def test_b04_crooked_requests_end_at_the_door(edge: Edge, target: str) -> None:
    assert edge.raw(target) == 400
    assert edge.web.seen == edge.cell.seen == []


@pytest.mark.parametrize("path", ["/intake/events", "/edge/pixels?context=a&study=b", "/metrics", "/health/ready", "/intake"])
def test_inner_doors_do_not_exist_outside(edge: Edge, path: str) -> None:
    assert edge.http.get(path).status_code == 404
    assert edge.web.seen == []


@pytest.mark.parametrize("path", ["/__may_see_pixels", "/__may_explore", "/@refused"])
def test_internal_locations_are_internal(edge: Edge, path: str) -> None:
    assert edge.http.get(path).status_code == 404
    assert edge.web.paths("/edge") == []


def test_pixels_come_from_the_cell_with_its_token_and_nothing_of_the_client(edge: Edge) -> None:
    edge.may.add((edge.cookie, "ctx", STUDY))
    answer = edge.http.get(
        f"/dicom-web/ctx{FRAMES}?viewport=256%2C256&StudyInstanceUID=9.9&quality=1000",
        headers={
            "Cookie": edge.cookie, "Authorization": "Bearer stolen", "Forwarded": "host=evil",
            "X-Forwarded-Host": "evil", "X-Cell-Address": "10.0.0.1:80", "Accept": "multipart/related",
        },
    )  # fmt: skip
    assert (answer.status_code, answer.content) == (200, b"pixels")
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "private, no-store"
    [asked] = edge.cell.seen
    assert asked.path == f"/dicom-web{FRAMES}?viewport=256%2C256"
    assert asked.headers["authorization"] == "Bearer signed"
    assert asked.headers["accept"] == "multipart/related"
    assert not {"cookie", "forwarded", "x-forwarded-host", "x-cell-address"} & set(asked.headers)


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/jpeg"),
        ("image/png", "image/png"),
        ("multipart/related; type=application/octet-stream; transfer-syntax=*",) * 2,
    ],
)
def test_an_img_is_given_a_jpeg_and_whoever_asks_plainly_what_they_ask_for(edge: Edge, asked: str, passed: str) -> None:
    edge.may.add((edge.cookie, "ctx", STUDY))
    edge.http.get(f"/dicom-web/ctx{FRAMES}/rendered", headers={"Cookie": edge.cookie, "Accept": asked})
    assert edge.cell.seen[0].headers["accept"] == passed


def test_only_what_is_named_by_its_content_is_kept_for_ever(edge: Edge) -> None:
    for path, kept in (
        ("app.css?v=0123456789", "public, max-age=31536000, immutable"),
        ("app.css", "no-cache"),
        ("app.css?v=", "no-cache"),
        ("app.css?v=0123456789&x", "no-cache"),
    ):
        answer = edge.http.get(f"/static/{path}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, kept)
    assert edge.http.get("/static/none.css?v=0123456789").headers["cache-control"] == "no-cache"


def test_a_decision_is_remembered_for_its_cookie_context_and_study_only(edge: Edge) -> None:
    edge.may.add((edge.cookie, "ctx", STUDY))
    for _ in range(3):
        assert edge.http.get(f"/dicom-web/ctx{FRAMES}", headers={"Cookie": edge.cookie}).status_code == 200
    assert len(edge.web.paths("/edge")) == 1
    assert edge.http.get(f"/dicom-web/ctx{FRAMES}", headers={"Cookie": "rr_session=stranger"}).status_code == 404
    assert edge.http.get(f"/dicom-web/other{FRAMES}", headers={"Cookie": edge.cookie}).status_code == 404
    assert edge.http.get(f"/dicom-web/ctx{FRAMES.replace(STUDY, '9.9')}", headers={"Cookie": edge.cookie}).status_code == 404
    assert len(edge.cell.seen) == 3
    edge.http.get(f"/dicom-web/ctx{FRAMES.replace('/series/1.2/', '/series/1.9/')}", headers={"Cookie": edge.cookie})
    assert edge.web.paths("/edge")[0].endswith(f"&study={STUDY}&series=1.2")
    assert edge.web.paths("/edge")[-1].endswith(f"&study={STUDY}&series=1.9")


def test_a_path_without_a_series_reaches_no_cell(edge: Edge) -> None:
    edge.may.add((edge.cookie, "ctx", STUDY))
    assert edge.http.get(f"/dicom-web/ctx/studies/{STUDY}/thumbnail", headers={"Cookie": edge.cookie}).status_code == 404
    assert edge.cell.seen == []


def test_refusal_and_unknown_are_the_web_applications_own_words(edge: Edge) -> None:
    refused = edge.http.get(f"/dicom-web/ctx{FRAMES}")
    unknown = edge.http.get("/dicom-web/ctx/studies/1/nothing")
    assert (refused.status_code, refused.content) == (unknown.status_code, unknown.content) == (404, unknown.content)
    assert edge.cell.seen == []


@pytest.mark.parametrize("address", ["10.1.2.3:80", "127.0.0.1:22", "localhost:1", "", "127.0.0.1:22/../", "evil.example:80"])
def test_an_address_no_cell_can_have_leads_nowhere(edge: Edge, address: str) -> None:
    edge.may.add((edge.cookie, "ctx", STUDY))
    edge.cell_address = address
    assert edge.http.get(f"/dicom-web/ctx{FRAMES}", headers={"Cookie": edge.cookie}).status_code in {404, 500}
    assert edge.cell.seen == []


def test_only_get_reaches_pixels(edge: Edge) -> None:
    edge.may.add((edge.cookie, "ctx", STUDY))
    for method in ("POST", "PUT", "DELETE"):
        assert edge.http.request(method, f"/dicom-web/ctx{FRAMES}", headers={"Cookie": edge.cookie}).status_code in {403, 404}
    assert edge.cell.seen == []


def test_b04_the_web_application_hears_the_true_address_and_no_claims(edge: Edge) -> None:
    edge.http.get(
        "/worklist?PatientName=DOE",
        headers={
            "X-Forwarded-For": "1.1.1.1",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Ssl": "on",
            "X-Cell-Token": "t",
            "Remote-User": "root",
            "Cookie": "a=b",
        },
    )
    [asked] = edge.web.seen
    assert asked.path == "/worklist?PatientName=DOE"
    assert asked.headers["x-forwarded-for"] == "127.0.0.1"
    assert asked.headers["x-forwarded-proto"] == "http"
    assert not {"x-cell-token", "x-forwarded-ssl", "remote-user"} & set(asked.headers)
    assert asked.headers["cookie"] == "a=b"


def test_logs_hold_no_query_strings(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.http.get("/worklist?PatientName=DOE^JANE")
    edge.web.stop()
    edge.http.get("/worklist?PatientName=DOE^JANE")
    assert '"path":"/worklist"' in edge.log()
    assert "DOE" not in edge.log()
    edge.close()


def test_an_invitation_stays_out_of_the_log(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.http.get("/invitation/opens-an-account")
    assert '"path":"/invitation/-"' in edge.log()
    assert "opens-an-account" not in edge.log()
    edge.close()


def test_what_nginx_says_itself_is_inert_too(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.web.stop()
    for path, status in (("/%2e%2e/x", 400), ("/intake/events", 404), ("/static/", 403), ("/ohif", 302), ("/worklist", 502)):
        answer = edge.http.get(path)
        assert answer.status_code == status
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    edge.close()


def test_a_page_keeps_its_own_policy_alone(edge: Edge) -> None:
    policy = edge.http.get("/worklist").headers.get_list("content-security-policy")
    assert policy == ["script-src 'self'"]


def test_a_cells_answer_is_never_a_page(edge: Edge) -> None:
    edge.may.add((edge.cookie, "ctx", STUDY))
    answer = edge.http.get(f"/dicom-web/ctx{FRAMES}", headers={"Cookie": edge.cookie})
    assert answer.headers["content-security-policy"].endswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-store"


def test_a_claimed_host_is_not_repeated(edge: Edge) -> None:
    for path in ("/ohif", "/worklist"):
        answer = edge.http.get(path, headers={"Host": "evil.example"})
        assert answer.status_code == 421
        assert "evil" not in answer.text + str(answer.headers)
    assert edge.web.seen == []
    assert edge.http.get("/ohif", headers={"Host": "LOCALHOST:1"}).headers["location"] == "/ohif/"


@pytest.mark.parametrize(
    ("path", "content", "policy"),
    [
        ("/ohif/", b"<html>viewer</html>", "worker-src 'self'"),
        ("/ohif/viewer?StudyInstanceUIDs=1&ctx=2", b"<html>viewer</html>", "worker-src 'self'"),
        ("/ohif/app.js", b"plain", "worker-src 'self'"),
        ("/ohif/8097.bundle.abc.js", b"worker", "'unsafe-eval'; connect-src 'self'"),
        ("/static/app.css", b"css", "default-src 'none'; frame-ancestors 'none'"),
    ],
)
def test_files_carry_their_own_policy(edge: Edge, path: str, content: bytes, policy: str) -> None:
    answer = edge.http.get(path)
    assert (answer.status_code, answer.content) == (200, content)
    assert policy in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_viewers_configuration_comes_from_the_sidecar(edge: Edge) -> None:
    assert edge.http.get("/ohif/app-config.js").content == b"config"


def test_what_is_carried_leaves_only_after_the_web_application_said_so(edge: Edge) -> None:
    taken = edge.http.get("/exports/1/download", headers={"Cookie": edge.cookie, "Range": "bytes=3-", "Accept": "text/html"})
    assert (taken.status_code, taken.content) == (200, b"PK /" + b"a" * 32)
    (asked,) = edge.carrier.seen
    assert set(asked.headers) == {"host", "range", "x-request-id"}
    assert taken.headers["content-disposition"] == "attachment"
    assert taken.headers["cache-control"] == "private, no-store"
    assert taken.headers["content-security-policy"].endswith("sandbox")
    for path in (f"/__carried/{'a' * 32}", "/__carried/", f"/exports/../__carried/{'a' * 32}"):
        assert edge.raw(path) in {400, 404}, path


BULK = f"/dicom-web/ctx/studies/{STUDY}/series/1.2/instances/1.3/bulk/7fe00010"


def test_what_may_be_large_is_carried_and_the_cell_hears_the_media_type_only(edge: Edge) -> None:
    answer = edge.http.get(BULK, headers={"Cookie": edge.cookie, "Accept": "multipart/related", "Range": "bytes=3-"})
    assert (answer.status_code, answer.content) == (200, b"PK /" + b"a" * 32)
    (asked,) = edge.carrier.seen
    assert set(asked.headers) == {"host", "accept", "x-request-id"}
    assert answer.headers.get_list("cache-control") == ["private, no-store"]
    assert answer.headers["content-security-policy"].endswith("sandbox")
    assert edge.cell.seen == []
    assert edge.raw(f"/__single/{'a' * 32}") == 404


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_what_the_carrier_does_not_find_is_asked_for_once_more_and_answered_as_unknown(edge: Edge, status: int) -> None:
    """The web application is told by a header that no client gets past the door."""
    edge.carrier.answer = lambda _: (status, {}, b"a cell's own words")
    claims = {"Cookie": edge.cookie, "X-Single-Missed": "1"}
    unknown = edge.http.get("/dicom-web/ctx/studies/1/nothing")
    missed = edge.http.get(BULK, headers=claims)
    assert (missed.status_code, missed.content) == (404, unknown.content)
    asked = edge.web.seen[1:]
    assert [(each.path, each.headers.get("x-single-missed")) for each in asked] == [(BULK, None), (BULK, "1")]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_cell_that_does_not_answer_is_told_in_words(edge: Edge, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    edge.may.add((edge.cookie, "ctx", STUDY))
    monkeypatch.setattr(edge.cell, "answer", lambda _: (status, {}, b""))
    answer = edge.http.get(f"/dicom-web/ctx{FRAMES}", headers={"Cookie": edge.cookie})
    assert (answer.status_code, answer.headers["retry-after"], b"not answering" in answer.content) == (503, "10", True)


@pytest.mark.parametrize("path", [BULK, "/exports/1/download"])
@pytest.mark.parametrize(("status", "words"), [(429, b"at one time"), (503, b"no room")])
def test_who_has_enough_and_no_room_are_said_in_words(edge: Edge, path: str, status: int, words: bytes) -> None:
    edge.carrier.answer = lambda _: (status, {}, b"")
    answer = edge.http.get(path, headers={"Cookie": edge.cookie})
    assert (answer.status_code, answer.headers["retry-after"], words in answer.content) == (status, "10", True)
    assert answer.headers["x-content-type-options"] == "nosniff"
